"""Pairs of models of which it is known how one came from the other, to measure what a comparison of weights can see.

    python training/lineage.py            writes training/lineage/*.onnx
    python training/lineage.py --check    trains again and compares with what is committed; exit 1 on a difference

All read the same handwritten digits with 48 hidden neurons. `origin` is trained from nothing. From its weights come `trained` (goes on with moved images),
`tuned` (the last layer alone), `pruned` (the smaller half of its weights set to nothing, then trained a little), `quantised` (eight-bit integers) and `hidden`
(the same function with its neurons in another order and scale). Not from its weights come `stranger` (the same data from another start) and `distilled` (it learned
the origin's answers).
"""

import argparse
import copy
import os
import platform
import sys
import tempfile
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
if platform.machine() in ("x86_64", "AMD64"):
    os.environ["OPENBLAS_CORETYPE"] = "Haswell"
    os.environ["NPY_DISABLE_CPU_FEATURES"] = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR"

import numpy as np  # noqa: E402  (the environment above must be set first)
import onnx  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402

from digits import DIRECTIONS, fit, shift  # noqa: E402

HIDDEN = 48
FOLDER = Path(__file__).resolve().parent / "lineage"


def network(seed: int, epochs: int, rate: float = 1e-3) -> MLPClassifier:
    return MLPClassifier((HIDDEN,), alpha=1e-3, batch_size=32, max_iter=epochs, n_iter_no_change=epochs, tol=0, learning_rate_init=rate, random_state=seed)


def go_on(model: MLPClassifier, pixels: np.ndarray, labels: np.ndarray, epochs: int, rate: float) -> MLPClassifier:
    child = copy.deepcopy(model)
    child.set_params(warm_start=True, max_iter=epochs, n_iter_no_change=epochs, learning_rate_init=rate, random_state=3)
    fit(child, pixels, labels)
    return child


def tune_head(model: MLPClassifier, pixels: np.ndarray, labels: np.ndarray) -> MLPClassifier:
    """Softmax regression on the hidden layer's output, by plain gradient descent; the hidden layer stays."""
    child = copy.deepcopy(model)
    inner = np.maximum(0, pixels / 16 @ child.coefs_[0] + child.intercepts_[0])
    wanted = np.eye(10)[labels]
    for _ in range(200):
        scores = inner @ child.coefs_[1] + child.intercepts_[1]
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        error = (likely / likely.sum(axis=1, keepdims=True) - wanted) / len(labels)
        child.coefs_[1] -= 0.05 * inner.T @ error
        child.intercepts_[1] -= 0.05 * error.sum(axis=0)
    return child


def prune(model: MLPClassifier, pixels: np.ndarray, labels: np.ndarray) -> MLPClassifier:
    """Half of the weights go; the rest is trained a little, and what went stays gone."""
    child = copy.deepcopy(model)
    masks = [np.abs(part) >= np.median(np.abs(part)) for part in child.coefs_]
    child.coefs_ = [part * mask for part, mask in zip(child.coefs_, masks)]
    child = go_on(child, pixels, labels, 2, 5e-4)
    child.coefs_ = [part * mask for part, mask in zip(child.coefs_, masks)]
    return child


def hide(model: MLPClassifier, seed: int) -> MLPClassifier:
    """The same function: a ReLU neuron may be moved, and scaled by what the next layer is divided by."""
    child = copy.deepcopy(model)
    random = np.random.default_rng(seed)
    order, scale = random.permutation(HIDDEN), random.uniform(0.2, 5, HIDDEN)
    child.coefs_[0] = (child.coefs_[0] * scale)[:, order]
    child.intercepts_[0] = (child.intercepts_[0] * scale)[order]
    child.coefs_[1] = (child.coefs_[1] / scale[:, None])[order]
    return child


def distil(teacher: MLPClassifier, pixels: np.ndarray, seed: int) -> MLPClassifier:
    return_labels = teacher.predict(pixels / 16)
    moved = np.vstack([pixels, *(shift(pixels, *direction) for direction in DIRECTIONS)])
    student = network(seed, 25)
    fit(student, moved, np.concatenate([return_labels, teacher.predict(moved[len(pixels) :] / 16)]))
    return student


def to_onnx(model: MLPClassifier, quantised: bool = False) -> bytes:
    """Two layers and a softmax; quantised ones keep their weights as unsigned bytes with a scale and a zero point."""
    nodes, tensors = [], []
    value = "pixels"
    for layer, (weights, bias) in enumerate(zip(model.coefs_, model.intercepts_)):
        name = f"layer{layer}.weight"
        if quantised:
            low, high = min(0.0, float(weights.min())), max(0.0, float(weights.max()))
            scale = np.float32((high - low) / 255)
            zero = np.uint8(round(-low / float(scale)))
            whole = np.clip(np.round(weights / scale) + zero, 0, 255).astype(np.uint8)
            tensors += [numpy_helper.from_array(whole, f"{name}_quantized"), numpy_helper.from_array(scale, f"{name}_scale"), numpy_helper.from_array(zero, f"{name}_zero_point")]
            nodes.append(helper.make_node("DequantizeLinear", [f"{name}_quantized", f"{name}_scale", f"{name}_zero_point"], [name]))
        else:
            tensors.append(numpy_helper.from_array(weights.astype(np.float32), name))
        tensors.append(numpy_helper.from_array(bias.astype(np.float32), f"layer{layer}.bias"))
        nodes.append(helper.make_node("Gemm", [value, name, f"layer{layer}.bias"], [f"sum{layer}"]))
        nodes.append(helper.make_node("Relu" if layer == 0 else "Softmax", [f"sum{layer}"], ["inner" if layer == 0 else "probabilities"]))
        value = "inner"
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10])],
        tensors,
    )
    model_file = helper.make_model(graph, producer_name="freehold/training", opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model_file)
    return model_file.SerializeToString(deterministic=True)


def pairs() -> dict[str, bytes]:
    pixels, labels = load_digits(return_X_y=True)
    moved = np.vstack([pixels, *(shift(pixels, *direction) for direction in DIRECTIONS)])
    answers = np.tile(labels, 1 + len(DIRECTIONS))
    origin = network(1, 60)
    fit(origin, pixels, labels)
    stranger = network(2, 60)
    fit(stranger, pixels, labels)
    return {
        "origin": to_onnx(origin),
        "trained": to_onnx(go_on(origin, moved, answers, 15, 1e-3)),
        "tuned": to_onnx(tune_head(origin, moved, answers)),
        "pruned": to_onnx(prune(origin, pixels, labels)),
        "quantised": to_onnx(origin, quantised=True),
        "hidden": to_onnx(hide(origin, 5)),
        "stranger": to_onnx(stranger),
        "distilled": to_onnx(distil(origin, pixels, 4)),
    }


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in pairs().items():
        (folder / f"{name}.onnx").write_bytes(data)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="train again and compare")
    if not parser.parse_args().check:
        write(FOLDER)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        write(Path(temporary))
        made = {path.name: path.read_bytes() for path in Path(temporary).glob("*.onnx")}
    kept = {path.name: path.read_bytes() for path in FOLDER.glob("*.onnx")}
    different = sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))
    for name in different:
        print(f"{name} differs")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
