/**
 * Paying by channels: one signature opens a channel without gas, then one signature a call. The wire is that of the x402 `batch-settlement` scheme.
 *
 * Money can only go to the gateway's till: an offer whose `payTo` is another address is refused. What can be lost is bounded by what was signed, and
 * what was signed by what was charged and one call more.
 */
import { contractAddresses, FreeholdError, type Hex, toHex } from "@freehold/protocol";
import { recoverAddress } from "viem";
import { type ChannelConfig, channelId, channelsDomain, channelTypes, depositNonce, voucherDigest } from "../channel/channel.js";
import {
	decodePaymentRequired,
	decodeSettleResponse,
	encodeHeader,
	isObject,
	network,
	type PaymentRequired,
	type PaymentRequirements,
	readAmount,
	readHex,
	type SettleResponse,
	x402Headers,
} from "../x402/messages.js";
import { batchReasons } from "../x402/reasons.js";
import { atLeast, channelOffer, configOf, refuseOffer } from "./channel-offer.js";
import { type Lane, type LaneStore, memoryLaneStore } from "./lane.js";
import { LanePool } from "./lane-pool.js";

/** The part of a wallet that paying needs; an account of viem has it. */
export interface PaymentWallet {
	readonly address: Hex;
	signTypedData(data: TypedData): Promise<Hex>;
}

export interface TypedData {
	readonly domain: { readonly name: string; readonly version: string; readonly chainId: number; readonly verifyingContract: Hex };
	readonly types: Readonly<Record<string, readonly { readonly name: string; readonly type: string }[]>>;
	readonly primaryType: string;
	readonly message: Readonly<Record<string, unknown>>;
}

/** What a deposit would do, for a person or a budget to agree to. */
export interface DepositPlan {
	readonly gateway: Hex;
	readonly till: Hex;
	readonly channelId: Hex;
	/** Least that has to be moved into the channel now. */
	readonly amount: bigint;
	/** What the gateway suggests: enough for some calls more. */
	readonly suggested: bigint;
	/** In it already. */
	readonly balance: bigint;
	readonly opens: boolean;
	/** Most that the call at hand can cost. */
	readonly call: bigint;
}

export interface ChannelPayerOptions {
	readonly wallet: PaymentWallet;
	readonly chainId: number;
	/** Default: memory. */
	readonly store?: LaneStore;
	/** Calls in flight at once; default 4. Further calls wait for a lane. */
	readonly lanes?: number;
	/** Amount of a deposit, at least `plan.amount`; `true` takes what is suggested, `false` refuses. Default: what is suggested. */
	readonly confirmDeposit?: (plan: DepositPlan) => bigint | boolean | Promise<bigint | boolean>;
	/** `Channels.channels(id)`: asked for a channel that the store does not know. */
	readonly readChannel?: (channelId: Hex) => Promise<{ readonly balance: bigint; readonly totalClaimed: bigint }>;
	/** Unix milliseconds. */
	readonly now: () => number;
	/** Cryptographically secure bytes. */
	readonly random: (length: number) => Uint8Array;
}

/** How a paid request ended: `retry` when the lane was corrected and the same call should be paid again. */
export type PaymentOutcome =
	| { readonly result: "paid"; readonly charged: bigint; readonly settlement: SettleResponse }
	| { readonly result: "retry" }
	| { readonly result: "unpaid" };

/** A payment for one request. `settle` must be called once, with the answer; `release` instead, when there was none. */
export interface PreparedPayment {
	/** To be sent with the request. */
	readonly headers: Readonly<Record<string, string>>;
	/** Most that the call can cost. */
	readonly amount: bigint;
	/** Put into the channel with this request. */
	readonly deposit: bigint;
	readonly channelId: Hex;
	settle(response: { readonly status: number; readonly header: (name: string) => string | null | undefined }): Promise<PaymentOutcome>;
	release(): void;
}

export interface ChannelPayer {
	/** Pays what a 402 answer asks. `gateway` is the operator that the caller means to pay. Waits for a free lane, until `signal` aborts. */
	pay(required: PaymentRequired, gateway: Hex, signal?: AbortSignal): Promise<PreparedPayment>;
	/** Pays on a lane of its own, outside the pool of those that calls share; `confirmDeposit` answers for this payment. */
	payOn(required: PaymentRequired, gateway: Hex, lane: number, confirmDeposit: ChannelPayerOptions["confirmDeposit"]): Promise<PreparedPayment>;
	/** Headers of a request that asks the gateway to close a lane together. */
	refund(lane: Lane): Promise<Readonly<Record<string, string>>>;
	readonly store: LaneStore;
}

const DEFAULT_LANES = 4;

export function createChannelPayer(options: ChannelPayerOptions): ChannelPayer {
	const { wallet, chainId, store = memoryLaneStore() } = options;
	const payer = wallet.address.toLowerCase() as Hex;
	const lanes = new LanePool(options.lanes ?? DEFAULT_LANES);

	async function pay(required: PaymentRequired, gateway: Hex, signal?: AbortSignal): Promise<PreparedPayment> {
		const accepted = channelOffer(required, chainId, gateway);
		const lane = await lanes.take(accepted.payTo, signal);
		const free = (): void => lanes.give(accepted.payTo, lane);
		try {
			return await prepare(accepted, gateway, lane, free, options.confirmDeposit);
		} catch (error) {
			free();
			throw error;
		}
	}

	async function prepare(
		accepted: PaymentRequirements,
		gateway: Hex,
		laneNumber: number,
		free: () => void,
		confirm: ChannelPayerOptions["confirmDeposit"],
	): Promise<PreparedPayment> {
		const config = configOf(accepted, payer, laneNumber);
		const id = channelId(config, chainId);
		const amount = BigInt(accepted.amount);
		const kept = await store.get(id);
		const lane = kept === undefined ? await recall(config, id) : await covering(kept, amount);
		const maxClaimable = lane.charged + amount;
		const deposit = maxClaimable > lane.balance ? await agreeDeposit(accepted, gateway, lane, maxClaimable - lane.balance, confirm) : 0n;
		const signed: Lane = { ...lane, signed: maxClaimable > lane.signed ? maxClaimable : lane.signed };
		// Remembered before it leaves: a signature that was given cannot be forgotten.
		await store.put(signed);
		// The larger question first: whoever declines the deposit has signed nothing.
		const body = deposit === 0n ? { type: "voucher" } : { type: "deposit", deposit: await signDeposit(accepted, id, deposit) };
		const voucher = { channelId: id, maxClaimableAmount: maxClaimable.toString(), signature: await signVoucher(id, maxClaimable) };
		const header = encodeHeader({ x402Version: 2, accepted, payload: { ...body, channelConfig: config, voucher } });
		let open = true;
		const close = (): void => {
			if (open) free();
			open = false;
		};
		return {
			headers: { [x402Headers.signature]: header },
			amount,
			deposit,
			channelId: id,
			release: close,
			settle: async ({ header: read, status }) => {
				try {
					return await conclude(signed, amount, deposit, read, status);
				} finally {
					close();
				}
			},
		};
	}

	async function conclude(
		lane: Lane,
		amount: bigint,
		deposit: bigint,
		read: (name: string) => string | null | undefined,
		status: number,
	): Promise<PaymentOutcome> {
		const settled = read(x402Headers.response);
		const settlement = typeof settled === "string" ? decodeSettleResponse(settled) : undefined;
		if (settlement?.success === true) {
			const charged = readAmount(settlement.extra?.["chargedAmount"]) ?? 0n;
			if (charged > amount) throw new FreeholdError("payment.invalid", { reason: "the gateway says it charged more than was signed" });
			const state = isObject(settlement.extra?.["channelState"]) ? settlement.extra["channelState"] : {};
			const cumulative = readAmount(state["chargedCumulativeAmount"]);
			// An answer that is given again tells of a charge that may be counted already: the total is what both sides share, up to what was signed.
			const total = cumulative !== undefined && cumulative <= lane.signed ? cumulative : lane.charged + charged;
			await store.put({ ...lane, balance: readAmount(state["balance"]) ?? lane.balance + deposit, charged: total });
			return charged > 0n || status < 400 ? { result: "paid", charged, settlement } : { result: "unpaid" };
		}
		const corrective = read(x402Headers.required);
		const required = status === 402 && typeof corrective === "string" ? decodePaymentRequired(corrective) : undefined;
		return required !== undefined && (await correct(lane, required)) ? { result: "retry" } : { result: "unpaid" };
	}

	/** Takes over the gateway's view of a lane, as far as our own signature or the chain bears it out. */
	async function correct(lane: Lane, required: PaymentRequired): Promise<boolean> {
		if (required.error !== batchReasons.cumulative && required.error !== batchReasons.belowClaimed && required.error !== batchReasons.exceedsBalance)
			return false;
		const chain = await options.readChannel?.(lane.channelId);
		const state = required.accepts.find((item) => item.scheme === "batch-settlement")?.extra;
		const channel = isObject(state?.["channelState"]) ? state["channelState"] : {};
		const proof = isObject(state?.["voucherState"]) ? state["voucherState"] : {};
		const balance = chain?.balance ?? readAmount(channel["balance"]) ?? lane.balance;
		const charged = readAmount(channel["chargedCumulativeAmount"]);
		const ours = charged !== undefined && (charged <= lane.signed || (await isOurs(lane, charged, proof)));
		const next = ours ? charged : chain?.totalClaimed;
		if (next === undefined || (next === lane.charged && balance === lane.balance)) return false;
		await store.put({ ...lane, balance, charged: next });
		return true;
	}

	/** Whether the gateway can show our signature over at least `charged`. */
	async function isOurs(lane: Lane, charged: bigint, proof: Readonly<Record<string, unknown>>): Promise<boolean> {
		const signedMax = readAmount(proof["signedMaxClaimable"]);
		const signature = readHex(proof["signature"], 65);
		if (signedMax === undefined || signature === undefined || charged > signedMax) return false;
		try {
			const signer = await recoverAddress({ hash: toHex(voucherDigest(lane.channelId, signedMax, chainId)), signature });
			return signer.toLowerCase() === payer;
		} catch {
			return false;
		}
	}

	/** A lane that the store does not know: what the chain says of it. */
	async function recall(config: ChannelConfig, id: Hex): Promise<Lane> {
		const chain = await options.readChannel?.(id);
		const charged = chain?.totalClaimed ?? 0n;
		return { channelId: id, config, balance: chain?.balance ?? 0n, charged, signed: charged };
	}

	/** A call that was left never said that its deposit had come: the chain is asked before more is put in. */
	async function covering(lane: Lane, amount: bigint): Promise<Lane> {
		if (lane.charged + amount <= lane.balance) return lane;
		const chain = await options.readChannel?.(lane.channelId);
		return chain === undefined || chain.balance <= lane.balance ? lane : { ...lane, balance: chain.balance };
	}

	async function agreeDeposit(
		accepted: PaymentRequirements,
		gateway: Hex,
		lane: Lane,
		least: bigint,
		confirm: ChannelPayerOptions["confirmDeposit"],
	): Promise<bigint> {
		const amount = atLeast(readAmount(accepted.extra?.["leastDeposit"]), least);
		const suggested = atLeast(readAmount(accepted.extra?.["minDeposit"]), amount);
		const plan: DepositPlan = {
			gateway,
			till: accepted.payTo,
			channelId: lane.channelId,
			amount,
			suggested,
			balance: lane.balance,
			opens: lane.balance === 0n,
			call: BigInt(accepted.amount),
		};
		const answer = (await confirm?.(plan)) ?? true;
		if (answer === false) throw new FreeholdError("payment.insufficient", { given: lane.balance - lane.charged, needed: BigInt(accepted.amount) });
		if (typeof answer === "bigint" && answer < amount) throw new FreeholdError("payment.insufficient", { given: answer, needed: amount });
		return typeof answer === "bigint" ? answer : suggested;
	}

	function signVoucher(id: Hex, maxClaimableAmount: bigint): Promise<Hex> {
		return wallet.signTypedData({
			domain: channelsDomain(chainId),
			types: { Voucher: channelTypes.Voucher },
			primaryType: "Voucher",
			message: { channelId: id, maxClaimableAmount },
		});
	}

	async function signDeposit(accepted: PaymentRequirements, id: Hex, amount: bigint): Promise<Readonly<Record<string, unknown>>> {
		const { name, version } = accepted.extra ?? {};
		if (typeof name !== "string" || typeof version !== "string") throw refuseOffer("it does not name the token's domain");
		const salt = toHex(options.random(32));
		const validBefore = BigInt(Math.floor(options.now() / 1000) + accepted.maxTimeoutSeconds);
		const signature = await wallet.signTypedData({
			domain: { name, version, chainId, verifyingContract: accepted.asset },
			types: { ReceiveWithAuthorization: channelTypes.ReceiveWithAuthorization },
			primaryType: "ReceiveWithAuthorization",
			message: {
				from: payer,
				to: contractAddresses.Erc3009DepositCollector,
				value: amount,
				validAfter: 0n,
				validBefore,
				nonce: depositNonce(id, salt),
			},
		});
		return {
			amount: amount.toString(),
			authorization: { erc3009Authorization: { validAfter: "0", validBefore: validBefore.toString(), salt, signature } },
		};
	}

	async function refund(lane: Lane): Promise<Readonly<Record<string, string>>> {
		const voucher = { channelId: lane.channelId, maxClaimableAmount: lane.charged.toString(), signature: await signVoucher(lane.channelId, lane.charged) };
		const { receiver, receiverAuthorizer, withdrawDelay, token } = lane.config;
		const accepted: PaymentRequirements = {
			scheme: "batch-settlement",
			network: network(chainId),
			amount: "0",
			asset: token,
			payTo: receiver,
			maxTimeoutSeconds: 60,
			extra: { receiverAuthorizer, withdrawDelay },
		};
		return { [x402Headers.signature]: encodeHeader({ x402Version: 2, accepted, payload: { type: "refund", channelConfig: lane.config, voucher } }) };
	}

	const payOn: ChannelPayer["payOn"] = (required, gateway, lane, confirmDeposit) =>
		prepare(channelOffer(required, chainId, gateway), gateway, lane, () => undefined, confirmDeposit);

	return { pay, payOn, refund, store };
}
