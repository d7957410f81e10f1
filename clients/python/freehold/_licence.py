"""The licence of a release: its text, and the payer's signature under it, which goes along with calls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from eth_account.signers.local import LocalAccount

from ._codec import domain_separator, keccak, sha256, to_hex, typed_digest, words
from ._network import CONTRACTS
from .errors import FreeholdError

HEADER = "licence-acceptance"
OWN_FILE = "LICENSE"
_REF = "LicenseRef-"
_TYPE_HASH = keccak(b"LicenceAcceptance(bytes32 release,bytes32 text,address payer)")
_SPDX_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")
_SPDX_WORDS = ("AND", "OR", "WITH")


@dataclass(frozen=True)
class Licence:
    release: str
    licence: str
    """SPDX expression, or `LicenseRef-` and the path of a file of the release."""
    text: str
    digest: str
    """SHA-256 of the text: what is signed."""


@dataclass(frozen=True)
class AcceptedLicence:
    release: str
    licence: str
    text: str
    """SHA-256 of the text."""
    payer: str
    signature: str

    @property
    def header(self) -> str:
        return f"{self.text}.{self.signature}"


def file_of(manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The manifest's entry of the licence's text; None for an SPDX expression. Raises `licence.missing`."""
    licence = str(manifest["licence"])
    if not licence.startswith(_REF):
        return None
    for file in manifest["files"]:
        if file["path"] == licence[len(_REF) :]:
            found: Mapping[str, Any] = file
            return found
    raise FreeholdError("licence.missing", f"{manifest['release']} is under {licence}, a file that the release does not have.")


def spdx_text(licence: str) -> str:
    """What is accepted for an SPDX expression: its texts are public, and named by their identifiers for good."""
    names = dict.fromkeys(name for name in _SPDX_ID.findall(licence) if name not in _SPDX_WORDS)
    return f"SPDX-License-Identifier: {licence}\n" + "".join(f"https://spdx.org/licenses/{name}.html\n" for name in names)


def licence_of(release: str, licence: str, text: str) -> Licence:
    return Licence(release, licence, text, to_hex(sha256(text.encode())))


def accept(licence: Licence, account: LocalAccount, chain_id: int) -> AcceptedLicence:
    """Signs, after the text was shown, that the account accepts it (EIP-712, `LicenceAcceptance`)."""
    payer = str(account.address).lower()
    separator = domain_separator("Freehold", "1", chain_id, CONTRACTS["UsageLedger"])
    digest = typed_digest(separator, words([_TYPE_HASH, licence.release, licence.digest, payer]))
    signature = to_hex(bytes(account.unsafe_sign_hash(digest).signature))
    return AcceptedLicence(licence.release, licence.licence, licence.digest, payer, signature)
