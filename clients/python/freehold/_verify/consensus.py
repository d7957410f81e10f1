"""Whether a consensus block was really made: CometBFT headers and commits (v0.38) against a checkpoint."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

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


Block = Mapping[str, Any]
_TRUST_MS = 7 * 86_400_000
"""How long a set answers for what it signed."""
_DRIFT_MS = 600_000


def judge(block: Block, checkpoint: Mapping[str, Any], chain_id: str, now: int | None) -> tuple[str, str]:
    """`trusted`, `older` (signed as it must be, before the checkpoint), or `refused` with the reason. `now` in Unix milliseconds."""
    header = block["header"]
    sound = _sound(block, chain_id, lambda: _strange(block, checkpoint))
    if isinstance(sound, str):
        return "refused", sound
    digest, _ = sound
    if now is not None and header["time"]["seconds"] * 1000 > now + _DRIFT_MS:
        return "refused", "the header is from the future"
    height = int(checkpoint["height"])
    if header["height"] < height:
        return "older", "the block is older than the checkpoint"
    if header["height"] == height and to_hex(digest) != checkpoint["hash"]:
        return "refused", "the checkpoint has another header at this height"
    return "trusted", f"consensus block {header['height']}"


def judge_path(path: Sequence[Block], last: Block, checkpoint: Mapping[str, Any], chain_id: str, now: int | None) -> tuple[str, str]:
    """
    The same for a block that is reached from the checkpoint's over changed sets of validators. Each block must be signed by its own set and vouched for by the one
    before, and none may be there that is not needed. `expired` without a clock, or when the checkpoint is too old: who left a set may sign anything later.
    `elsewhere` when the blocks are sound and nothing joins them to the checkpoint: it may be a way from another one, or anybody's own chain.
    """
    if checkpoint["kind"] != "validators" or not path:
        return "refused", "there is no such path"
    blocks, digests = [*path, last], []
    for index, block in enumerate(blocks):
        before = blocks[index - 1] if index > 0 else None
        wrong = None if before is None else _misplaced(before, block)
        sound = _sound(block, chain_id, lambda: wrong)
        if isinstance(sound, str):
            return "refused", sound
        digest, signers = sound
        if before is not None and not _reached(before, block, signers):
            return "refused", "too few of the set before signed"
        if index > 1 and _reached(blocks[index - 2], block, signers):
            return "refused", "a block of the path is not needed"
        digests.append(digest)
    height = int(checkpoint["height"])
    at = next((index for index, block in enumerate(blocks) if block["header"]["height"] == height), None)
    if at is None:
        known = any(to_hex(block["header"]["validatorsHash"]) == checkpoint["validatorsHash"] for block in blocks)
        if known and last["header"]["height"] < height:
            return "older", "the block is older than the checkpoint"
        return "elsewhere", "the way to the block does not pass the checkpoint"
    start = blocks[at]["header"]
    if to_hex(digests[at]) != checkpoint["hash"] or to_hex(start["validatorsHash"]) != checkpoint["validatorsHash"]:
        return "refused", "the checkpoint has another header at this height"
    if now is None or _milliseconds(start) + _TRUST_MS <= now:
        return "expired", "the block is beyond a checkpoint that is too old"
    if _milliseconds(last["header"]) > now + _DRIFT_MS:
        return "refused", "the header is from the future"
    return "trusted", f"consensus block {last['header']['height']}"


def _sound(block: Block, chain_id: str, stranger: Callable[[], str | None]) -> tuple[bytes, Mapping[bytes, int]] | str:
    """The header's hash and who signed for it with how much power; or why its own set never made it."""
    header, commit, validators = block["header"], block["commit"], block["validators"]
    if header["chainId"] != chain_id:
        return "the header is of another chain"
    digest = header_hash(header)
    if commit["height"] != header["height"] or commit["blockId"]["hash"] != digest:
        return "the commit is for another header"
    set_hash = merkle_root([_message(1, _bytes(1, v["publicKey"])) + _number(2, v["power"]) for v in validators])
    if set_hash != header["validatorsHash"]:
        return "the header names another set of validators"
    if any(v["power"] <= 0 for v in validators) or len({v["publicKey"] for v in validators}) != len(validators):
        return "a validator has no power or is named twice"
    strange = stranger()
    if strange is not None:
        return strange
    if len(commit["signatures"]) != len(validators):
        return "the commit does not have one entry for each validator"
    signers: dict[bytes, int] = {}
    for validator, signature in zip(validators, commit["signatures"]):
        if signature["flag"] == 1:
            if signature["validatorAddress"] or signature["signature"] or signature["timestamp"] != {"seconds": 0, "nanos": 0}:
                return "an absent validator says something"
            continue
        if signature["validatorAddress"] != sha256(validator["publicKey"])[:20]:
            return "a signature is of another validator"
        if not ed25519.verify(validator["publicKey"], _vote(commit, signature, chain_id), signature["signature"]):
            return "a validator's signature is not good"
        if signature["flag"] == 2:
            signers[validator["publicKey"]] = validator["power"]
    if sum(signers.values()) * 3 <= sum(v["power"] for v in validators) * 2:
        return "two thirds of the validators or fewer signed"
    return digest, signers


def _strange(block: Block, checkpoint: Mapping[str, Any]) -> str | None:
    if checkpoint["kind"] == "validators":
        return None if to_hex(block["header"]["validatorsHash"]) == checkpoint["validatorsHash"] else "the validators are not the trusted ones"
    validators = block["validators"]
    return None if len(validators) == 1 and to_hex(validators[0]["publicKey"]) == checkpoint["signer"] else "the signer is not the trusted one"


def _misplaced(before: Block, block: Block) -> str | None:
    old, new = before["header"], block["header"]
    if new["height"] <= old["height"] or (new["time"]["seconds"], new["time"]["nanos"]) <= (old["time"]["seconds"], old["time"]["nanos"]):
        return "a block does not come after the one before"
    if new["height"] == old["height"] + 1 and new["validatorsHash"] != old["nextValidatorsHash"]:
        return "the block before announced other validators"
    return None


def _reached(before: Block, block: Block, signers: Mapping[bytes, int]) -> bool:
    """The next height, or one that more than a third of the set signed."""
    if block["header"]["height"] == before["header"]["height"] + 1:
        return True
    known = sum(v["power"] for v in before["validators"] if v["publicKey"] in signers)
    return bool(known * 3 > sum(v["power"] for v in before["validators"]))


def _milliseconds(header: Mapping[str, Any]) -> int:
    return int(header["time"]["seconds"]) * 1000 + int(header["time"]["nanos"]) // 1_000_000


def _vote(commit: Mapping[str, Any], signature: Mapping[str, Any], chain_id: str) -> bytes:
    block = _message(4, _block_id(commit["blockId"])) if signature["flag"] == 2 else b""
    vote = _number(1, 2) + _fixed(2, commit["height"]) + _fixed(3, commit["round"]) + block
    vote += _message(5, _time(signature["timestamp"])) + _bytes(6, chain_id.encode())
    return varint(len(vote)) + vote
