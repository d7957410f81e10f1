"""The ledger over JSON-RPC: reading contracts, and one signed transaction at a time."""

from __future__ import annotations

import time
from typing import Any, Sequence

import requests
from eth_abi import decode, encode
from eth_account.signers.local import LocalAccount

from ._codec import from_hex, keccak, to_hex
from ._network import CONTRACTS, Network
from .errors import FreeholdError

_TIMEOUT = 30
_INCLUSION_SECONDS = 60


class Chain:
    def __init__(self, network: Network, session: requests.Session) -> None:
        self._network = network
        self._session = session
        self._id = 0

    def request(self, method: str, *params: Any) -> Any:
        """Raises `chain.reverted` for an error of the ledger, `network.down` where it does not answer."""
        self._id += 1
        body = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": list(params)}
        try:
            answer = self._session.post(self._network.rpc_url, json=body, timeout=_TIMEOUT).json()
        except (requests.RequestException, ValueError) as error:
            raise FreeholdError("network.down", f"The ledger does not answer at {self._network.rpc_url}", retryable=True) from error
        if "error" in answer:
            raise FreeholdError("chain.reverted", str(answer["error"].get("message", "refused")), detail=answer["error"])
        return answer["result"]

    def read(self, contract: str, function: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        """`function` is its signature, such as `claimable(address)`."""
        data = call_data(function, arguments)
        result = self.request("eth_call", {"to": CONTRACTS[contract], "data": data}, "latest")
        return tuple(decode(list(returns), from_hex(result)))

    def send(self, account: LocalAccount, contract: str, function: str, arguments: Sequence[Any]) -> str:
        """Sends and waits until it is in a block. Raises `chain.reverted` or `chain.timeout`; the same bytes are sent again until then."""
        call = {"from": account.address, "to": CONTRACTS[contract], "data": call_data(function, arguments)}
        gas = int(self.request("eth_estimateGas", call), 16)
        base = int(self.request("eth_gasPrice"), 16)
        transaction = {
            "type": 2,
            "chainId": self._network.chain_id,
            "nonce": int(self.request("eth_getTransactionCount", account.address, "pending"), 16),
            "to": CONTRACTS[contract],
            "value": 0,
            "data": call["data"],
            "gas": gas + gas // 4,
            "maxFeePerGas": 2 * base,
            "maxPriorityFeePerGas": min(base, 10**9),
            "accessList": [],
        }
        signed = account.sign_transaction(transaction)
        raw, digest = to_hex(bytes(signed.raw_transaction)), to_hex(bytes(signed.hash))
        self.request("eth_sendRawTransaction", raw)
        deadline = time.monotonic() + _INCLUSION_SECONDS
        while time.monotonic() < deadline:
            receipt = self.request("eth_getTransactionReceipt", digest)
            if receipt is not None:
                if receipt["status"] != "0x1":
                    raise FreeholdError("chain.reverted", f"The chain refused transaction {digest}")
                return digest
            time.sleep(0.1)
        raise FreeholdError("chain.timeout", f"Transaction {digest} was not included within {_INCLUSION_SECONDS} s", retryable=True)


def call_data(function: str, arguments: Sequence[Any]) -> str:
    types = _split(function[function.index("(") + 1 : -1])
    return to_hex(keccak(function.encode())[:4] + encode(types, list(arguments)))


def _split(types: str) -> list[str]:
    """Top-level types of a signature's parameters."""
    found, depth, current = [], 0, ""
    for letter in types:
        if letter == "," and depth == 0:
            found.append(current)
            current = ""
            continue
        depth += letter == "("
        depth -= letter == ")"
        current += letter
    return [*found, current] if current else found
