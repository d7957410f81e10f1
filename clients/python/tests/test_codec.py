from __future__ import annotations

import json
from pathlib import Path

import pytest

from freehold import FreeholdError, format_opg, parse_opg
from freehold._codec import canonical_json
from freehold._tensors import tensor_of
from freehold._verify.ed25519 import verify

VECTORS = Path(__file__).parents[3] / "packages" / "protocol" / "test" / "vectors"


@pytest.mark.parametrize("number", [0, 1, -1, 0.1, 1e21, 1e20, 123456789012345680000, 1e-6, 1e-7, 0.000123, 5e-324, 1.7976931348623157e308, -0.0, 333333333.3333333])
def test_numbers_are_spelt_as_ecmascript_spells_them(number: float) -> None:
    known = {1e21: "1e+21", 1e20: "100000000000000000000", 1e-6: "0.000001", 1e-7: "1e-7", 5e-324: "5e-324", -0.0: "0", 0.000123: "0.000123"}
    spelt = canonical_json(number)
    assert json.loads(spelt) == number
    assert spelt == known.get(number, spelt)


def test_keys_are_sorted_by_utf_16_units() -> None:
    assert canonical_json({"\U0001f600": 1, "\ufb33": 2, "a": 3}) == '{"a":3,"\U0001f600":1,"\ufb33":2}'


def test_amounts_are_exact() -> None:
    assert parse_opg("1.08") == 1_080_000_000_000_000_000
    assert format_opg(parse_opg("0.05")) == "0.05"
    for wrong in (0.1, "1e3", "-1", ".5", "1.", "1.0000000000000000001", ""):
        with pytest.raises(FreeholdError):
            parse_opg(wrong)


def test_values_are_never_rounded_to_fit() -> None:
    with pytest.raises(FreeholdError):
        tensor_of("X", [1.5], {"name": "X", "dtype": "int64", "shape": [1]})
    with pytest.raises(FreeholdError):
        tensor_of("X", [300], {"name": "X", "dtype": "uint8", "shape": [1]})


def test_ed25519_follows_rfc_8032() -> None:
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify(public, b"\x72", signature)
    assert not verify(public, b"\x73", signature)
    assert not verify(public, b"\x72", signature[:-1] + b"\x01")


