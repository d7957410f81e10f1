"""From an ONNX model to what is published of it: schema, manifest, and the names that follow from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence, Union

import onnx

from ._codec import canonical_json, keccak, sha256, to_hex, words
from ._licence import OWN_FILE
from ._network import MODES
from .errors import FreeholdError, invalid

ModelSource = Union[str, Path, bytes, "onnx.ModelProto"]
_PART = r"[a-z0-9][a-z0-9-]{0,62}"
_NAME = re.compile(rf"^({_PART})/({_PART})$")
_VERSION = re.compile(r"^(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})$")
_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64",
    8: "string", 9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
}  # fmt: skip
_RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
_MICROSOFT_RANDOM = {"BiasDropout", "BitmaskDropout", "BitmaskBiasDropout", "Sampling"}
DEFAULT_LICENCE = "Apache-2.0"
_CARD_BYTES = 256 * 1024
_FORMAT_ONNX = 1


@dataclass(frozen=True)
class Publication:
    namespace: str
    name: str
    release_name: str
    release: str
    model_id: str
    blobs: Sequence[tuple[str, str, bytes]]
    """Path, SHA-256 and bytes of each file, the manifest last."""
    manifest: str
    """SHA-256 of the manifest's canonical text."""
    data: tuple[Any, ...]
    """As `ModelRegistry.publish` takes it."""
    price: tuple[int, int, int]


def model_id(namespace: str, name: str) -> str:
    return to_hex(keccak(f"{namespace}/{name}".encode()))


def release_id(model: str, major: int, minor: int) -> str:
    return to_hex(keccak(words([model, major, minor])))


def parse_name(name: str) -> tuple[str, str]:
    match = _NAME.match(name)
    if match is None:
        raise invalid("name", "must be namespace/name of lower-case letters, digits and hyphens, such as ada/digits")
    return match[1], match[2]


def parse_version(version: str) -> tuple[int, int]:
    match = _VERSION.match(version)
    if match is None or int(match[1]) > 65535 or int(match[2]) > 65535:
        raise invalid("release", "must be major.minor, such as 1.0")
    return int(match[1]), int(match[2])


def model_bytes(source: ModelSource) -> bytes:
    """What `torch.onnx.export` or `skl2onnx` gave: a file, its bytes, or the model itself."""
    if isinstance(source, bytes):
        return source
    if isinstance(source, (str, Path)):
        return Path(source).read_bytes()
    return bytes(source.SerializeToString())


def prepare(
    source: ModelSource,
    name: str,
    price: tuple[int, int, int],
    *,
    version: str,
    parents: Sequence[tuple[str, int]],
    licence: str,
    licence_text: str | None,
    title: str | None,
    task: str | None,
    tags: Sequence[str],
    card: str | None,
) -> Publication:
    """Checks everything that can be checked before anything is sent. Raises `request.invalid` or `engine.modelInvalid`."""
    namespace, short = parse_name(name)
    major, minor = parse_version(version)
    raw = model_bytes(source)
    inputs, outputs, draws = inspect(raw)
    if len(parents) > 8 or sum(bps for _, bps in parents) > 10_000 or any(bps < 0 for _, bps in parents):
        raise invalid("parents", "must be at most 8, with at most 10,000 basis points together")
    files: list[tuple[str, str, bytes]] = [("model.onnx", to_hex(sha256(raw)), raw)]
    if card is not None:
        text = card.encode("utf-8")
        if not 0 < len(text) <= _CARD_BYTES:
            raise invalid("card", f"must be a text of at most {_CARD_BYTES} bytes")
        files.append(("card.md", to_hex(sha256(text)), text))
    if licence_text is not None:
        if licence != DEFAULT_LICENCE:
            raise invalid("licence_text", "is a licence of your own: leave licence out")
        text = licence_text.encode("utf-8")
        if not 0 < len(text) <= _CARD_BYTES:
            raise invalid("licence_text", f"must be a text of at most {_CARD_BYTES} bytes")
        files.append((OWN_FILE, to_hex(sha256(text)), text))
        licence = f"LicenseRef-{OWN_FILE}"
    manifest: dict[str, Any] = {
        "version": 1,
        "release": f"{name}@{major}.{minor}",
        "format": "onnx",
        "files": [{"path": path, "sha256": digest, "bytes": len(content)} for path, digest, content in files],
        "inputs": inputs,
        "outputs": outputs,
        "licence": licence,
    }
    if title is not None:
        manifest["title"] = title
    if task is not None:
        manifest["task"] = task
    if tags:
        manifest["tags"] = list(tags)
    text = canonical_json(manifest).encode()
    digest = to_hex(sha256(text))
    model = model_id(namespace, short)
    release = release_id(model, major, minor)
    modes = 1 << MODES["fast"] if draws else (1 << MODES["fast"]) | (1 << MODES["bit-exact"])
    schema = [bytes(sha256(canonical_json(specs).encode())) for specs in (inputs, outputs)]
    data = (
        major, minor, _FORMAT_ONNX, modes, bytes.fromhex(digest[2:]), schema[0], schema[1], licence, (0, 0, 0, 0),
        [(bytes.fromhex(release_of(parent)[2:]), bps) for parent, bps in parents],
    )  # fmt: skip
    return Publication(namespace, short, str(manifest["release"]), release, model, [*files, ("manifest.json", digest, text)], digest, data, price)


def release_of(text: str) -> str:
    """Id of `namespace/name@major.minor`, or the id itself."""
    if re.fullmatch(r"0x[0-9a-f]{64}", text):
        return text
    path, at, version = text.partition("@")
    if not at:
        raise invalid("release", f"{text} must name a release, such as base/digits@1.0, or be its id")
    namespace, name = parse_name(path)
    major, minor = parse_version(version)
    return release_id(model_id(namespace, name), major, minor)


def inspect(raw: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]], bool]:
    """Inputs, outputs, and whether the model draws random numbers. Raises `engine.modelInvalid`."""
    try:
        model = onnx.load_model_from_string(raw)
        onnx.checker.check_model(model)
    except Exception as error:
        raise _refused(f"it is not a well-formed ONNX file ({error})") from error
    graph = model.graph
    for tensor in _tensors(graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise _refused(f"tensor {tensor.name} lies in another file; save the model as one file")
    parameters = {tensor.name for tensor in graph.initializer}
    inputs = []
    for value in graph.input:
        if value.name in parameters:
            continue
        spec = _spec(value)
        if spec is None:
            raise _refused(f"input {value.name} is no tensor; only tensors can be sent")
        inputs.append(spec)
    outputs = [spec for spec in map(_spec, graph.output) if spec is not None]
    if not outputs:
        raise _refused("it has no output that is a tensor")
    nodes = [*_nodes(graph), *(node for function in model.functions for node in function.node)]
    return inputs, outputs, any(map(_draws, nodes))


def _draws(node: Any) -> bool:
    """A third input of Dropout switches it on outside training."""
    if node.domain in ("", "ai.onnx"):
        return node.op_type in _RANDOM or (node.op_type == "Dropout" and len(node.input) > 2)
    return node.domain == "com.microsoft" and node.op_type in _MICROSOFT_RANDOM


def _spec(value: Any) -> dict[str, Any] | None:
    if not value.type.HasField("tensor_type"):
        return None
    tensor = value.type.tensor_type
    dtype = _DTYPES.get(tensor.elem_type)
    if dtype is None:
        return None
    if not tensor.HasField("shape"):
        return {"name": value.name, "dtype": dtype, "shape": None}
    shape = [_dimension(dimension) for dimension in tensor.shape.dim]
    return {"name": value.name, "dtype": dtype, "shape": shape}


def _dimension(dimension: Any) -> int | str | None:
    if dimension.HasField("dim_value"):
        return int(dimension.dim_value) if dimension.dim_value > 0 else None
    return str(dimension.dim_param) if dimension.dim_param else None


def _nodes(graph: Any) -> list[Any]:
    found = []
    for node in graph.node:
        found.append(node)
        for attribute in node.attribute:
            for inner in [attribute.g, *attribute.graphs] if attribute.HasField("g") else attribute.graphs:
                found.extend(_nodes(inner))
    return found


def _tensors(graph: Any) -> list[Any]:
    found = list(graph.initializer)
    for node in _nodes(graph):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                found.append(attribute.t)
    return found


def _refused(reason: str) -> FreeholdError:
    return FreeholdError("engine.modelInvalid", f"The model file is refused: {reason}")


def mode_number(mode: str, modes: Mapping[str, int] = MODES) -> int:
    if mode not in modes:
        raise invalid("mode", f"must be one of {', '.join(modes)}")
    return modes[mode]
