"""An account on a network: publish, ask, verify, be paid."""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Mapping, Sequence, Union
from urllib.parse import quote as quote_path

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount

from . import _licence, _model
from ._chain import Chain
from ._codec import from_hex, is_hex, recover, sha256, to_hex
from ._licence import AcceptedLicence, Licence
from ._network import CONTRACTS, DEFAULT_NETWORK, EVIDENCE_KINDS, OPG, Network, format_opg, parse_opg
from ._payment import ChannelPayer, decode_header
from ._tensors import Tensor, inputs_of, tensor_from_json
from ._verify import shape
from ._verify.certificate import CertificateVerdict, verify_certificate_text
from ._verify.receipt import Known, Verdict, order_digest, receipt_digest, verify_text
from ._verify.receipt import verify as verify_file
from .errors import FreeholdError, error_of_body, invalid

Amount = Union[int, str]
_ROLE_INFERENCE, _ROLE_GATEWAY = 1, 2
_MAX_ELEMENTS = 4 * 1024 * 1024
_MAX_PAYMENTS = 4
_ASK_SECONDS = 60.0
_PUBLISH_FUNCTION = (
    "publish(string,string,uint16,(uint16,uint16,uint16,uint8,bytes32,bytes32,bytes32,string,(uint128,uint128,uint128,uint16),(bytes32,uint16)[]),"
    "(uint128,uint128,uint128))"
)
_RELEASE = "(uint256,bytes32,uint64,uint64,uint32,uint32,uint16,uint16,uint16,uint8,uint8,bytes32,bytes32,(uint128,uint128,uint128,uint16),string)"
_NEEDED = ("file", "order", "signed", "payer", "request", "answer", "engine", "price")


@dataclass(frozen=True)
class Published:
    model: str
    """`namespace/name@major.minor`."""
    release: str
    manifest: str
    owner: str
    transaction: str | None
    """None when the release stood in the registry before."""


@dataclass(frozen=True)
class Answer:
    outputs: Mapping[str, Any]
    """numpy arrays by name."""
    call_id: str
    charge: int
    """Smallest units of OPG."""
    receipt: Mapping[str, Any]
    """The receipt file as JSON, checked, not yet anchored. `Freehold.receipt(call_id)` gives the complete one."""

    @property
    def charge_opg(self) -> str:
        return format_opg(self.charge)


class Freehold:
    """
    >>> freehold = Freehold(private_key=key)
    >>> freehold.publish("model.onnx", "ana/first", price=1)
    >>> freehold.infer("ana/first", {"X": [[1.0, 2.0]]}).outputs
    """

    def __init__(self, network: "str | Network | None" = None, *, private_key: str | bytes | None = None, keystore: str | Path | None = None) -> None:
        """
        `network` is a gateway's origin or a `network.json` file (default: `FREEHOLD_NETWORK`, else this machine's). The account comes from `private_key`, from a
        `keystore` file (Web3 Secret Storage, opened with the passphrase in `FREEHOLD_PASSWORD_FILE`), or from `FREEHOLD_PRIVATE_KEY`; reading needs none.
        """
        source = network if network is not None else os.environ.get("FREEHOLD_NETWORK", DEFAULT_NETWORK)
        self.network = source if isinstance(source, Network) else Network.load(source)
        self._session = requests.Session()
        self._chain = Chain(self.network, self._session)
        self._account = _account(private_key, keystore)
        self._payer = None if self._account is None else ChannelPayer(self._account, self.network, self._chain)

    @property
    def address(self) -> str:
        return str(self._signer().address).lower()

    def balance(self) -> int:
        """Smallest units of OPG."""
        return int(self._chain.request("eth_getBalance", self.address, "latest"), 16)

    def faucet(self, amount: Amount = 100) -> None:
        """Development networks: money for trying."""
        self._json("POST", f"{self.network.gateway_url}/v1/faucet", {"address": self.address, "amount": str(parse_opg(amount))})

    def publish(
        self,
        model: _model.ModelSource,
        name: str,
        price: Amount,
        *,
        price_per_input_unit: Amount = 0,
        price_per_output_unit: Amount = 0,
        release: str = "1.0",
        parents: "Mapping[str, int] | None" = None,
        licence: str = _model.DEFAULT_LICENCE,
        licence_text: str | None = None,
        title: str | None = None,
        task: str | None = None,
        tags: Sequence[str] = (),
        card: str | None = None,
        timeout: float = 60,
    ) -> Published:
        """
        Publishes a model that this account owns: a file, bytes, or what `torch.onnx.export` and `skl2onnx` return. Amounts in OPG, parents as
        `{"base/digits@1.0": basis points}`, `licence_text` a licence of your own that payers have to accept. Nothing is sent before everything was checked; after a failure the same call goes on where it stopped. Returns when
        the release can be asked through the gateway.
        """
        account = self._signer()
        amounts = (parse_opg(price), parse_opg(price_per_input_unit), parse_opg(price_per_output_unit))
        shares = [(_model.release_of(parent), bps) for parent, bps in (parents or {}).items()]
        publication = _model.prepare(
            model, name, amounts, version=release, parents=shares, licence=licence, licence_text=licence_text, title=title, task=task, tags=tags, card=card
        )  # fmt: skip
        (namespace_owner,) = self._chain.read("ModelRegistry", "namespaceOwner(string)", [publication.namespace], ["address"])
        if int(namespace_owner, 16) not in (0, int(self.address, 16)):
            raise FreeholdError("namespace.taken", f"The namespace {publication.namespace} belongs to {namespace_owner}.")
        stands = self._published(publication)
        for _, digest, content in publication.blobs:
            self._upload(digest, content)
        transaction = None
        if not stands:
            arguments = [publication.namespace, publication.name, 0, publication.data, publication.price]
            transaction = self._chain.send(account, "ModelRegistry", _PUBLISH_FUNCTION, arguments)
        self._until_served(publication.release, publication.release_name, timeout)
        return Published(publication.release_name, publication.release, publication.manifest, self.address, transaction)

    def quote(self, model: str) -> Mapping[str, Any]:
        """Itemised price of a model or release, amounts in smallest units as text."""
        result: Mapping[str, Any] = self._json("GET", f"{self.network.gateway_url}/v1/quotes/{quote_path(model, safe='')}")
        return result

    def licence(self, model: str) -> Licence:
        """The licence of a model, to be shown before it is accepted. Raises `licence.missing`."""
        release = str(self.quote(model)["release"])
        (record,) = self._chain.read("ModelRegistry", "releaseOf(bytes32)", [bytes.fromhex(release[2:])], [_RELEASE])
        manifest = json.loads(self._blob(to_hex(record[1])))
        file = _licence.file_of(manifest)
        text = _licence.spdx_text(manifest["licence"]) if file is None else self._blob(file["sha256"]).decode("utf-8")
        return _licence.licence_of(release, manifest["licence"], text)

    def accept(self, licence: Licence) -> AcceptedLicence:
        """Signs that this account accepts the licence; pass it on with each call: `infer(..., licence=accepted)`."""
        return _licence.accept(licence, self._signer(), self.network.chain_id)

    def infer(
        self,
        model: str,
        inputs: Mapping[str, Any],
        *,
        mode: str = "fast",
        require: Sequence[str] = (),
        max_charge: Amount | None = None,
        licence: AcceptedLicence | None = None,
        timeout: float = _ASK_SECONDS,
    ) -> Answer:
        """
        Asks a model and pays its owners. Returns only when order, receipt, request, answer, price and charge agree with each other and with the chain; raises
        `answer.refused` otherwise, `payment.insufficient` above `max_charge` (OPG), `licence.required` where the owner's own licence was not accepted.
        """
        if self._payer is None:
            self._signer()
        _model.mode_number(mode)
        kinds = sorted(set(require))
        if any(kind not in EVIDENCE_KINDS for kind in kinds):
            raise invalid("require", f"must be kinds of {', '.join(EVIDENCE_KINDS)}")
        quote = self.quote(model)
        gateway, release = str(quote["gateway"]), str(quote["release"])
        (active,) = self._chain.read("NodeRegistry", "isActive(address,uint8)", [gateway, _ROLE_GATEWAY], ["bool"])
        if not active:
            raise FreeholdError("gateway.untrusted", f"The gateway is not believed: {gateway} has no bond")
        tensors = inputs_of(inputs, quote["inputs"])
        most = self._most(quote, tensors, None if max_charge is None else parse_opg(max_charge))
        salt = to_hex(secrets.token_bytes(32))
        body: dict[str, Any] = {
            "release": release,
            "inputs": {name: tensor.to_json() for name, tensor in tensors.items()},
            "mode": mode,
            "maxCharge": str(most),
            "salt": salt,
        }
        if kinds:
            body["require"] = kinds
        answer, charged = self._pay_and_ask(gateway, body, most, timeout, {} if licence is None else {_licence.HEADER: licence.header})
        return self._check(answer, quote, tensors, mode, kinds, salt, charged, most)

    def receipt(self, call_id: str, *, wait: float = 30) -> Mapping[str, Any]:
        """The receipt file of a call as JSON; waits until it is proved by a block, or raises `chain.timeout`."""
        deadline = time.monotonic() + wait
        while True:
            call = self._json("GET", f"{self.network.gateway_url}/v1/calls/{call_id}")
            if call["state"] == "final":
                result: Mapping[str, Any] = call["receiptFile"]
                return result
            if time.monotonic() > deadline:
                raise FreeholdError("chain.timeout", f"The receipt of {call_id} is not anchored yet", retryable=True)
            time.sleep(0.1)

    def verify(self, receipt: "str | Path | Mapping[str, Any]", *, require: Sequence[str] = ()) -> Verdict:
        """Judges a receipt (file or JSON) by this network's checkpoint. Opens no connection."""
        return verify(receipt, self.network.checkpoint, require=require)

    def earnings(self) -> Mapping[str, Any]:
        """What this account earned, by model, in smallest units; reconciled with the chain by the hub."""
        result: Mapping[str, Any] = self._json("GET", f"{self.network.hub_url}/v1/earnings/{self.address}")
        return result

    def claim(self) -> int:
        """Takes out what can be claimed; gives the amount."""
        (amount,) = self._chain.read("Royalties", "claimable(address)", [self.address], ["uint256"])
        if amount > 0:
            self._chain.send(self._signer(), "Royalties", "claim(address)", [self.address])
        return int(amount)

    def _signer(self) -> LocalAccount:
        if self._account is None:
            raise FreeholdError("account.required", "This needs an account that signs: give private_key or keystore, or set FREEHOLD_PRIVATE_KEY.")
        return self._account

    def _published(self, publication: _model.Publication) -> bool:
        """Whether the same release stands already. Raises `model.exists` for another content."""
        raw = bytes.fromhex(publication.release[2:])
        (exists,) = self._chain.read("ModelRegistry", "releaseExists(bytes32)", [raw], ["bool"])
        if not exists:
            return False
        (record,) = self._chain.read("ModelRegistry", "releaseOf(bytes32)", [raw], [_RELEASE])
        if to_hex(record[1]) != publication.manifest:
            raise FreeholdError("model.exists", f"{publication.release_name} exists already, with another content. Publish the next one with another release.")
        return True

    def _blob(self, digest: str) -> bytes:
        """Raises `blob.corrupt` for other bytes than those that the digest names."""
        answer = self._call("GET", f"{self.network.storage_url}/v1/blobs/by-sha256/{digest}")
        if answer.status_code != 200:
            raise error_of_body("The storage", answer.status_code, _json_of(answer))
        if to_hex(sha256(answer.content)) != digest:
            raise FreeholdError("blob.corrupt", f"The storage gave other bytes than {digest}")
        return bytes(answer.content)

    def _upload(self, digest: str, content: bytes) -> None:
        url = f"{self.network.storage_url}/v1/blobs"
        if self._call("HEAD", f"{url}/by-sha256/{digest}").status_code == 200:
            return
        answer = self._call("PUT", f"{url}?sha256={digest[2:]}&blob_id=later", data=content, timeout=60 + 20 * len(content) / 2**20)
        if answer.status_code >= 300:
            raise error_of_body("The storage", answer.status_code, _json_of(answer))

    def _until_served(self, release: str, name: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.quote(release)
                return
            except FreeholdError as error:
                if not error.retryable and error.code != "model.notFound":
                    raise
                if time.monotonic() > deadline:
                    raise FreeholdError("publish.notServed", f"{name} is published and yours, but not offered yet: {error.message}", retryable=True) from error
            time.sleep(0.1)

    def _most(self, quote: Mapping[str, Any], tensors: Mapping[str, Tensor], allowed: int | None) -> int:
        """The most that is signed for: never more than price and fees make of the units, where these are known before the run."""
        owner = {name: int(amount) for name, amount in quote["owner"].items()}
        units = sum(tensor.elements for tensor in tensors.values())
        outputs = 0 if owner["perOutputUnit"] == 0 else _bound(quote, tensors)
        if outputs is None:
            if allowed is None:
                raise invalid("max_charge", "the price of this model depends on how much it answers: say the most that you will pay")
            return allowed
        most = owner["perCall"] + owner["perInputUnit"] * units + owner["perOutputUnit"] * outputs + int(quote["nodeFee"]) + int(quote["gatewayFee"])
        if allowed is not None and allowed < most:
            raise FreeholdError("payment.insufficient", f"The payment allows {format_opg(allowed)} OPG, the call costs {format_opg(most)} OPG.")
        return most

    def _pay_and_ask(self, gateway: str, body: Mapping[str, Any], most: int, timeout: float, headers: Mapping[str, str]) -> tuple[Mapping[str, Any], int]:
        assert self._payer is not None
        # One key for all attempts: an answer that was lost on the way is given again instead of being paid twice.
        key = {**headers, "idempotency-key": secrets.token_hex(16)}
        deadline = time.monotonic() + timeout
        answer = self._ask(body, key, deadline)
        for _ in range(_MAX_PAYMENTS):
            required = decode_header(answer.headers.get("payment-required"))
            if answer.status_code != 402 or required is None:
                break
            payment = self._payer.pay(required, gateway, most)
            answer = self._ask(body, {**key, "payment-signature": payment.header}, deadline)
            charged = self._payer.settle(payment, answer.status_code, answer.headers)
            if charged is not None and answer.status_code < 300:
                value = _json_of(answer)
                if not isinstance(value, dict):
                    raise FreeholdError("upstream.failed", "The gateway gave an answer that is no JSON")
                return value, charged
        raise error_of_body("The gateway", answer.status_code, _json_of(answer))

    def _ask(self, body: Mapping[str, Any], headers: Mapping[str, str], deadline: float) -> requests.Response:
        """Waits out a gateway that restarts or is full."""
        wait = 0.1
        while True:
            left = deadline - time.monotonic()
            try:
                answer = self._session.post(f"{self.network.gateway_url}/v1/inference", json=body, headers=headers, timeout=max(0.001, left))
                if answer.status_code not in (429, 503) or left <= wait:
                    return answer
            except requests.ConnectionError as error:
                if left <= wait:
                    raise FreeholdError("network.down", f"The gateway does not answer at {self.network.gateway_url}", retryable=True) from error
            except requests.Timeout as error:
                raise FreeholdError("upstream.timeout", "The gateway did not answer in time", retryable=True) from error
            time.sleep(wait)
            wait = min(2.0, wait * 2)

    def _check(
        self,
        answer: Mapping[str, Any],
        quote: Mapping[str, Any],
        inputs: Mapping[str, Tensor],
        mode: str,
        kinds: Sequence[str],
        salt: str,
        charged: int,
        most: int,
    ) -> Answer:
        """Before it is believed. Raises `answer.refused` with the receipt file as detail."""

        def refuse(check: str, reason: str) -> FreeholdError:
            return FreeholdError("answer.refused", f"The answer does not stand up to its own receipt ({check}): {reason}", detail={"receiptFile": raw})

        raw = answer.get("receiptFile")
        text = json.dumps(raw)
        try:
            file = shape.parse(text)
            outputs = {name: tensor_from_json(value) for name, value in answer["outputs"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise refuse("file", str(error)) from error
        order, receipt = file["order"], file["receipt"]
        keys = []
        for operator, role, digest, signature in (
            (order["gateway"], _ROLE_GATEWAY, order_digest(order, file["chainId"]), file["orderSignature"]),
            (order["node"], _ROLE_INFERENCE, receipt_digest(receipt, file["chainId"]), file["receiptSignature"]),
        ):
            key = recover(digest, from_hex(signature))
            keys.append([key] if key is not None and self._speaks(operator, key, role) else [])
        version = [bytes.fromhex(order["release"][2:]), order["priceVersion"]]
        (price,) = self._chain.read("ModelRegistry", "priceOf(bytes32,uint32)", version, ["(uint128,uint128,uint128,uint64,uint64)"])
        known = Known(keys[0], keys[1], {"perCall": price[0], "perInputUnit": price[1], "perOutputUnit": price[2]})
        verdict = verify_file(file, self.network.checkpoint, known=known)
        for check in verdict.checks:
            if check.result == "fails" or (check.name in _NEEDED and check.result != "holds"):
                raise refuse(check.name, check.detail)
        request, response, holder = file.get("request"), file.get("response"), file.get("holder")
        if request is None or response is None or holder is None:
            raise refuse("request", "request or answer is left out")
        sent = {name: tensor.committed() for name, tensor in inputs.items()}
        came = {name: tensor.committed() for name, tensor in outputs.items()}
        for holds, reason in (
            (file["chainId"] == self.network.chain_id, "it is of another chain"),
            (order["release"] == quote["release"] and order["gateway"] == quote["gateway"], "it is for another release or gateway"),
            (order["callId"] == answer.get("callId"), "it is for another call"),
            (order["mode"] == _model.mode_number(mode) and request["require"] == list(kinds), "it is for another mode or evidence"),
            (holder == {"payer": self.address, "salt": salt}, "it names another payer or salt"),
            (_committed(request["inputs"]) == sent, "the order is for other inputs"),
            (_committed(response["outputs"]) == came, "the outputs are not those that were signed"),
            (receipt["charge"] == charged and charged <= most, "another amount was taken than was agreed to"),
        ):
            if not holds:
                raise refuse("request", reason)
        return Answer({name: tensor.numpy() for name, tensor in outputs.items()}, order["callId"], receipt["charge"], raw if isinstance(raw, dict) else {})

    def _speaks(self, operator: str, key: str, role: int) -> bool:
        (valid,) = self._chain.read("NodeRegistry", "isKeyValid(address,address,uint64)", [operator, key, int(time.time())], ["bool"])
        (active,) = self._chain.read("NodeRegistry", "isActive(address,uint8)", [operator, role], ["bool"])
        return bool(valid and active)

    def _json(self, method: str, url: str, body: Any = None) -> Any:
        answer = self._call(method, url, json=body)
        value = _json_of(answer)
        if answer.status_code >= 300:
            raise error_of_body("The network", answer.status_code, value)
        return value

    def _call(self, method: str, url: str, *, json: Any = None, data: bytes | None = None, timeout: float = 30) -> requests.Response:
        try:
            return self._session.request(method, url, json=json, data=data, timeout=timeout)
        except requests.RequestException as error:
            raise FreeholdError("network.down", f"{url} does not answer. Is the network running?", retryable=True) from error


def verify(receipt: "str | Path | Mapping[str, Any]", checkpoint: "str | Path | Mapping[str, Any]", *, require: Sequence[str] = ()) -> Verdict:
    """
    Judges a receipt file by a checkpoint (who is believed to order blocks): a file of the CLI's `checkpoint.json` or `network.json`, or the checkpoint itself. Opens
    no network connection. `Verdict.outcome` says `meets`, `forged`, `missingEvidence` or `unanchored`.
    """
    return verify_text(_text_of(receipt), _trusted(checkpoint), require, trust_now=int(time.time() * 1000))


def verify_certificate(certificate: "str | Path | Mapping[str, Any]", checkpoint: "str | Path | Mapping[str, Any]") -> CertificateVerdict:
    """
    Judges a certificate (who published which bytes when) by a checkpoint, as `verify` judges a receipt. Opens no network connection. `CertificateVerdict.outcome` says
    `genuine`, `older`, `expired`, `elsewhere` or `forged`.
    """
    now = int(time.time() * 1000)
    return verify_certificate_text(_text_of(certificate), _trusted(checkpoint), now=now, trust_now=now)


def _text_of(file: "str | Path | Mapping[str, Any]") -> str:
    return json.dumps(file) if isinstance(file, Mapping) else Path(file).read_text(encoding="utf-8")


def _trusted(checkpoint: "str | Path | Mapping[str, Any]") -> Mapping[str, Any]:
    trusted = checkpoint if isinstance(checkpoint, Mapping) else json.loads(Path(checkpoint).read_text(encoding="utf-8"))
    inner = trusted.get("checkpoint", trusted)
    if not isinstance(inner, Mapping) or inner.get("kind") not in ("sequencer", "validators") or not is_hex(inner.get("hash"), 32):
        raise invalid("checkpoint", "must be a checkpoint.json or network.json")
    return inner


def _committed(tensors: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: Tensor(t["dtype"], tuple(t["shape"]), t["data"]).committed() for name, t in tensors.items()}


def _bound(quote: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> int | None:
    """The most elements that the outputs can have, where every length is fixed or equals one of an input."""
    symbols: dict[str, int] = {}
    for spec in quote["inputs"]:
        for length, want in zip(tensors[spec["name"]].shape, spec["shape"] or []):
            if isinstance(want, str):
                symbols[want] = length
    total = 0
    for spec in quote["outputs"]:
        count = 1
        for want in spec["shape"] if spec["shape"] is not None else [None]:
            bound: int | None = symbols.get(want) if isinstance(want, str) else want
            if bound is None:
                return None
            count *= bound
        total += count
    return min(total, _MAX_ELEMENTS)


def _json_of(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _account(private_key: str | bytes | None, keystore: str | Path | None) -> LocalAccount | None:
    if keystore is not None:
        password_file = os.environ.get("FREEHOLD_PASSWORD_FILE")
        if password_file is None:
            raise invalid("keystore", "needs its passphrase in the file that FREEHOLD_PASSWORD_FILE names")
        password = Path(password_file).read_text(encoding="utf-8").rstrip("\r\n")
        try:
            private_key = bytes(Account.decrypt(json.loads(Path(keystore).read_text(encoding="utf-8")), password))
        except ValueError as error:
            raise FreeholdError("account.locked", f"The key in {keystore} could not be opened: wrong passphrase.") from error
    key = private_key if private_key is not None else os.environ.get("FREEHOLD_PRIVATE_KEY")
    if key is None:
        return None
    try:
        account: LocalAccount = Account.from_key(key)
    except Exception as error:
        # The key itself is never repeated.
        raise invalid("private_key", "must be 32 bytes of hex") from error
    return account


__all__ = ["CONTRACTS", "OPG", "Answer", "Freehold", "Published", "verify"]
