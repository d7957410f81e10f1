"""Who published which bytes when: what a certificate file proves, from the file and a checkpoint alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal, Mapping, Sequence

from .._codec import canonical_json, keccak, sha256, to_hex, words
from .._network import CONSENSUS_CHAIN_IDS, CONTRACTS
from . import consensus, shape
from .receipt import evm_header
from .trie import ProofError, State, slot_of

Outcome = Literal["genuine", "older", "expired", "elsewhere", "forged"]
_PART = r"[a-z0-9][a-z0-9-]{0,62}"
_NUMBER = r"(0|[1-9][0-9]{0,4})"
_RELEASE = re.compile(rf"({_PART})/({_PART})@{_NUMBER}\.{_NUMBER}")
_MOST_BYTES = 2**53 - 1
_OWNERS, _RELEASES = 2, 8
"""Slots of `ModelRegistry` (`packages/contracts/src/layout.ts`)."""


@dataclass(frozen=True)
class ReleaseFile:
    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class CertifiedFacts:
    """Times in Unix seconds, by the chain's clock; `retired_at` is 0 while the release is served."""

    model: str
    release: str
    files: Sequence[ReleaseFile]
    publisher: str
    """Who owned the model when the release was published."""
    published_at: int
    retired_at: int
    owner: str
    """Who owns the model at the block of the proof."""
    block: int


@dataclass(frozen=True)
class CertificateVerdict:
    """
    `genuine`; `older`: proved by a block before the checkpoint; `expired`: its way over changed sets of validators begins at a checkpoint that is more than a week old;
    `elsewhere`: its way does not pass the checkpoint, so that it may be from another one, or anybody's own chain; `forged`. `facts` are there unless it is forged.
    """

    outcome: Outcome
    facts: "CertifiedFacts | None"
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome == "genuine"


def verify_certificate_text(text: str, checkpoint: Mapping[str, Any], now: "int | None" = None, trust_now: "int | None" = None) -> CertificateVerdict:
    """What does not parse is forged. Clocks in Unix milliseconds; `trust_now` is the one for a way over changed sets (default `now`)."""
    try:
        file = shape.parse_certificate(text)
        facts = _facts(file)
    except ValueError as error:
        return CertificateVerdict("forged", None, str(error))
    chain_id = CONSENSUS_CHAIN_IDS.get(file["chainId"], f"freehold-{file['chainId']}")
    if "lightPath" in file:
        kind, reason = consensus.judge_path(file["lightPath"], file["lightBlock"], checkpoint, chain_id, now if trust_now is None else trust_now)
    else:
        kind, reason = consensus.judge(file["lightBlock"], checkpoint, chain_id, now)
    if kind == "refused":
        return CertificateVerdict("forged", None, reason)
    if file["lightBlock"]["header"]["appHash"] != keccak(file["evmHeader"]):
        return CertificateVerdict("forged", None, "the consensus header proves another block than the one in the file")
    if kind == "older":
        return CertificateVerdict("older", facts, reason)
    if kind == "expired":
        return CertificateVerdict("expired", facts, reason)
    if kind == "elsewhere":
        return CertificateVerdict("elsewhere", facts, reason)
    return CertificateVerdict("genuine", facts)


def _facts(file: Mapping[str, Any]) -> CertifiedFacts:
    """Raises `Malformed` or `ProofError` for what the file does not prove."""
    name, files, model, release = _manifest(file["manifest"])
    if release != file["release"]:
        raise ProofError("the manifest is another release's")
    header = evm_header(file["evmHeader"])
    if header is None:
        raise ProofError("the header of the block is malformed")
    state = State(header["stateRoot"], file["stateNodes"])
    registry = CONTRACTS["ModelRegistry"]
    of_model, digest, packed, publisher = (state.slot(registry, slot_of(_RELEASES, [release], word)) for word in (0, 1, 2, 8))
    owner = state.slot(registry, slot_of(_OWNERS, [model], 0))
    if not state.all_used:
        raise ProofError("the state proof holds nodes that prove nothing")
    published, retired = packed & (2**64 - 1), packed >> 64 & (2**64 - 1)
    if published == 0:
        raise ProofError("the registry has no such release")
    if digest != int.from_bytes(sha256(file["manifest"].encode("utf-8")), "big"):
        raise ProofError("the registry holds another manifest's digest")
    if of_model != int(model, 16):
        raise ProofError("the release is of another model")
    if published > header["timestamp"]:
        raise ProofError("the release is newer than the block that proves it")
    return CertifiedFacts(name, release, files, _address(publisher), published, retired, _address(owner), header["number"])


def _manifest(text: str) -> tuple[str, Sequence[ReleaseFile], str, str]:
    """Name and files of a manifest in its canonical spelling, and the ids of model and release that follow from the name."""
    value = shape.read_json(text, "manifest")
    if not isinstance(value, dict) or canonical_json(value) != text:
        raise shape.Malformed("manifest is not canonical JSON")
    name, files = value.get("release"), value.get("files")
    match = _RELEASE.fullmatch(name) if isinstance(name, str) else None
    if value.get("version") != 1 or match is None or int(match[3]) > 0xFFFF or int(match[4]) > 0xFFFF:
        raise shape.Malformed("manifest names no release")
    entry = shape.record({"path": shape.text(200), "sha256": shape.hex_of(32), "bytes": shape.integer(0, _MOST_BYTES)})
    listed = shape.list_of(entry, 100_000)(files, "manifest.files")
    if not listed:
        raise shape.Malformed("manifest names no files")
    model = to_hex(keccak(f"{match[1]}/{match[2]}".encode()))
    release = to_hex(keccak(words([model, int(match[3]), int(match[4])])))
    return str(name), [ReleaseFile(**item) for item in listed], model, release


def _address(word: int) -> str:
    return f"0x{word & (2**160 - 1):040x}"
