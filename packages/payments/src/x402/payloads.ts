/** Payloads of the schemes that we speak, read into exact types. Members that we do not know are ignored, as other implementations add some. */
import type { Hex } from "@freehold/protocol";
import type { ChannelConfig, SignedVoucher } from "../channel/channel.js";
import { isObject, readAddress, readAmount, readHex } from "./messages.js";

/** EIP-3009 `ReceiveWithAuthorization` to the deposit collector. Times in Unix seconds. */
export interface Erc3009Deposit {
	readonly method: "eip3009";
	readonly amount: bigint;
	readonly validAfter: bigint;
	readonly validBefore: bigint;
	readonly salt: Hex;
	readonly signature: Hex;
}

/** Permit2 transfer to the deposit collector, whose witness is the channel. */
export interface Permit2Deposit {
	readonly method: "permit2";
	readonly amount: bigint;
	readonly from: Hex;
	readonly spender: Hex;
	readonly nonce: bigint;
	readonly deadline: bigint;
	readonly signature: Hex;
}

/** The width of `withdrawDelay` in the contract. */
const DELAY_BITS = 40;

export type Deposit = Erc3009Deposit | Permit2Deposit;

export type BatchPayload =
	| { readonly type: "voucher"; readonly config: ChannelConfig; readonly voucher: SignedVoucher }
	| { readonly type: "deposit"; readonly config: ChannelConfig; readonly voucher: SignedVoucher; readonly deposit: Deposit }
	| { readonly type: "refund"; readonly config: ChannelConfig; readonly voucher: SignedVoucher; readonly amount: bigint | undefined };

/** One payment of an exact amount, moved by whoever holds the signature to the payee that it names. Times in Unix seconds. */
export type ExactPayload =
	| {
			readonly method: "eip3009";
			readonly from: Hex;
			readonly to: Hex;
			readonly amount: bigint;
			readonly validAfter: bigint;
			readonly validBefore: bigint;
			readonly nonce: Hex;
			readonly signature: Hex;
	  }
	| {
			readonly method: "permit2";
			readonly from: Hex;
			readonly to: Hex;
			readonly token: Hex;
			readonly spender: Hex;
			readonly amount: bigint;
			readonly validAfter: bigint;
			readonly validBefore: bigint;
			readonly nonce: Hex;
			readonly signature: Hex;
	  };

/** Undefined when a member is missing or misshapen. */
export function readBatchPayload(payload: Readonly<Record<string, unknown>>): BatchPayload | undefined {
	const config = readConfig(payload["channelConfig"]);
	const voucher = readVoucher(payload["voucher"]);
	if (config === undefined || voucher === undefined) return undefined;
	switch (payload["type"]) {
		case "voucher":
			return { type: "voucher", config, voucher };
		case "deposit": {
			const deposit = readDeposit(payload["deposit"]);
			return deposit === undefined ? undefined : { type: "deposit", config, voucher, deposit };
		}
		case "refund": {
			const given = payload["amount"];
			const amount = readAmount(given);
			return given !== undefined && amount === undefined ? undefined : { type: "refund", config, voucher, amount };
		}
		default:
			return undefined;
	}
}

/** Undefined when a member is missing or misshapen. */
export function readExactPayload(payload: Readonly<Record<string, unknown>>): ExactPayload | undefined {
	const signature = readSignature(payload["signature"]);
	if (signature === undefined) return undefined;
	if (isObject(payload["permit2Authorization"])) return readExactPermit2(payload["permit2Authorization"], signature);
	if (!isObject(payload["authorization"])) return undefined;
	const source = payload["authorization"];
	const from = readAddress(source["from"]);
	const to = readAddress(source["to"]);
	const amount = readAmount(source["value"], 256);
	const validAfter = readAmount(source["validAfter"], 64);
	const validBefore = readAmount(source["validBefore"], 64);
	const nonce = readHex(source["nonce"], 32);
	if (from === undefined || to === undefined || amount === undefined || validAfter === undefined || validBefore === undefined || nonce === undefined)
		return undefined;
	return { method: "eip3009", from, to, amount, validAfter, validBefore, nonce, signature };
}

function readExactPermit2(source: Readonly<Record<string, unknown>>, signature: Hex): ExactPayload | undefined {
	const permitted = source["permitted"];
	const witness = source["witness"];
	if (!isObject(permitted) || !isObject(witness)) return undefined;
	const from = readAddress(source["from"]);
	const to = readAddress(witness["to"]);
	const token = readAddress(permitted["token"]);
	const spender = readAddress(source["spender"]);
	const amount = readAmount(permitted["amount"], 256);
	const validAfter = readAmount(witness["validAfter"], 64);
	const validBefore = readAmount(source["deadline"], 64);
	const nonce = readAmount(source["nonce"], 256);
	if (from === undefined || to === undefined || token === undefined || spender === undefined) return undefined;
	if (amount === undefined || validAfter === undefined || validBefore === undefined || nonce === undefined) return undefined;
	return {
		method: "permit2",
		from,
		to,
		token,
		spender,
		amount,
		validAfter,
		validBefore,
		nonce: `0x${nonce.toString(16).padStart(64, "0")}`,
		signature,
	};
}

function readConfig(value: unknown): ChannelConfig | undefined {
	if (!isObject(value)) return undefined;
	const payer = readAddress(value["payer"]);
	const payerAuthorizer = readAddress(value["payerAuthorizer"]);
	const receiver = readAddress(value["receiver"]);
	const receiverAuthorizer = readAddress(value["receiverAuthorizer"]);
	const token = readAddress(value["token"]);
	const salt = readHex(value["salt"], 32);
	const delay = value["withdrawDelay"];
	const withdrawDelay = typeof delay === "string" ? Number(readAmount(delay, DELAY_BITS) ?? Number.NaN) : delay;
	if (payer === undefined || payerAuthorizer === undefined || receiver === undefined || receiverAuthorizer === undefined) return undefined;
	if (
		token === undefined ||
		salt === undefined ||
		typeof withdrawDelay !== "number" ||
		!Number.isSafeInteger(withdrawDelay) ||
		withdrawDelay < 0 ||
		withdrawDelay >= 2 ** DELAY_BITS
	)
		return undefined;
	return { payer, payerAuthorizer, receiver, receiverAuthorizer, token, withdrawDelay, salt };
}

function readVoucher(value: unknown): SignedVoucher | undefined {
	if (!isObject(value)) return undefined;
	const channelId = readHex(value["channelId"], 32);
	const maxClaimableAmount = readAmount(value["maxClaimableAmount"]);
	const signature = readSignature(value["signature"]);
	return channelId === undefined || maxClaimableAmount === undefined || signature === undefined ? undefined : { channelId, maxClaimableAmount, signature };
}

function readDeposit(value: unknown): Deposit | undefined {
	if (!isObject(value) || !isObject(value["authorization"])) return undefined;
	const amount = readAmount(value["amount"]);
	if (amount === undefined) return undefined;
	const { erc3009Authorization: erc3009, permit2Authorization: permit2 } = value["authorization"];
	if (isObject(erc3009)) {
		const validAfter = readAmount(erc3009["validAfter"], 64);
		const validBefore = readAmount(erc3009["validBefore"], 64);
		const salt = readHex(erc3009["salt"], 32);
		const signature = readSignature(erc3009["signature"]);
		if (validAfter === undefined || validBefore === undefined || salt === undefined || signature === undefined) return undefined;
		return { method: "eip3009", amount, validAfter, validBefore, salt, signature };
	}
	if (isObject(permit2)) {
		const from = readAddress(permit2["from"]);
		const spender = readAddress(permit2["spender"]);
		const nonce = readAmount(permit2["nonce"], 256);
		const deadline = readAmount(permit2["deadline"], 64);
		const signature = readSignature(permit2["signature"]);
		if (from === undefined || spender === undefined || nonce === undefined || deadline === undefined || signature === undefined) return undefined;
		return { method: "permit2", amount, from, spender, nonce, deadline, signature };
	}
	return undefined;
}

/** 65 bytes r ‖ s ‖ v, or up to 4 KiB for wallets that are contracts. */
function readSignature(value: unknown): Hex | undefined {
	return typeof value === "string" && value.length >= 132 && value.length <= 8_194 && value.length % 2 === 0 && /^0x[0-9a-fA-F]+$/.test(value)
		? (value.toLowerCase() as Hex)
		: undefined;
}
