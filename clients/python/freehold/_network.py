"""Facts that all networks share, and the description of a running one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping

import requests

from .errors import FreeholdError, invalid

OPG = 10**18
"""Smallest units in one OPG."""

CONTRACTS: Mapping[str, str] = {
    "OPG": "0x4f50470000000000000000000000000000000001",
    "ModelRegistry": "0x4f50470000000000000000000000000000000002",
    "UsageLedger": "0x4f50470000000000000000000000000000000003",
    "Royalties": "0x4f50470000000000000000000000000000000004",
    "NodeRegistry": "0x4f50470000000000000000000000000000000005",
    "Channels": "0x4020074e9df2ce1dee5a9c1b5c3f541d02a10003",
    "Erc3009DepositCollector": "0x4020806089470a89826cb9fb1f4059150b550004",
}
TILL_INIT_CODE_HASH = "0x68cd6de6717490c5f2db829ce004c13cdb0a739cc2047bd78e93f22d19183930"
MODES: Mapping[str, int] = {"fast": 0, "bit-exact": 1, "attested": 2, "proved": 3}
EVIDENCE_KINDS = ("routed", "signed", "attested", "audited", "replayed", "proved")
CONSENSUS_CHAIN_IDS: Mapping[int, str] = {10740: "freehold-10740", 10741: "freehold-10741"}
DEFAULT_NETWORK = "http://127.0.0.1:8546"


@dataclass(frozen=True)
class Network:
    """Where the parts of a network are, and whose blocks its receipts stand on."""

    chain_id: int
    rpc_url: str
    gateway_url: str
    hub_url: str
    storage_url: str
    checkpoint: Mapping[str, Any]

    @staticmethod
    def load(source: str) -> "Network":
        """From a gateway's origin (`http://…`) or a `network.json` file."""
        if source.startswith(("http://", "https://")):
            try:
                answer = requests.get(f"{source.rstrip('/')}/network.json", timeout=15)
            except requests.RequestException as error:
                raise FreeholdError("network.down", f"The gateway does not answer at {source}. Is the network running?", retryable=True) from error
            if answer.status_code != 200:
                raise FreeholdError("upstream.failed", f"The gateway answered with HTTP {answer.status_code}")
            value = answer.json()
        else:
            value = json.loads(Path(source).read_text())
        try:
            return Network(
                chain_id=int(value["chainId"]),
                rpc_url=str(value["rpcUrl"]),
                gateway_url=str(value["gatewayUrl"]).rstrip("/"),
                hub_url=str(value["hubUrl"]).rstrip("/"),
                storage_url=str(value["storageUrl"]).rstrip("/"),
                checkpoint=dict(value["checkpoint"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise invalid("network", f"{source} does not describe a network") from error


def parse_opg(amount: "int | str | float") -> int:
    """Smallest units of an amount in OPG: `1`, `"0.05"`. Numbers with a fraction must be given as text, since binary fractions are not exact."""
    text = str(amount) if not isinstance(amount, float) else (str(int(amount)) if amount.is_integer() else "")
    whole, _, fraction = text.partition(".")
    if not whole.isdigit() or len(whole) > 10 or len(fraction) > 18 or (fraction and not fraction.isdigit()) or text.endswith("."):
        raise invalid("amount", f"{amount!r} must be an amount in OPG; give fractions as text, such as '0.05'")
    return int(whole) * OPG + int(fraction.ljust(18, "0") or "0")


def format_opg(amount: int) -> str:
    whole, rest = divmod(amount, OPG)
    return f"{whole}.{str(rest).rjust(18, '0').rstrip('0').ljust(2, '0')}"
