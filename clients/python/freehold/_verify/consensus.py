"""Whether a consensus block was really made: CometBFT headers and commits (v0.38) against a checkpoint."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from .._codec import sha256, to_hex
from . import ed25519


def merkle_root(items: Sequence[bytes]) -> bytes:
    if not items:
        return sha256(b"")
    if len(items) == 1:
        return sha256(b"\0" + items[0])
    split = 1
    while split * 2 < len(items):
        split *= 2
    return sha256(b"\1" + merkle_root(items[:split]) + merkle_root(items[split:]))


def varint(value: int) -> bytes:
    value %= 2**64
    out = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


def _number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value) if value else b""


def _fixed(field: int, value: int) -> bytes:
    return varint(field << 3 | 1) + value.to_bytes(8, "little", signed=True) if value else b""


def _message(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def _bytes(field: int, value: bytes) -> bytes:
    return _message(field, value) if value else b""


def _time(time: Mapping[str, Any]) -> bytes:
    return _number(1, time["seconds"]) + _number(2, time["nanos"])


def _block_id(block: Mapping[str, Any]) -> bytes:
    return _bytes(1, block["hash"]) + _message(2, _number(1, block["partsTotal"]) + _bytes(2, block["partsHash"]))


def header_hash(header: Mapping[str, Any]) -> bytes:
    hashes = ("lastCommitHash", "dataHash", "validatorsHash", "nextValidatorsHash", "consensusHash", "appHash", "lastResultsHash", "evidenceHash")
    return merkle_root([
        _number(1, header["versionBlock"]) + _number(2, header["versionApp"]),
        _bytes(1, header["chainId"].encode()),
        _number(1, header["height"]),
        _time(header["time"]),
        _block_id(header["lastBlockId"]),
        *(_bytes(1, header[name]) for name in hashes),
        _bytes(1, header["proposerAddress"]),
    ])  # fmt: skip


def judge(block: Mapping[str, Any], checkpoint: Mapping[str, Any], chain_id: str, now: int | None) -> tuple[str, str]:
    """`trusted`, `older` (signed as it must be, before the checkpoint), or `refused` with the reason. `now` in Unix milliseconds."""
    header, commit, validators = block["header"], block["commit"], block["validators"]
    if header["chainId"] != chain_id:
        return "refused", "the header is of another chain"
    digest = header_hash(header)
    if commit["height"] != header["height"] or commit["blockId"]["hash"] != digest:
        return "refused", "the commit is for another header"
    set_hash = merkle_root([_message(1, _bytes(1, v["publicKey"])) + _number(2, v["power"]) for v in validators])
    if set_hash != header["validatorsHash"]:
        return "refused", "the header names another set of validators"
    keys = [v["publicKey"] for v in validators]
    if any(v["power"] <= 0 for v in validators) or len(set(keys)) != len(keys):
        return "refused", "a validator has no power or is named twice"
    if checkpoint["kind"] == "validators":
        if to_hex(header["validatorsHash"]) != checkpoint["validatorsHash"]:
            return "refused", "the validators are not the trusted ones"
    elif len(keys) != 1 or to_hex(keys[0]) != checkpoint["signer"]:
        return "refused", "the signer is not the trusted one"
    if len(commit["signatures"]) != len(validators):
        return "refused", "the commit does not have one entry for each validator"
    power = 0
    for validator, signature in zip(validators, commit["signatures"]):
        if signature["flag"] == 1:
            if signature["validatorAddress"] or signature["signature"] or signature["timestamp"] != {"seconds": 0, "nanos": 0}:
                return "refused", "an absent validator says something"
            continue
        if signature["validatorAddress"] != sha256(validator["publicKey"])[:20]:
            return "refused", "a signature is of another validator"
        if not ed25519.verify(validator["publicKey"], _vote(commit, signature, chain_id), signature["signature"]):
            return "refused", "a validator's signature is not good"
        if signature["flag"] == 2:
            power += validator["power"]
    if power * 3 <= sum(v["power"] for v in validators) * 2:
        return "refused", "two thirds of the validators or fewer signed"
    if now is not None and header["time"]["seconds"] * 1000 > now + 600_000:
        return "refused", "the header is from the future"
    height = int(checkpoint["height"])
    if header["height"] < height:
        return "older", "the block is older than the checkpoint"
    if header["height"] == height and to_hex(digest) != checkpoint["hash"]:
        return "refused", "the checkpoint has another header at this height"
    return "trusted", f"consensus block {header['height']}"


def _vote(commit: Mapping[str, Any], signature: Mapping[str, Any], chain_id: str) -> bytes:
    block = _message(4, _block_id(commit["blockId"])) if signature["flag"] == 2 else b""
    vote = _number(1, 2) + _fixed(2, commit["height"]) + _fixed(3, commit["round"]) + block
    vote += _message(5, _time(signature["timestamp"])) + _bytes(6, chain_id.encode())
    return varint(len(vote)) + vote
