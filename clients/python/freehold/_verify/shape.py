"""Strict reading of a receipt file: unknown members, other types and second spellings are refused."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Callable, Mapping

Shape = Callable[[Any, str], Any]
_DECIMAL = re.compile(r"^(0|[1-9][0-9]{0,77})$")
_KINDS = ("routed", "signed", "attested", "audited", "replayed", "proved")


class Malformed(ValueError):
    """Names the path of the first thing that is wrong."""


def hex_of(length: int) -> Shape:
    pattern = re.compile(rf"^0x[0-9a-f]{{{2 * length}}}$")

    def read(value: Any, path: str) -> str:
        if not isinstance(value, str) or not pattern.match(value):
            raise Malformed(f"{path} must be {length} bytes of lower-case 0x hex")
        return value

    return read


def raw(least: int, most: int) -> Shape:
    def read(value: Any, path: str) -> bytes:
        if not isinstance(value, str) or not re.fullmatch(r"0x(?:[0-9a-f]{2})*", value) or not least <= len(value) // 2 - 1 <= most:
            raise Malformed(f"{path} must be {least} to {most} bytes of lower-case 0x hex")
        return bytes.fromhex(value[2:])

    return read


def decimal(bits: int) -> Shape:
    def read(value: Any, path: str) -> int:
        if not isinstance(value, str) or not _DECIMAL.match(value) or int(value) >> bits:
            raise Malformed(f"{path} must be a decimal string of at most {bits} bits")
        return int(value)

    return read


def integer(least: int, most: int) -> Shape:
    def read(value: Any, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Malformed(f"{path} must be a whole number from {least} to {most}")
        return value

    return read


def text(most: int) -> Shape:
    def read(value: Any, path: str) -> str:
        if not isinstance(value, str) or len(value) > most:
            raise Malformed(f"{path} must be a text of at most {most} characters")
        return value

    return read


def truth(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"{path} must be true or false")
    return value


def literal(*options: Any) -> Shape:
    def read(value: Any, path: str) -> Any:
        if isinstance(value, bool) or value not in options:
            raise Malformed(f"{path} must be one of {options}")
        return value

    return read


def blob(most: int) -> Shape:
    def read(value: Any, path: str) -> bytes:
        try:
            data = base64.b64decode(value, validate=True) if isinstance(value, str) else None
        except ValueError:
            data = None
        if data is None or len(data) > most or base64.b64encode(data).decode() != value:
            raise Malformed(f"{path} must be canonical base64 of at most {most} bytes")
        return data

    return read


def list_of(item: Shape, most: int) -> Shape:
    def read(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            raise Malformed(f"{path} must be a list of at most {most}")
        return [item(element, f"{path}[{index}]") for index, element in enumerate(value)]

    return read


def map_of(item: Shape, most: int) -> Shape:
    def read(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict) or len(value) > most or any(len(key) > 200 or key == "__proto__" for key in value):
            raise Malformed(f"{path} must be an object of at most {most} members")
        return {key: item(element, f"{path}.{key}") for key, element in value.items()}

    return read


def record(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    known = {**required, **(optional or {})}

    def read(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Malformed(f"{path} must be an object")
        for key in value:
            if key not in known:
                raise Malformed(f"{path}.{key} is not known")
        for key in required:
            if key not in value:
                raise Malformed(f"{path}.{key} is missing")
        return {key: known[key](element, f"{path}.{key}") for key, element in value.items()}

    return read


def anything(value: Any, _path: str) -> Any:
    """Of what is judged by its commitment alone."""
    return value


def scalar(value: Any, path: str) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and len(value) <= 200) or isinstance(value, (int, float)):
        return value
    raise Malformed(f"{path} must be a text, number or truth value")


_u64, _u256 = decimal(64), decimal(256)
ORDER = record({
    "callId": hex_of(32), "gateway": hex_of(20), "node": hex_of(20), "release": hex_of(32), "priceVersion": integer(0, 0xFFFFFFFF), "payer": hex_of(32),
    "request": hex_of(32), "mode": integer(0, 255), "maxInputUnits": _u64, "maxOutputUnits": _u64, "nodeFee": _u256, "gatewayFee": _u256, "deadline": _u64,
})  # fmt: skip
RECEIPT = record({
    "order": hex_of(32), "response": hex_of(32), "engine": hex_of(32), "inputUnits": _u64, "outputUnits": _u64, "charge": _u256, "startedAt": _u64,
    "finishedAt": _u64,
})  # fmt: skip
_TENSORS = map_of(record({"dtype": text(16), "shape": list_of(integer(0, 2**40), 16), "data": blob(16 * 1024 * 1024)}), 64)
_SUMS = {"calls": _u64, "inputUnits": _u64, "outputUnits": _u64, "nodeFee": _u256, "gatewayFee": _u256}
_TIME = record({"seconds": decimal(63), "nanos": integer(0, 999_999_999)})
_HASH, _HASH_OR_NONE = raw(32, 32), raw(0, 32)
_BLOCK_ID = record({"hash": _HASH_OR_NONE, "partsTotal": integer(0, 0xFFFFFFFF), "partsHash": _HASH_OR_NONE})
_LIGHT_BLOCK = record({
    "header": record({
        "versionBlock": _u64, "versionApp": _u64, "chainId": text(50), "height": decimal(63), "time": _TIME, "lastBlockId": _BLOCK_ID,
        "lastCommitHash": _HASH_OR_NONE, "dataHash": _HASH_OR_NONE, "validatorsHash": _HASH, "nextValidatorsHash": _HASH, "consensusHash": _HASH,
        "appHash": _HASH, "lastResultsHash": _HASH_OR_NONE, "evidenceHash": _HASH_OR_NONE, "proposerAddress": raw(20, 20),
    }),
    "commit": record({
        "height": decimal(63), "round": integer(0, 0x7FFFFFFF), "blockId": _BLOCK_ID,
        "signatures": list_of(record({
            "flag": literal(1, 2, 3), "validatorAddress": raw(0, 20), "timestamp": _TIME, "signature": raw(0, 64),
        }), 1000),
    }),
    "validators": list_of(record({"publicKey": raw(32, 32), "power": decimal(63)}), 1000),
})  # fmt: skip
_ANCHOR = record(
    {
        "seq": _u64,
        "line": record({"release": hex_of(32), "priceVersion": integer(0, 0xFFFFFFFF), "node": hex_of(20), **_SUMS, "root": hex_of(32)}),
        "leafProof": list_of(record({"siblingOnLeft": truth, "hash": hex_of(32), **_SUMS}), 32),
        "lineProof": list_of(record({"siblingOnLeft": truth, "hash": hex_of(32)}), 32),
        "evmHeader": raw(1, 2048),
        "lightBlock": _LIGHT_BLOCK,
        "stateNodes": list_of(raw(1, 64 * 1024), 512),
    },
    {"lightPath": list_of(_LIGHT_BLOCK, 64)},
)
_REQUIRE = list_of(literal(*_KINDS), len(_KINDS))
FILE = record(
    {
        "version": literal(1), "chainId": integer(1, 2**53 - 1), "order": ORDER, "orderSignature": hex_of(65), "receipt": RECEIPT,
        "receiptSignature": hex_of(65), "engine": record({"name": text(100), "version": text(100), "artifact": hex_of(32), "options": map_of(scalar, 32)}),
        "evidence": list_of(record({"kind": literal(*_KINDS), "author": hex_of(20), "body": text(256 * 1024), "signature": hex_of(65)}), 64),
    },
    {
        "holder": record({"payer": hex_of(20), "salt": hex_of(32)}),
        "request": record({"require": _REQUIRE, "inputs": _TENSORS}),
        "response": record({"outputs": _TENSORS}),
        "textRequest": record({"require": _REQUIRE, "request": anything}),
        "textResponse": record({"answer": anything}),
        "anchor": _ANCHOR,
    },
)  # fmt: skip


CERTIFICATE = record(
    {
        "version": literal(1), "kind": literal("freehold-certificate"), "chainId": integer(1, 2**53 - 1), "release": hex_of(32), "manifest": text(256 * 1024),
        "evmHeader": raw(1, 2048), "lightBlock": _LIGHT_BLOCK, "stateNodes": list_of(raw(1, 64 * 1024), 512),
    },
    {"lightPath": list_of(_LIGHT_BLOCK, 64)},
)  # fmt: skip
_MOST_CHARACTERS = 64 * 1024 * 1024


def parse(source: str) -> dict[str, Any]:
    """The receipt file of its text. Raises `Malformed`."""
    result: dict[str, Any] = FILE(read_json(source, "file"), "file")
    return result


def parse_certificate(source: str) -> dict[str, Any]:
    """The certificate file of its text. Raises `Malformed`."""
    if len(source) > _MOST_CHARACTERS:
        raise Malformed("certificate is too large")
    result: dict[str, Any] = CERTIFICATE(read_json(source, "certificate"), "certificate")
    return result


def read_json(source: str, what: str) -> Any:
    """Raises `Malformed` for what is no JSON, and for a name that stands twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise Malformed(f"{what} repeats a name")
        return dict(pairs)

    def refuse(constant: str) -> Any:
        raise Malformed(f"{what} has {constant}, which is no JSON")

    try:
        return json.loads(source, object_pairs_hook=once, parse_constant=refuse)
    except RecursionError as error:
        raise Malformed(f"{what} is nested too deep") from error
    except ValueError as error:
        raise error if isinstance(error, Malformed) else Malformed(f"{what} is no JSON: {error}") from error
