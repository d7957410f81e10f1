"""
What a receipt file proves, from the file and a checkpoint alone: no network, no trust in whoever handed it over. What is in the file and wrong makes it a
forgery; left out may be request and answer, both with the holder's part, the anchor, and items of evidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Mapping, Sequence

from .._codec import canonical_json, domain_separator, from_hex, keccak, recover, sha256, to_hex, typed_digest, words
from .._network import CONSENSUS_CHAIN_IDS, CONTRACTS, MODES, format_opg
from .._tensors import DTYPES
from . import consensus, shape
from .trie import ProofError, State, decode_rlp, slot_of

Outcome = Literal["meets", "forged", "missingEvidence", "unanchored"]
EXIT_CODES: Mapping[str, int] = {"meets": 0, "forged": 1, "missingEvidence": 3, "unanchored": 4}

_ORDER_TYPE = keccak(
    b"Order(bytes32 callId,address gateway,address node,bytes32 release,uint32 priceVersion,bytes32 payer,bytes32 request,uint8 mode,"
    b"uint64 maxInputUnits,uint64 maxOutputUnits,uint256 nodeFee,uint256 gatewayFee,uint64 deadline)"
)
_RECEIPT_TYPE = keccak(
    b"Receipt(bytes32 order,bytes32 response,bytes32 engine,uint64 inputUnits,uint64 outputUnits,uint256 charge,uint64 startedAt,uint64 finishedAt)"
)
_SUMS = ("calls", "inputUnits", "outputUnits", "nodeFee", "gatewayFee")
_GRACE_SECONDS = 3_900
_ROLE_INFERENCE = 1


@dataclass(frozen=True)
class Check:
    name: str
    result: Literal["holds", "fails", "unproven"]
    detail: str


@dataclass(frozen=True)
class Verdict:
    """`meets`: genuine, anchored, and all that is required holds."""

    outcome: Outcome
    checks: Sequence[Check]
    kinds: Sequence[str]
    """Kinds of evidence that hold."""

    @property
    def ok(self) -> bool:
        return self.outcome == "meets"

    @property
    def reason(self) -> str:
        """The first thing that does not hold, in words; empty when everything does."""
        return next((f"{check.name}: {check.detail}" for wanted in ("fails", "unproven") for check in self.checks if check.result == wanted), "")


@dataclass
class Known:
    """What the caller knows from its own reading of the chain; used only while the file has no anchor to prove it."""

    gateway_keys: Sequence[str] = ()
    node_keys: Sequence[str] = ()
    price: Mapping[str, int] | None = None


@dataclass
class _Facts:
    batch: Mapping[str, int] | None = None
    gateway_key: Mapping[str, int] | None = None
    node_key: Mapping[str, int] | None = None
    node: Mapping[str, int] | None = None
    min_bond: int | None = None
    release: Mapping[str, int] | None = None
    price: Mapping[str, int] | None = None
    older: bool = False
    checks: list[Check] = field(default_factory=list)


def order_digest(order: Mapping[str, Any], chain_id: int) -> bytes:
    return typed_digest(_separator(chain_id), words([_ORDER_TYPE, *(order[name] for name in (
        "callId", "gateway", "node", "release", "priceVersion", "payer", "request", "mode", "maxInputUnits", "maxOutputUnits", "nodeFee", "gatewayFee", "deadline",
    ))]))  # fmt: skip


def receipt_digest(receipt: Mapping[str, Any], chain_id: int) -> bytes:
    names = ("order", "response", "engine", "inputUnits", "outputUnits", "charge", "startedAt", "finishedAt")
    return typed_digest(_separator(chain_id), words([_RECEIPT_TYPE, *(receipt[name] for name in names)]))


def commit(value: Any, salt: str) -> str:
    return to_hex(keccak(from_hex(salt) + canonical_json(value).encode("utf-8")))


def verify_text(
    text: str,
    checkpoint: Mapping[str, Any],
    require: Sequence[str] = (),
    now: int | None = None,
    known: Known | None = None,
    trust_now: int | None = None,
) -> Verdict:
    """What does not parse is forged. `trust_now`: the clock for files whose proof leads over changed sets of validators; they are unproven without one."""
    try:
        file = shape.parse(text)
    except shape.Malformed as error:
        return Verdict("forged", [Check("file", "fails", str(error))], [])
    return verify(file, checkpoint, require, now, known, trust_now)


def verify(
    file: Mapping[str, Any],
    checkpoint: Mapping[str, Any],
    require: Sequence[str] = (),
    now: int | None = None,
    known: Known | None = None,
    trust_now: int | None = None,
) -> Verdict:
    order, receipt, chain_id = file["order"], file["receipt"], file["chainId"]
    order_hash, receipt_hash = order_digest(order, chain_id), receipt_digest(receipt, chain_id)
    gateway_key = recover(order_hash, from_hex(file["orderSignature"]))
    node_key = recover(receipt_hash, from_hex(file["receiptSignature"]))
    anchored = "anchor" in file
    facts = _judge_anchor(file, receipt_hash, gateway_key, node_key, checkpoint, now, trust_now) if anchored else _Facts()
    price = facts.price if anchored else (known.price if known else None)
    checks = [
        Check("file", "holds", f"chain {chain_id}"),
        _order(file, order_hash, price, gateway_key, facts, known),
        _signature("signed", order["node"], node_key, facts.node_key, facts, anchored, known.node_keys if known else None),
        _payer(file),
        _request(file),
        _answer(file),
        _judge("engine", _commits(lambda: to_hex(keccak(canonical_json(file["engine"]).encode())), receipt["engine"]) or "another engine was signed"),
        _evidence(file["evidence"], receipt_hash),
        _release(order, facts, anchored),
        _price(order, receipt, price, facts, anchored),
        *(facts.checks if anchored else [Check(name, "unproven", "the file has no anchor") for name in ("anchored", "sum", "state", "header")]),
    ]
    forged = any(check.result == "fails" for check in checks)
    signed = any(check.name == "signed" and check.result == "holds" for check in checks)
    bonded = facts.node is not None and facts.min_bond is not None
    if bonded:
        assert facts.node is not None and facts.min_bond is not None
        bonded = bool(facts.node["roles"] & _ROLE_INFERENCE) and facts.node["bond"] - facts.node["unbonding"] >= facts.min_bond
    kind = "routed" if isinstance(file["engine"]["options"].get("provider"), str) else "signed"
    kinds = [kind] if not forged and signed and bonded else []
    outcome: Outcome = "meets"
    if forged:
        outcome = "forged"
    elif not anchored or facts.older:
        outcome = "unanchored"
    elif any(wanted not in kinds for wanted in require):
        outcome = "missingEvidence"
    return Verdict(outcome, checks, kinds)


def _separator(chain_id: int) -> bytes:
    return domain_separator("Freehold", "1", chain_id, CONTRACTS["UsageLedger"])


def _judge(name: str, *reasons: "str | bool | None") -> Check:
    """The first reason makes it fail; `True` and `None` are none."""
    reason = next((reason for reason in reasons if isinstance(reason, str)), None)
    return Check(name, "fails", reason) if reason else Check(name, "holds", "")


def _commits(make: Any, expected: str) -> bool:
    try:
        return bool(make() == expected)
    except (ValueError, TypeError, KeyError):
        return False


def _charge(price: Mapping[str, int], inputs: int, outputs: int, order: Mapping[str, Any]) -> int:
    owner = price["perCall"] + price["perInputUnit"] * inputs + price["perOutputUnit"] * outputs
    return int(owner + order["nodeFee"] + order["gatewayFee"])


def _order(file: Mapping[str, Any], digest: bytes, price: Mapping[str, int] | None, key: str | None, facts: _Facts, known: Known | None) -> Check:
    order, receipt = file["order"], file["receipt"]
    most = None if price is None else _charge(price, order["maxInputUnits"], order["maxOutputUnits"], order)
    terms = _judge(
        "order",
        receipt["order"] == to_hex(digest) or "the receipt answers another order",
        order["mode"] in MODES.values() or "the mode is not known",
        (receipt["inputUnits"] <= order["maxInputUnits"] and receipt["outputUnits"] <= order["maxOutputUnits"]) or "more units were used than ordered",
        receipt["charge"] >= order["nodeFee"] + order["gatewayFee"] or "the charge does not cover the fees of the order",
        most is None or receipt["charge"] <= most or "more was charged than the order allows",
        receipt["startedAt"] <= receipt["finishedAt"] <= order["deadline"] or "the answer does not lie before the order's deadline",
    )
    if terms.result == "fails":
        return terms
    return _signature("order", order["gateway"], key, facts.gateway_key, facts, "anchor" in file, known.gateway_keys if known else None)


def _signature(
    name: str, operator: str, key: str | None, interval: Mapping[str, int] | None, facts: _Facts, anchored: bool, known: Sequence[str] | None
) -> Check:
    if key is None:
        return Check(name, "fails", "the signature is malformed")
    if not anchored:
        if known is None:
            return Check(name, "unproven", f"signed by {key}; whose key that is only an anchored receipt proves")
        return Check(name, "holds", f"by key {key} of {operator}") if key in known else Check(name, "fails", f"{key} is not a key of {operator}")
    if interval is None or interval["validFrom"] == 0:
        return Check(name, "fails", f"{key} is not proved to be a key of {operator}")
    if facts.batch is None:
        return Check(name, "unproven", "the time of the batch is not proved")
    if not interval["validFrom"] <= facts.batch["timestamp"] < interval["validUntil"]:
        return Check(name, "fails", f"key {key} of {operator} was not valid when the batch was anchored")
    return Check(name, "holds", f"by key {key} of {operator}")


def _payer(file: Mapping[str, Any]) -> Check:
    holder = file.get("holder")
    if holder is None:
        return Check("payer", "unproven", "left out of the file")
    commitment = to_hex(keccak(from_hex(holder["payer"]) + from_hex(holder["salt"])))
    return _judge("payer", commitment == file["order"]["payer"] or "the order names another payer")


def _request(file: Mapping[str, Any]) -> Check:
    order, receipt, holder = file["order"], file["receipt"], file.get("holder")
    request, text = file.get("request"), file.get("textRequest")
    if request is not None and (text is not None or "textResponse" in file):
        return Check("request", "fails", "the file holds two requests")
    if request is None and text is None:
        return Check("request", "unproven", "left out of the file")
    mode = next((name for name, number in MODES.items() if number == order["mode"]), None)
    if holder is None or mode is None:
        return Check("request", "fails", "the salt that opens the commitment is not in the file")
    if text is not None:
        committed: dict[str, Any] = {"kind": "text", "version": 1, "release": order["release"], "mode": mode, "require": text["require"]}
        opened = _commits(lambda: commit({**committed, "request": _committed_text(text["request"])}, holder["salt"]), order["request"])
        return _judge("request", opened or "the order is for another request")
    assert request is not None
    committed = {"kind": "inference", "version": 1, "release": order["release"], "mode": mode, "require": request["require"]}
    return _judge(
        "request",
        _commits(lambda: commit({**committed, "inputs": _tensors(request["inputs"])}, holder["salt"]), order["request"]) or "the order is for another request",
        _malformed(request["inputs"]),
        _elements(request["inputs"]) == receipt["inputUnits"] or "other input units were charged than were sent",
    )


def _answer(file: Mapping[str, Any]) -> Check:
    receipt, holder = file["receipt"], file.get("holder")
    response, text = file.get("response"), file.get("textResponse")
    if response is not None and (text is not None or "textRequest" in file):
        return Check("answer", "fails", "the file holds two answers")
    if response is None and text is None:
        return Check("answer", "unproven", "left out of the file")
    if holder is None:
        return Check("answer", "fails", "the salt that opens the commitment is not in the file")
    if text is not None:
        made = lambda: commit({"kind": "text", "version": 1, "answer": _committed_answer(text["answer"])}, holder["salt"])  # noqa: E731
        return _judge("answer", _commits(made, receipt["response"]) or "another answer was signed")
    assert response is not None
    return _judge(
        "answer",
        _commits(lambda: commit({"kind": "inference", "version": 1, "outputs": _tensors(response["outputs"])}, holder["salt"]), receipt["response"])
        or "another answer was signed",
        _malformed(response["outputs"]),
        _elements(response["outputs"]) == receipt["outputUnits"] or "other output units were charged than came",
    )


def _committed_text(request: Any) -> Any:
    """Attachments stand as their digests."""
    import base64

    if request.get("task") != "chat":
        return request
    messages = []
    for message in request["messages"]:
        content = []
        for part in message["content"]:
            if part["type"] == "image":
                data = base64.b64decode(part["data"], validate=True)
                content.append({"type": "image", "mediaType": part["mediaType"], "sha256": to_hex(sha256(data)), "bytes": len(data)})
            else:
                content.append(part)
        messages.append({**message, "content": content})
    return {**request, "messages": messages}


def _committed_answer(answer: Any) -> Any:
    """Texts and vectors stand as their digests."""
    if answer["task"] == "embedding":
        vectors = [bytes.fromhex(vector[2:]) for vector in answer["vectors"]]
        return {"task": "embedding", "vectors": [{"sha256": to_hex(sha256(vector)), "bytes": len(vector)} for vector in vectors]}
    choices = []
    for choice in answer["choices"]:
        raw = choice["text"].encode("utf-8")
        choices.append({**choice, "text": {"sha256": to_hex(sha256(raw)), "bytes": len(raw)}})
    return {**answer, "choices": choices}


def _tensors(tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"dtype": t["dtype"], "shape": t["shape"], "sha256": to_hex(sha256(t["data"])), "bytes": len(t["data"])} for name, t in tensors.items()}


def _count(tensor: Mapping[str, Any]) -> int:
    count = 1
    for length in tensor["shape"]:
        count *= length
    return count


def _elements(tensors: Mapping[str, Any]) -> int:
    return sum(map(_count, tensors.values()))


def _malformed(tensors: Mapping[str, Any]) -> str | None:
    """A tensor whose bytes are not what type and shape say would be charged for elements that are not there."""
    for name, tensor in tensors.items():
        dtype, size = tensor["dtype"], len(tensor["data"])
        fits = _count(tensor) * 4 <= size if dtype == "string" else dtype in DTYPES and _count(tensor) * int(DTYPES[dtype][-1]) == size
        if not fits:
            return f"tensor {name} does not have the bytes that its type and shape say"
    return None


def _evidence(evidence: Sequence[Mapping[str, Any]], receipt_hash: bytes) -> Check:
    seen = set()
    for item in evidence:
        digest = keccak(words([receipt_hash, keccak(item["kind"].encode()), keccak(item["body"].encode())]))
        if recover(digest, from_hex(item["signature"])) != item["author"]:
            return Check("evidence", "fails", f"evidence of kind {item['kind']} is not signed by its author")
        if (digest, item["author"]) in seen:
            return Check("evidence", "fails", f"evidence of kind {item['kind']} stands twice")
        seen.add((digest, item["author"]))
    return Check("evidence", "holds", "")


def _release(order: Mapping[str, Any], facts: _Facts, anchored: bool) -> Check:
    if not anchored:
        return Check("release", "unproven", "the file has no anchor")
    if facts.release is None or facts.batch is None:
        return Check("release", "fails", "the file does not prove the release")
    time, release = facts.batch["timestamp"], facts.release
    return _judge(
        "release",
        0 < release["publishedAt"] <= time or "there was no such release when the batch was anchored",
        release["retiredAt"] == 0 or time <= release["retiredAt"] + _GRACE_SECONDS or "the release had been retired by its owner",
        bool(release["modes"] & (1 << order["mode"])) or "the release does not offer this mode",
    )


def _price(order: Mapping[str, Any], receipt: Mapping[str, Any], price: Mapping[str, int] | None, facts: _Facts, anchored: bool) -> Check:
    if price is None or (anchored and facts.batch is None):
        return Check("price", "fails" if anchored else "unproven", "the file does not prove the price")
    ended: str | None = None
    if anchored:
        assert facts.batch is not None
        time, begin, end = facts.batch["timestamp"], price["validFrom"], price["validUntil"]
        if begin == 0 or begin > time or (end != 0 and end < begin):
            ended = "the price was not in force"
        elif end != 0 and time > end + _GRACE_SECONDS:
            ended = "the price had ended"
    due = _charge(price, receipt["inputUnits"], receipt["outputUnits"], order)
    return _judge("price", ended, receipt["charge"] == due or f"{format_opg(receipt['charge'])} OPG was charged, {format_opg(due)} OPG was due")


def _judge_anchor(
    file: Mapping[str, Any], receipt_hash: bytes, gateway_key: str | None, node_key: str | None, checkpoint: Mapping[str, Any], now: int | None, trust_now: int | None
) -> _Facts:
    anchor, order, receipt = file["anchor"], file["order"], file["receipt"]
    facts = _Facts()
    header = evm_header(anchor["evmHeader"])
    state = _read_state(facts, anchor, order, gateway_key, node_key, header)
    facts.checks = [_anchored(anchor, order, facts, header), _sum(anchor, order, receipt, receipt_hash), state, _header(file, facts, checkpoint, now, trust_now)]
    return facts


def evm_header(rlp: bytes) -> Mapping[str, Any] | None:
    """State root, number and timestamp of an EVM header of the Prague form (21 fields)."""
    sizes = (32, 32, 20, 32, 32, 32, 256, None, None, None, None, None, -1, 32, 8, None, 32, None, None, 32, 32)
    try:
        items = decode_rlp(rlp)
    except ProofError:
        return None
    if isinstance(items, bytes) or len(items) != len(sizes):
        return None
    for item, size in zip(items, sizes):
        if not isinstance(item, bytes):
            return None
        if size is None and (len(item) > 8 or item[:1] == b"\0"):
            return None
        if size is not None and size >= 0 and len(item) != size:
            return None
    return {"stateRoot": items[3], "number": int.from_bytes(items[8], "big"), "timestamp": int.from_bytes(items[11], "big")}


def _header(file: Mapping[str, Any], facts: _Facts, checkpoint: Mapping[str, Any], now: int | None, trust_now: int | None) -> Check:
    anchor, chain_id = file["anchor"], CONSENSUS_CHAIN_IDS.get(file["chainId"], f"freehold-{file['chainId']}")
    if "lightPath" in anchor:
        clock = now if trust_now is None else trust_now
        kind, reason = consensus.judge_path(anchor["lightPath"], anchor["lightBlock"], checkpoint, chain_id, clock)
    else:
        kind, reason = consensus.judge(anchor["lightBlock"], checkpoint, chain_id, now)
    if kind == "refused":
        return Check("header", "fails", reason)
    if anchor["lightBlock"]["header"]["appHash"] != keccak(anchor["evmHeader"]):
        return Check("header", "fails", "the consensus header proves another block than the one in the file")
    facts.older = kind in ("older", "expired", "elsewhere")
    return Check("header", "unproven" if facts.older else "holds", reason)


def _sums(source: Mapping[str, Any]) -> list[int]:
    return [source[name] for name in _SUMS]


def _anchored(anchor: Mapping[str, Any], order: Mapping[str, Any], facts: _Facts, header: Mapping[str, Any] | None) -> Check:
    line = anchor["line"]
    root = keccak(words([2, line["release"], line["priceVersion"], line["node"], *_sums(line), line["root"]]))
    for step in anchor["lineProof"]:
        pair = [step["hash"], root] if step["siblingOnLeft"] else [root, step["hash"]]
        root = keccak(words([3, *pair]))
    batch = facts.batch
    if batch is None:
        return Check("anchored", "fails", "the file does not prove what the ledger keeps of the batch")
    newer = header is not None and (header["number"] < batch["blockNumber"] or header["timestamp"] < batch["timestamp"])
    return _judge(
        "anchored",
        batch["root"] != 0 or "the ledger has no such batch",
        int.from_bytes(root, "big") == batch["root"] or "the line does not belong to the batch",
        all(line[name] == order[name] for name in ("release", "priceVersion", "node")) or "the line is for other calls than this one",
        not newer or "the batch is newer than the block that proves it",
    )


def _sum(anchor: Mapping[str, Any], order: Mapping[str, Any], receipt: Mapping[str, Any], receipt_hash: bytes) -> Check:
    sums = [1, receipt["inputUnits"], receipt["outputUnits"], order["nodeFee"], order["gatewayFee"]]
    node = keccak(words([0, receipt_hash, *sums]))
    for step in anchor["leafProof"]:
        other = _sums(step)
        pair = [step["hash"], *other, node, *sums] if step["siblingOnLeft"] else [node, *sums, step["hash"], *other]
        node = keccak(words([1, *pair]))
        sums = [a + b for a, b in zip(sums, other)]
        if any(total >> (64 if index < 3 else 256) for index, total in enumerate(sums)):
            return Check("sum", "fails", "the sums of the batch overflow")
    line = anchor["line"]
    equal = to_hex(node) == line["root"] and sums == _sums(line)
    return _judge("sum", equal or "this call with its units and fees is not in the line's sums")


def _bits(word: int, offset: int, bits: int) -> int:
    return word >> offset & ((1 << bits) - 1)


def _read_state(
    facts: _Facts, anchor: Mapping[str, Any], order: Mapping[str, Any], gateway_key: str | None, node_key: str | None, header: Mapping[str, Any] | None
) -> Check:
    """The records that a receipt stands on, where the contracts keep them (`packages/contracts/src/layout.ts`)."""
    if header is None:
        return Check("state", "fails", "the header of the block is malformed")
    nobody = "0x" + "00" * 20
    usage, nodes, models = CONTRACTS["UsageLedger"], CONTRACTS["NodeRegistry"], CONTRACTS["ModelRegistry"]
    try:
        state = State(header["stateRoot"], anchor["stateNodes"])

        def word(contract: str, slot: int, keys: Sequence["int | str"], number: int) -> int:
            return state.slot(contract, slot_of(slot, keys, number))

        place = [order["gateway"], anchor["seq"]]
        root, when = word(usage, 2, place, 0), word(usage, 2, place, 1)
        facts.batch = {"root": root, "blockNumber": _bits(when, 0, 64), "timestamp": _bits(when, 64, 64)}
        intervals = []
        for operator, key in ((order["gateway"], gateway_key), (order["node"], node_key)):
            packed = word(nodes, 1, [operator, key or nobody], 0)
            intervals.append({"validFrom": _bits(packed, 0, 64), "validUntil": _bits(packed, 64, 64)})
        facts.gateway_key, facts.node_key = intervals
        for operator in (order["gateway"], order["node"]):
            first, second = word(nodes, 0, [operator], 0), word(nodes, 0, [operator], 1)
        facts.node = {"bond": _bits(first, 0, 96), "roles": _bits(first, 240, 8), "unbonding": _bits(second, 0, 96)}
        facts.min_bond = word(nodes, 2, [], 0)
        facts_word = word(models, 8, [order["release"]], 2)
        facts.release = {"publishedAt": _bits(facts_word, 0, 64), "retiredAt": _bits(facts_word, 64, 64), "modes": _bits(facts_word, 240, 8)}
        version = [order["release"], order["priceVersion"]]
        low, high = word(models, 9, version, 0), word(models, 9, version, 1)
        facts.price = {
            "perCall": _bits(low, 0, 128), "perInputUnit": _bits(low, 128, 128), "perOutputUnit": _bits(high, 0, 128),
            "validFrom": _bits(high, 128, 64), "validUntil": _bits(high, 192, 64),
        }  # fmt: skip
    except ProofError as error:
        return Check("state", "fails", str(error))
    return _judge("state", state.all_used or "the state proof holds nodes that prove nothing")
