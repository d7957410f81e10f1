"""Against a real network: `FREEHOLD_NETWORK` names it, `FREEHOLD_TEST_KEYS` two funded development keys."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import freehold
from freehold import Freehold, FreeholdError

KEYS = json.loads(os.environ["FREEHOLD_TEST_KEYS"])
RECEIPTS = Path(os.environ["FREEHOLD_TEST_RECEIPTS"])


def doubling(factor: float = 2.0) -> "onnx.ModelProto":
    graph = helper.make_graph(
        [helper.make_node("Mul", ["X", "factor"], ["Y"])],
        "doubling",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor("factor", TensorProto.FLOAT, [1], [factor])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def owner() -> Freehold:
    return Freehold(private_key=KEYS[0])


@pytest.fixture(scope="module")
def asker() -> Freehold:
    return Freehold(private_key=KEYS[1])


@pytest.fixture(scope="module")
def base(owner: Freehold) -> freehold.Published:
    return owner.publish(doubling(), "py/base", price=1, card="# Doubling", tags=["small"])


@pytest.fixture(scope="module")
def answer(asker: Freehold, base: freehold.Published) -> freehold.Answer:
    return asker.infer("py/base", {"X": [[1, 2, 3], [4, 5, 6]]})


@pytest.fixture(scope="module")
def receipt(asker: Freehold, answer: freehold.Answer) -> Any:
    file = asker.receipt(answer.call_id)
    (RECEIPTS / "python.receipt.json").write_text(json.dumps(file))
    return file


def test_a_model_is_published_once_and_confirmed_the_second_time(owner: Freehold, base: freehold.Published) -> None:
    assert base.transaction is not None and base.owner == owner.address
    again = owner.publish(doubling(), "py/base", price=1, card="# Doubling", tags=["small"])
    assert (again.release, again.transaction) == (base.release, None)


def test_another_content_under_the_same_release_is_refused(owner: Freehold, base: freehold.Published) -> None:
    with pytest.raises(FreeholdError) as caught:
        owner.publish(doubling(3.0), "py/base", price=1)
    assert caught.value.code == "model.exists"


def test_somebody_elses_namespace_is_refused(asker: Freehold, base: freehold.Published) -> None:
    with pytest.raises(FreeholdError) as caught:
        asker.publish(doubling(), "py/other", price=1)
    assert caught.value.code == "namespace.taken"


def test_an_answer_is_right_and_paid(answer: freehold.Answer) -> None:
    np.testing.assert_array_equal(answer.outputs["Y"], np.array([[2, 4, 6], [8, 10, 12]], dtype=np.float32))
    assert answer.charge_opg == "1.08"


def test_calls_follow_each_other_on_one_channel_also_after_everything_was_forgotten(asker: Freehold, answer: freehold.Answer) -> None:
    assert asker.infer("py/base", {"X": [[1, 1, 1]]}).charge == answer.charge
    forgetful = Freehold(private_key=KEYS[1])
    assert forgetful.infer("py/base", {"X": [[1, 1, 1]]}, max_charge="1.08").charge == answer.charge


def test_a_price_above_the_callers_limit_is_not_signed(asker: Freehold, base: freehold.Published) -> None:
    with pytest.raises(FreeholdError) as caught:
        asker.infer("py/base", {"X": [[1, 1, 1]]}, max_charge="1.07")
    assert caught.value.code == "payment.insufficient"


def test_an_owners_own_licence_is_shown_and_signed_before_the_first_paid_call(owner: Freehold, asker: Freehold, base: freehold.Published) -> None:
    owner.publish(doubling(4.0), "py/own", price=1, licence_text="Use it kindly.\n")
    with pytest.raises(FreeholdError) as caught:
        asker.infer("py/own", {"X": [[1, 1, 1]]})
    assert caught.value.code == "licence.required"
    licence = asker.licence("py/own")
    assert (licence.licence, licence.text) == ("LicenseRef-LICENSE", "Use it kindly.\n")
    answer = asker.infer("py/own", {"X": [[1, 1, 1]]}, licence=asker.accept(licence))
    np.testing.assert_array_equal(answer.outputs["Y"], np.array([[4, 4, 4]], dtype=np.float32))
    with pytest.raises(FreeholdError) as caught:
        asker.infer("py/own", {"X": [[1, 1, 1]]}, licence=owner.accept(licence))
    assert caught.value.code == "request.invalid"
    assert asker.licence("py/base").text.startswith("SPDX-License-Identifier: Apache-2.0")


@pytest.mark.parametrize(
    ("inputs", "code"),
    [({}, "request.invalid"), ({"Z": [1]}, "request.invalid"), ({"X": [1, 2]}, "engine.inputInvalid"), ({"X": [["a", "b", "c"]]}, "ValueError")],
)
def test_inputs_that_do_not_fit_are_refused_before_anything_is_paid(asker: Freehold, base: freehold.Published, inputs: Any, code: str) -> None:
    with pytest.raises((FreeholdError, ValueError)) as caught:
        asker.infer("py/base", inputs)
    assert getattr(caught.value, "code", type(caught.value).__name__) == code


def test_a_receipt_is_genuine(asker: Freehold, receipt: Any) -> None:
    verdict = asker.verify(receipt)
    assert [check for check in verdict.checks if check.result != "holds"] == []
    assert (verdict.outcome, list(verdict.kinds)) == ("meets", ["signed"])
    assert asker.verify(receipt, require=["replayed"]).outcome == "missingEvidence"


def test_a_receipt_without_its_anchor_is_not_anchored(asker: Freehold, receipt: Any) -> None:
    assert asker.verify({key: value for key, value in receipt.items() if key != "anchor"}).outcome == "unanchored"


def test_a_checkpoint_of_somebody_else_is_not_met(asker: Freehold, receipt: Any) -> None:
    stranger = {**asker.network.checkpoint, "signer": "0x" + "11" * 32}
    assert freehold.verify(receipt, stranger).outcome == "forged"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, (*path, index))]
    return [path]


def test_a_receipt_with_any_field_changed_is_a_forgery(asker: Freehold, receipt: Any) -> None:
    changed = 0
    for path in leaves(receipt):
        forged = copy.deepcopy(receipt)
        place = forged
        for step in path[:-1]:
            place = place[step]
        old = place[path[-1]]
        place[path[-1]] = other(old)
        assert asker.verify(forged).outcome == "forged", path
        changed += 1
    assert changed > 100


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value.startswith("0x"):
        return "0x01" if len(value) < 4 else value[:-1] + ("0" if value[-1] != "0" else "1")
    if value.isdigit():
        return str(int(value) + 1)
    return "x" + value[1:]


def test_an_owner_is_paid(owner: Freehold, receipt: Any) -> None:
    assert owner.claim() >= freehold.OPG * 9 // 10
    assert owner.claim() == 0


def test_a_release_is_published_from_a_pipeline(tmp_path: Path, base: freehold.Published) -> None:
    onnx.save(doubling(4.0), str(tmp_path / "model.onnx"))
    output = tmp_path / "output"
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MODEL": str(tmp_path / "model.onnx"),
        "NAME": "py/base",
        "RELEASE": "1.1",
        "PRICE": "2",
        "FREEHOLD_PRIVATE_KEY": KEYS[0],
        "GITHUB_OUTPUT": str(output),
    }
    script = Path(__file__).parent.parent / "examples" / "publish-from-ci.sh"
    done = subprocess.run([str(script)], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["model"] == "py/base@1.1"
    assert output.read_text().startswith("release=0x")
    assert KEYS[0][2:] not in done.stdout + done.stderr
