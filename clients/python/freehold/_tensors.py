"""Tensors between numpy and the wire: `{dtype, shape, data: "base64:…"}`, strings with their length before them."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

import numpy as np

from ._codec import sha256, to_hex
from .errors import FreeholdError, invalid

DTYPES: Mapping[str, str] = {
    "float16": "<f2", "float32": "<f4", "float64": "<f8",
    "int8": "|i1", "int16": "<i2", "int32": "<i4", "int64": "<i8",
    "uint8": "|u1", "uint16": "<u2", "uint32": "<u4", "uint64": "<u8",
    "bool": "|b1",
}  # fmt: skip
_PREFIX = "base64:"


@dataclass(frozen=True)
class Tensor:
    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def elements(self) -> int:
        count = 1
        for length in self.shape:
            count *= length
        return count

    def committed(self) -> dict[str, Any]:
        return {"dtype": self.dtype, "shape": list(self.shape), "sha256": to_hex(sha256(self.data)), "bytes": len(self.data)}

    def to_json(self) -> dict[str, Any]:
        return {"dtype": self.dtype, "shape": list(self.shape), "data": _PREFIX + base64.b64encode(self.data).decode()}

    def numpy(self) -> "np.ndarray[Any, Any]":
        if self.dtype == "string":
            return np.array(_unpack(self.data, self.elements), dtype=object).reshape(self.shape)
        return np.frombuffer(self.data, dtype=DTYPES[self.dtype]).reshape(self.shape)


def tensor_of(name: str, value: Any, spec: Mapping[str, Any]) -> Tensor:
    """An array, list or number as the model's input asks for it. Raises `engine.inputInvalid`; values are never rounded silently to another type."""
    dtype, shape = str(spec["dtype"]), spec["shape"]
    if dtype == "string":
        array = np.asarray(value, dtype=object)
        if not all(isinstance(item, str) for item in array.reshape(-1)):
            raise _wrong(name, "strings", "other values")
        data = b"".join(struct.pack("<I", len(raw)) + raw for raw in (item.encode("utf-8") for item in array.reshape(-1)))
    else:
        given = np.asarray(value)
        if given.dtype == object:
            raise _wrong(name, dtype, "a ragged list")
        array = given.astype(DTYPES[dtype])
        if not dtype.startswith("float") and not np.array_equal(array, given):
            raise _wrong(name, dtype, "values that it cannot hold")
        data = np.ascontiguousarray(array).tobytes()
    if shape is not None:
        fits = len(shape) == array.ndim and all(not isinstance(want, int) or want == have for want, have in zip(shape, array.shape))
        if not fits:
            raise _wrong(name, f"shape {list(shape)}", f"{list(array.shape)}")
    return Tensor(dtype, tuple(int(length) for length in array.shape), data)


def inputs_of(values: Mapping[str, Any], specs: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    names = [str(spec["name"]) for spec in specs]
    for name in values:
        if name not in names:
            raise invalid("inputs", f"the model has no input {name}; it has {', '.join(names)}")
    for name in names:
        if name not in values:
            raise invalid("inputs", f"the input {name} is missing")
    return {str(spec["name"]): tensor_of(str(spec["name"]), values[str(spec["name"])], spec) for spec in specs}


def tensor_from_json(value: Mapping[str, Any]) -> Tensor:
    """Of the full form with data as base64 or a flat list. Raises `ValueError`."""
    dtype, shape, data = str(value["dtype"]), tuple(int(length) for length in value["shape"]), value["data"]
    if isinstance(data, str):
        if not data.startswith(_PREFIX):
            raise ValueError("data must be base64")
        return Tensor(dtype, shape, base64.b64decode(data[len(_PREFIX) :], validate=True))
    if dtype == "string":
        raw = b"".join(struct.pack("<I", len(item.encode())) + item.encode() for item in data)
        return Tensor(dtype, shape, raw)
    if dtype.startswith("float"):
        data = [float(item) if isinstance(item, str) else item for item in data]
    elif dtype in ("int64", "uint64"):
        data = [int(item) for item in data]
    return Tensor(dtype, shape, np.asarray(data, dtype=DTYPES[dtype]).reshape(shape).tobytes())


def _unpack(data: bytes, count: int) -> list[str]:
    values, offset = [], 0
    for _ in range(count):
        (length,) = struct.unpack_from("<I", data, offset)
        offset += 4
        values.append(data[offset : offset + length].decode("utf-8"))
        offset += length
    return values


def _wrong(name: str, expected: str, given: str) -> FreeholdError:
    return FreeholdError("engine.inputInvalid", f"Input {name}: expected {expected}, given {given}.", detail={"input": name})
