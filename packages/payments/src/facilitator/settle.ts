/**
 * What a facilitator sends to the chain: calls that move signed money to where its payer said, and nowhere else. Who signs and sends them is the caller's
 * matter; none of these gives the sender a choice of payee or amount.
 */
import { channelsAbi, exactPermit2ProxyAbi, opgAbi } from "@freehold/contracts/abi";
import { contractAddresses, encodeWords, type Hex, toHex } from "@freehold/protocol";
import { encodeAbiParameters, encodeFunctionData } from "viem";
import type { ChannelConfig } from "../channel/channel.js";
import type { Deposit, ExactPayload } from "../x402/payloads.js";

export interface ContractCall {
	readonly to: Hex;
	readonly data: Hex;
}

/** A voucher with its signature and the total that is claimed of it. */
export interface VoucherClaim {
	readonly config: ChannelConfig;
	readonly maxClaimableAmount: bigint;
	readonly signature: Hex;
	readonly totalClaimed: bigint;
}

/** Puts a signed deposit into its channel. */
export function depositCall(config: ChannelConfig, deposit: Deposit): ContractCall {
	const [collector, data] =
		deposit.method === "eip3009"
			? [
					contractAddresses.Erc3009DepositCollector,
					encodeAbiParameters(
						[{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }, { type: "bytes" }],
						[deposit.validAfter, deposit.validBefore, BigInt(deposit.salt), deposit.signature],
					),
				]
			: [
					contractAddresses.Permit2DepositCollector,
					encodeAbiParameters(
						[{ type: "uint256" }, { type: "uint256" }, { type: "bytes" }, { type: "bytes" }],
						[deposit.nonce, deposit.deadline, deposit.signature, "0x"],
					),
				];
	return {
		to: contractAddresses.Channels,
		data: encodeFunctionData({ abi: channelsAbi, functionName: "deposit", args: [config, deposit.amount, collector, data] }),
	};
}

/** Moves a payment of an exact amount to the payee that its payer named. */
export function exactCall(payment: ExactPayload): ContractCall {
	if (payment.method === "eip3009") {
		const { from, to, amount, validAfter, validBefore, nonce, signature } = payment;
		return {
			to: contractAddresses.OPG,
			data: encodeFunctionData({ abi: opgAbi, functionName: "transferWithAuthorization", args: [from, to, amount, validAfter, validBefore, nonce, signature] }),
		};
	}
	const permit = { permitted: { token: payment.token, amount: payment.amount }, nonce: BigInt(payment.nonce), deadline: payment.validBefore };
	return {
		to: contractAddresses.ExactPermit2Proxy,
		data: encodeFunctionData({
			abi: exactPermit2ProxyAbi,
			functionName: "settle",
			args: [permit, payment.from, { to: payment.to, validAfter: payment.validAfter }, payment.signature],
		}),
	};
}

/** Gives a payer back what is free, on the receiver's signature over `refundDigest`. */
export function refundCall(config: ChannelConfig, amount: bigint, nonce: bigint, signature: Hex): ContractCall {
	return {
		to: contractAddresses.Channels,
		data: encodeFunctionData({ abi: channelsAbi, functionName: "refundWithSignature", args: [config, amount, nonce, signature] }),
	};
}

/** Claims and gives back in one transaction: both or none. */
export function claimAndRefundCall(
	claim: VoucherClaim,
	claimSignature: Hex,
	refund: { readonly amount: bigint; readonly nonce: bigint; readonly signature: Hex },
): ContractCall {
	const claimData = encodeFunctionData({ abi: channelsAbi, functionName: "claimWithSignature", args: [[claimTuple(claim)], claimSignature] });
	const refundData = refundCall(claim.config, refund.amount, refund.nonce, refund.signature).data;
	return { to: contractAddresses.Channels, data: encodeFunctionData({ abi: channelsAbi, functionName: "multicall", args: [[claimData, refundData]] }) };
}

/** The `claims` argument of `UsageLedger.anchor`; empty when there is nothing to claim. */
export function encodeClaims(claims: readonly VoucherClaim[], signature: Hex): Hex {
	if (claims.length === 0) return "0x";
	const anchorClaims = channelsAbi.find((item) => item.type === "function" && item.name === "claimWithSignature");
	if (anchorClaims === undefined || !("inputs" in anchorClaims)) throw new Error("the ABI of Channels has no claimWithSignature");
	return encodeAbiParameters(anchorClaims.inputs, [claims.map(claimTuple), signature] as never);
}

function claimTuple(claim: VoucherClaim) {
	return {
		voucher: { channel: claim.config, maxClaimableAmount: claim.maxClaimableAmount },
		signature: claim.signature,
		totalClaimed: claim.totalClaimed,
	};
}

/** Where Permit2 remembers that a nonce was used: a bit of `nonceBitmap(owner, word)`. */
export function permit2NoncePosition(nonce: Hex): { readonly word: bigint; readonly bit: bigint } {
	const value = BigInt(toHex(encodeWords([nonce])));
	return { word: value >> 8n, bit: 1n << (value & 0xffn) };
}
