"""
Paying by an x402 channel: one signature opens it without gas, then one signature a call. Money goes to the gateway's till only; what can be lost is bounded by
what was signed, and that by what was charged and one call more.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any, Mapping

from eth_account.signers.local import LocalAccount

from ._chain import Chain
from ._codec import domain_separator, keccak, recover, to_hex, typed_digest, words
from ._network import CONTRACTS, TILL_INIT_CODE_HASH, Network
from .errors import FreeholdError

_CONFIG = "ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
_CONFIG_HASH = keccak(_CONFIG.encode())
_VOUCHER_HASH = keccak(b"Voucher(bytes32 channelId,uint128 maxClaimableAmount)")
_RECEIVE = b"ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
_RECEIVE_HASH = keccak(_RECEIVE)
_CORRECTIONS = {
    "invalid_batch_settlement_evm_cumulative_amount_mismatch",
    "invalid_batch_settlement_evm_cumulative_below_claimed",
    "invalid_batch_settlement_evm_cumulative_exceeds_balance",
}
_MAX_HEADER = 24 * 1024


@dataclass
class Lane:
    balance: int
    charged: int
    signed: int


@dataclass
class Payment:
    header: str
    channel: str
    amount: int
    deposit: int


def till_of(gateway: str) -> str:
    """Where customers of a gateway pay: the CREATE2 address that `UsageLedger.till` gives."""
    packed = b"\xff" + bytes.fromhex(CONTRACTS["UsageLedger"][2:]) + words([gateway]) + bytes.fromhex(TILL_INIT_CODE_HASH[2:])
    return to_hex(keccak(packed)[12:])


def decode_header(header: str | None) -> Mapping[str, Any] | None:
    if header is None or len(header) > _MAX_HEADER:
        return None
    try:
        value = json.loads(base64.b64decode(header))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


class ChannelPayer:
    """One channel of one account at one gateway. What it does not remember, the chain and its own signatures tell."""

    def __init__(self, account: LocalAccount, network: Network, chain: Chain) -> None:
        self._account = account
        self._payer = str(account.address).lower()
        self._network = network
        self._chain = chain
        self._lanes: dict[str, Lane] = {}
        self._separator = domain_separator("x402 Batch Settlement", "1", network.chain_id, CONTRACTS["Channels"])

    def pay(self, required: Mapping[str, Any], gateway: str, most: int) -> Payment:
        """Signs for what a 402 asks. Raises `payment.invalid` for any payee but the gateway's till, `payment.insufficient` above `most`."""
        offer = self._offer(required, gateway)
        amount = int(offer["amount"])
        if amount > most:
            raise FreeholdError("payment.insufficient", f"The payment allows {most}, the call costs {amount}.")
        config = self._config(offer)
        channel = self._channel_id(config)
        lane = self._lanes.get(channel) or self._recall(channel)
        most_claimable = lane.charged + amount
        deposit = 0
        body: dict[str, Any] = {"type": "voucher"}
        if most_claimable > lane.balance:
            extra = offer["extra"]
            deposit = max(most_claimable - lane.balance, int(extra.get("minDeposit", "0")), int(extra.get("leastDeposit", "0")))
            body = {"type": "deposit", "deposit": self._sign_deposit(offer, channel, deposit)}
        lane.signed = max(lane.signed, most_claimable)
        self._lanes[channel] = lane
        digest = typed_digest(self._separator, words([_VOUCHER_HASH, channel, most_claimable]))
        voucher = {"channelId": channel, "maxClaimableAmount": str(most_claimable), "signature": self._sign(digest)}
        message = {"x402Version": 2, "accepted": offer, "payload": {**body, "channelConfig": config, "voucher": voucher}}
        header = base64.b64encode(json.dumps(message, separators=(",", ":")).encode()).decode()
        return Payment(header, channel, amount, deposit)

    def settle(self, payment: Payment, status: int, headers: Mapping[str, str]) -> int | None:
        """What was charged; None when nothing was and the call may be tried again, if the lane was set right. Raises `payment.invalid` for a false account."""
        lane = self._lanes[payment.channel]
        settlement = decode_header(headers.get("payment-response"))
        if settlement is not None and settlement.get("success") is True:
            extra = settlement.get("extra") or {}
            charged = int(extra.get("chargedAmount") or 0)
            if charged > payment.amount:
                raise FreeholdError("payment.invalid", "the gateway says it charged more than was signed")
            state = extra.get("channelState") or {}
            cumulative = int(state.get("chargedCumulativeAmount") or lane.charged + charged)
            lane.charged = cumulative if cumulative <= lane.signed else lane.charged + charged
            lane.balance = int(state.get("balance") or lane.balance + payment.deposit)
            return charged
        if status == 402:
            self._correct(payment.channel, lane, decode_header(headers.get("payment-required")) or {})
        return None

    def _offer(self, required: Mapping[str, Any], gateway: str) -> Mapping[str, Any]:
        network = f"eip155:{self._network.chain_id}"
        for offer in required.get("accepts", []):
            if offer.get("scheme") == "batch-settlement" and offer.get("network") == network:
                if str(offer.get("asset", "")).lower() != CONTRACTS["OPG"]:
                    raise _refuse("it asks for another token than OPG")
                if str(offer.get("payTo", "")).lower() != till_of(gateway):
                    raise _refuse(f"its payee is not the till of gateway {gateway}")
                return dict(offer)
        raise _refuse("it offers no channel on this chain")

    def _config(self, offer: Mapping[str, Any]) -> dict[str, Any]:
        extra = offer.get("extra") or {}
        if not isinstance(extra.get("receiverAuthorizer"), str) or not isinstance(extra.get("withdrawDelay"), int):
            raise _refuse("it names no receiver authorizer or no withdrawal delay")
        return {
            "payer": self._payer,
            "payerAuthorizer": self._payer,
            "receiver": str(offer["payTo"]).lower(),
            "receiverAuthorizer": extra["receiverAuthorizer"].lower(),
            "token": str(offer["asset"]).lower(),
            "withdrawDelay": extra["withdrawDelay"],
            "salt": to_hex(words([0])),
        }

    def _channel_id(self, config: Mapping[str, Any]) -> str:
        return to_hex(typed_digest(self._separator, words([_CONFIG_HASH, *config.values()])))

    def _recall(self, channel: str) -> Lane:
        balance, claimed = self._chain.read("Channels", "channels(bytes32)", [bytes.fromhex(channel[2:])], ["uint128", "uint128"])
        return Lane(balance, claimed, claimed)

    def _correct(self, channel: str, lane: Lane, required: Mapping[str, Any]) -> None:
        """Takes over the gateway's view of the channel as far as the chain, or a signature of ours that it can show, bears it out."""
        if required.get("error") not in _CORRECTIONS:
            return
        onchain = self._recall(channel)
        lane.balance = onchain.balance
        extra = next((o.get("extra") or {} for o in required.get("accepts", []) if o.get("scheme") == "batch-settlement"), {})
        charged = int((extra.get("channelState") or {}).get("chargedCumulativeAmount") or -1)
        proof = extra.get("voucherState") or {}
        if 0 <= charged <= lane.signed or self._is_ours(channel, charged, proof):
            lane.charged = charged
            lane.signed = max(lane.signed, charged)
        else:
            lane.charged = onchain.charged

    def _is_ours(self, channel: str, charged: int, proof: Mapping[str, Any]) -> bool:
        try:
            signed, signature = int(proof["signedMaxClaimable"]), bytes.fromhex(str(proof["signature"])[2:])
        except (KeyError, ValueError):
            return False
        digest = typed_digest(self._separator, words([_VOUCHER_HASH, channel, signed]))
        return 0 <= charged <= signed and recover(digest, signature) == self._payer

    def _sign_deposit(self, offer: Mapping[str, Any], channel: str, amount: int) -> dict[str, Any]:
        extra = offer["extra"]
        salt = to_hex(secrets.token_bytes(32))
        valid_before = int(time.time()) + int(offer["maxTimeoutSeconds"])
        nonce = keccak(words([channel, salt]))
        struct = words([_RECEIVE_HASH, self._payer, CONTRACTS["Erc3009DepositCollector"], amount, 0, valid_before, nonce])
        separator = domain_separator(str(extra["name"]), str(extra["version"]), self._network.chain_id, str(offer["asset"]).lower())
        signature = self._sign(typed_digest(separator, struct))
        authorization = {"validAfter": "0", "validBefore": str(valid_before), "salt": salt, "signature": signature}
        return {"amount": str(amount), "authorization": {"erc3009Authorization": authorization}}

    def _sign(self, digest: bytes) -> str:
        return to_hex(bytes(self._account.unsafe_sign_hash(digest).signature))


def _refuse(reason: str) -> FreeholdError:
    return FreeholdError("payment.invalid", f"the gateway's offer is not followed: {reason}")
