"""One release of a model: its ONNX file, metadata, card, test set and examples, written without anything that varies."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

ONNX_OPSET = {"": 17, "ai.onnx.ml": 3}


@dataclass(frozen=True)
class Figure:
    """A measured accuracy: the count of right answers is the fact, the quotient is for reading."""

    name: str
    file: str
    correct: int
    samples: int

    @property
    def percent(self) -> str:
        return f"{100 * self.correct / self.samples:.2f} %"

    @property
    def interval(self) -> str:
        """Wilson's 95 % interval of the accuracy, in per cent."""
        z, n, share = 1.96, self.samples, self.correct / self.samples
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
        return f"{100 * (middle - half):.1f} to {100 * (middle + half):.1f} %"

    def sentence(self) -> str:
        return f"{self.percent} ({self.correct} of {self.samples}) {self.name}"

    def as_json(self) -> dict:
        accuracy = round(self.correct / self.samples, 6)
        return {"name": self.name, "file": self.file, "correct": self.correct, "samples": self.samples, "accuracy": accuracy}


@dataclass(frozen=True)
class TestSet:
    """Held-out inputs with their labels, as they are committed."""

    about: str
    source: str
    input_name: str
    rows: list
    labels: list[int]

    def text(self) -> str:
        """One row a line: small, and a difference between two versions can be read."""
        head = json.dumps({"about": self.about, "source": self.source, "licence": "CC-BY-4.0"}, ensure_ascii=False)
        rows = ",\n".join(compact(row) for row in self.rows)
        return f'{head[:-1]},\n"labels":{compact(self.labels)},\n"inputs":{{"{self.input_name}":[\n{rows}\n]}}}}\n'


@dataclass(frozen=True)
class Example:
    """One input to try, with the answer that the model must give."""

    file: str
    about: str
    inputs: dict
    label: int


@dataclass
class Release:
    name: str
    release: str
    title: str
    summary: str
    task: str
    tags: list[str]
    price_opg: str
    model: bytes
    inputs: list[dict]
    outputs: list[dict]
    figures: list[Figure]
    test: TestSet
    examples: list[Example]
    card: str
    parents: list[dict] = field(default_factory=list)
    licence: str = "Apache-2.0"

    @property
    def folder(self) -> str:
        return self.name.replace("/", "-")

    def metadata(self) -> dict:
        first = self.figures[0]
        return {
            "version": 1,
            "name": self.name,
            "release": self.release,
            "title": self.title,
            "summary": self.summary,
            "task": self.task,
            "tags": self.tags,
            "licence": self.licence,
            "priceOpg": self.price_opg,
            "parents": self.parents,
            "format": "onnx",
            "files": {"model": "model.onnx", "card": "card.md", "test": "test.json"},
            "inputs": self.inputs,
            "outputs": self.outputs,
            "metrics": {
                "accuracy": first.as_json()["accuracy"],
                "correct": first.correct,
                "samples": first.samples,
                "tests": [figure.as_json() for figure in self.figures],
            },
            "examples": [{"file": f"examples/{e.file}", "about": e.about, "label": e.label} for e in self.examples],
        }

    def write(self, folder: Path) -> None:
        (folder / "examples").mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(self.model)
        (folder / "card.md").write_text(self.card, encoding="utf-8")
        (folder / "test.json").write_text(self.test.text(), encoding="utf-8")
        (folder / "model.json").write_text(json.dumps(self.metadata(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for example in self.examples:
            (folder / "examples" / example.file).write_text(compact(example.inputs) + "\n", encoding="utf-8")


def compact(value) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def export(model, name: str, release: str, input_name: str, width: int) -> bytes:
    """The ONNX bytes of a fitted classifier: input float32 [N, width], outputs label int64 [N] and probabilities float32 [N, k].

    The exporter names a graph after a random id unless a name is given, and lists the operator sets in the order of a hash table;
    both are set here, so nothing in the file depends on the time or place of the export.
    """
    proto = to_onnx(
        model,
        initial_types=[(input_name, FloatTensorType([None, width]))],
        name=name,
        options={"zipmap": False},
        target_opset=ONNX_OPSET,
    )
    proto.ir_version = 8
    operator_sets = sorted(((entry.domain, entry.version) for entry in proto.opset_import))
    del proto.opset_import[:]
    proto.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in operator_sets)
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    for key, value in {"name": name, "release": release, "licence": "Apache-2.0"}.items():
        proto.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(proto, full_check=True)
    return proto.SerializeToString(deterministic=True)


def run(model: bytes, rows) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of the exported file, which is what is measured (not the scikit-learn object)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    labels, probabilities = session.run(["label", "probabilities"], {session.get_inputs()[0].name: np.asarray(rows, dtype=np.float32)})
    return labels, probabilities


def measure(model: bytes, name: str, file: str, rows, labels) -> Figure:
    answered, _ = run(model, rows)
    return Figure(name, file, int((answered == np.asarray(labels)).sum()), len(labels))
