"""
Models as property, from Python.

>>> import freehold
>>> freehold.publish("model.onnx", "ana/first", price=1)           # with FREEHOLD_PRIVATE_KEY
>>> freehold.infer("ana/first", {"X": [[1.0, 2.0]]}).outputs
>>> freehold.verify("answer.receipt.json", "checkpoint.json").outcome
"""

from __future__ import annotations

from typing import Any, Mapping

from ._client import Answer, Freehold, Published, verify, verify_certificate
from ._licence import AcceptedLicence, Licence
from ._network import OPG, Network, format_opg, parse_opg
from ._verify.certificate import CertificateVerdict, CertifiedFacts
from ._verify.receipt import Check, Verdict
from .errors import FreeholdError

__version__ = "0.1.0"


def publish(model: Any, name: str, price: "int | str", **options: Any) -> Published:
    """`Freehold().publish`: one line after `torch.onnx.export` or `skl2onnx`. `network`, `private_key` and `keystore` choose network and account."""
    return _connect(options).publish(model, name, price, **options)


def infer(model: str, inputs: Mapping[str, Any], **options: Any) -> Answer:
    """`Freehold().infer`. `network`, `private_key` and `keystore` choose network and account."""
    return _connect(options).infer(model, inputs, **options)


def _connect(options: dict[str, Any]) -> Freehold:
    names = ("network", "private_key", "keystore")
    return Freehold(**{name: options.pop(name) for name in names if name in options})


__all__ = [
    "OPG", "AcceptedLicence", "Answer", "CertificateVerdict", "CertifiedFacts", "Check", "Freehold", "FreeholdError", "Licence", "Network", "Published", "Verdict", "format_opg", "infer", "parse_opg", "publish", "verify",
    "verify_certificate",
]  # fmt: skip
