"""Bytes, words, digests and the one spelling of JSON (RFC 8785) that commitments cover."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, Iterable, Union

from eth_keys import keys
from eth_utils.crypto import keccak as _keccak

Word = Union[int, bytes, str]
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_MAX_DEPTH = 64


def keccak(data: bytes) -> bytes:
    return bytes(_keccak(data))


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def to_hex(data: bytes) -> str:
    return "0x" + data.hex()


def from_hex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def is_hex(value: Any, length: int) -> bool:
    """Lower-case 0x hex of exactly `length` bytes."""
    return isinstance(value, str) and len(value) == 2 + 2 * length and value[:2] == "0x" and all(c in "0123456789abcdef" for c in value[2:])


def words(items: Iterable[Word]) -> bytes:
    """ABI words: integers and short byte strings (addresses) padded on the left to 32 bytes."""
    parts = []
    for item in items:
        if isinstance(item, int):
            parts.append(item.to_bytes(32, "big"))
        else:
            raw = from_hex(item) if isinstance(item, str) else item
            if len(raw) > 32:
                raise ValueError("a word has at most 32 bytes")
            parts.append(raw.rjust(32, b"\0"))
    return b"".join(parts)


def recover(digest: bytes, signature: bytes) -> str | None:
    """Address whose key signed; None for a signature that is malformed or not in its one low-s spelling."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        return None
    try:
        made = keys.Signature(signature[:64] + bytes([signature[64] - 27]))
        return str(made.recover_public_key_from_msg_hash(digest).to_address()).lower()
    except Exception:  # the library has many names for a point that is none
        return None


def canonical_json(value: Any) -> str:
    """RFC 8785. Raises `ValueError` for what has no JSON spelling."""
    return _write(value, 0)


def _write(value: Any, depth: int) -> str:
    if depth > _MAX_DEPTH:
        raise ValueError("JSON is nested too deep")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _write_number(float(value)) if abs(value) > 2**53 else str(value)
    if isinstance(value, float):
        return _write_number(value)
    if isinstance(value, str):
        value.encode("utf-8")  # refuses lone surrogates
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_write(item, depth + 1) for item in value) + "]"
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
        return "{" + ",".join(f"{_write(key, depth + 1)}:{_write(item, depth + 1)}" for key, item in ordered) + "}"
    raise ValueError(f"JSON cannot hold a {type(value).__name__}")


def _write_number(value: float) -> str:
    """As ECMAScript spells a double."""
    if not math.isfinite(value):
        raise ValueError("JSON has no such number")
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent_text = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent_text or "0")
    if whole == "0":
        point = int(exponent_text or "0") - (len(fraction) - len(fraction.lstrip("0")))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    exponent = point - 1
    tail = "." + digits[1:] if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if exponent > 0 else '-'}{abs(exponent)}"


def typed_digest(separator: bytes, struct: bytes) -> bytes:
    """EIP-712: keccak256(0x1901 ‖ separator ‖ keccak256(struct))."""
    return keccak(b"\x19\x01" + separator + keccak(struct))


_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")


def domain_separator(name: str, version: str, chain_id: int, contract: str) -> bytes:
    return keccak(words([_DOMAIN, keccak(name.encode()), keccak(version.encode()), chain_id, contract]))
