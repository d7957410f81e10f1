"""Ed25519 verification by the rules that consensus uses (ZIP-215: cofactored equation, any point that decodes)."""

from __future__ import annotations

import hashlib

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]
_IDENTITY: _Point = (0, 1, 1, 0)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    if len(public_key) != 32 or len(signature) != 64:
        return False
    a, r = _decode(public_key), _decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= _L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _L
    difference = _add(_multiply(s, _BASE), _negate(_add(r, _multiply(k, a))))
    for _ in range(3):
        difference = _add(difference, difference)
    return difference[0] % _P == 0 and (difference[1] - difference[2]) % _P == 0


def _decode(data: bytes) -> _Point | None:
    """ZIP-215 takes y above the prime and either sign of x = 0."""
    value = int.from_bytes(data, "little")
    sign, y = value >> 255, (value & (2**255 - 1)) % _P
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == u:
        pass
    elif v * x * x % _P == -u % _P:
        x = x * _SQRT_M1 % _P
    else:
        return None
    if x & 1 != sign:
        x = -x % _P
    return (x, y, 1, x * y % _P)


def _add(a: _Point, b: _Point) -> _Point:
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    t, z = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = n - m, z - t, z + t, n + m
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _negate(a: _Point) -> _Point:
    return (-a[0] % _P, a[1], a[2], -a[3] % _P)


def _multiply(factor: int, point: _Point) -> _Point:
    result = _IDENTITY
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


_base = _decode((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
assert _base is not None
_BASE: _Point = _base
