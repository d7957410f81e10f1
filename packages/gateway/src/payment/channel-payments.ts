/** Calls paid by channels: a voucher is checked and its lane held; a deposit is in a block before anything is served on it. */

import { batchReasons, type ChannelConfig, depositNonce, type SettleResponse, voucherDigest } from "@freehold/payments";
import { depositCall } from "@freehold/payments/facilitator";
import {
	type BatchPayload,
	channelSettlement,
	checkConfig,
	checkDeposit,
	checkSignature,
	checkVoucher,
	type Deposit,
	leastDeposit,
	sameConfig,
	type TillTerms,
} from "@freehold/payments/server";
import { type Crypto, FreeholdError, fromHex, type Hex, toHex } from "@freehold/protocol";
import { type ChainClient, contracts, decodeEvent, type Transactor } from "@freehold/sdk/chain";
import { type ChannelBook, emptyOnchain } from "../channels/channel-book.js";
import type { GatewayEvents } from "../program/events.js";
import { type GatewayStore, type OnchainRecord, pack } from "../store/tables.js";
import { isContract } from "./contract-wallet.js";
import { type Acceptance, type Reservation, refused } from "./reservation.js";

export interface ChannelPaymentModules {
	readonly terms: TillTerms;
	readonly channels: ChannelBook;
	readonly store: GatewayStore;
	readonly client: ChainClient;
	readonly transactor: Transactor;
	readonly events: GatewayEvents;
	readonly crypto: Crypto;
	readonly crashPoint: (name: string) => void;
	/** Milliseconds since the chain was last heard of. */
	readonly silenceMs: () => number;
	/** Unix milliseconds. */
	readonly now: () => number;
	readonly random: (length: number) => Uint8Array;
}

/** Without news of the chain for this long a payer's exit could go unseen; the shortest notice is fifteen times longer. */
const MAX_SILENCE_MS = 60_000;
const DEPOSIT_DEADLINE_MS = 20_000;

export class ChannelPayments {
	readonly #modules: ChannelPaymentModules;
	readonly #depositing = new Set<Hex>();

	constructor(modules: ChannelPaymentModules) {
		this.#modules = modules;
	}

	/** Holds the channel for one call of at most `amount`. */
	async accept(payload: Exclude<BatchPayload, { type: "refund" }>, amount: bigint): Promise<Acceptance> {
		const { channels, silenceMs, terms } = this.#modules;
		if (silenceMs() > MAX_SILENCE_MS) throw new FreeholdError("network.down", { what: "The ledger", url: this.#modules.client.rpcUrl });
		const { config, voucher } = payload;
		const id = voucher.channelId;
		const known = channels.state(id);
		if (known === undefined || !sameConfig(known.config, config)) {
			const verdict = checkConfig(config, voucher, terms, this.#modules.crypto);
			if (!verdict.ok) return refused(verdict.reason);
		}
		if (channels.isBusy(id) || this.#depositing.has(id)) return refused(batchReasons.busy);
		if (payload.type === "deposit") return this.#acceptDeposit(payload, amount);
		if (known === undefined) return this.#acceptUnknown(payload, amount);
		return this.#hold(payload, amount, undefined);
	}

	#hold({ voucher }: Pick<BatchPayload, "voucher">, amount: bigint, deposit: Hex | undefined): Acceptance {
		const { channels, terms } = this.#modules;
		const id = voucher.channelId;
		const state = channels.state(id);
		if (state === undefined) return refused(batchReasons.missing);
		const verdict = checkVoucher(voucher, amount, state, terms.chainId, this.#modules.crypto);
		if (!verdict.ok) return refused(verdict.reason, id);
		if (!channels.reserve(id)) return refused(batchReasons.busy);
		return { reservation: this.#reservation(state.config, voucher, amount, deposit) };
	}

	/** A channel whose deposit was not seen: somebody else made it, or it is too new. The chain is asked, once the signature is good. */
	async #acceptUnknown(payload: Extract<BatchPayload, { type: "voucher" }>, amount: bigint): Promise<Acceptance> {
		const { terms, channels, store } = this.#modules;
		const { voucher, config } = payload;
		const verdict = checkSignature(config, voucher, terms.chainId, this.#modules.crypto);
		if (!verdict.ok) return refused(verdict.reason);
		const onchain = await readOnchain(this.#modules.client, voucher.channelId, config);
		if (onchain.balance === 0n) return refused(batchReasons.missing);
		await store.transact((writer) => channels.learn(voucher.channelId, onchain, writer));
		return this.#hold(payload, amount, undefined);
	}

	/** Everything is checked before gas is spent; the voucher against the channel as it will be. */
	async #acceptDeposit(payload: Extract<BatchPayload, { type: "deposit" }>, amount: bigint): Promise<Acceptance> {
		const { channels, terms, now, client, store } = this.#modules;
		const { config, voucher, deposit } = payload;
		const id = voucher.channelId;
		if (channels.state(id) === undefined) {
			const onchain = await readOnchain(client, id, config);
			if (onchain.balance > 0n) await store.transact((writer) => channels.learn(id, onchain, writer));
		}
		const state = channels.state(id) ?? { config, balance: 0n, totalClaimed: 0n, withdrawing: 0n, charged: 0n };
		// A client that asks again after a lost answer sends a deposit that is in the channel already.
		if (await this.#isUsed(deposit, id, config)) return this.#hold(payload, amount, undefined);
		if (deposit.amount < leastDeposit(terms, amount)) return refused(batchReasons.minDeposit);
		const paid = checkVoucher(voucher, amount, { ...state, balance: state.balance + deposit.amount }, terms.chainId, this.#modules.crypto);
		if (!paid.ok) return refused(paid.reason, channels.state(id) === undefined ? undefined : id);
		const signed = checkDeposit(deposit, id, config, terms, Math.floor(now() / 1000), this.#modules.crypto);
		if (!signed.ok && !(signed.reason === batchReasons.depositAuthorization && (await isContract(client, config.payer)))) return refused(signed.reason);
		// Another request may have begun while the chain was asked.
		if (channels.isBusy(id) || this.#depositing.has(id)) return refused(batchReasons.busy);
		this.#depositing.add(id);
		try {
			const transaction = await this.#send(id, config, deposit);
			if (transaction === undefined) return refused(batchReasons.depositFailed);
			this.#depositing.delete(id);
			return this.#hold(payload, amount, transaction);
		} finally {
			this.#depositing.delete(id);
		}
	}

	/** Sends a deposit and takes over the channel that it made; undefined when the chain refused it. */
	async #send(id: Hex, config: ChannelConfig, deposit: Deposit): Promise<Hex | undefined> {
		const { transactor, store, channels, events, crashPoint } = this.#modules;
		try {
			const key = `deposit:${id}:${toHex(this.#modules.crypto.keccak256(fromHex(deposit.signature)))}`;
			const receipt = await transactor.send({ key, ...depositCall(config, deposit) }, { timeoutMs: DEPOSIT_DEADLINE_MS });
			crashPoint("deposit-settled");
			const made = receipt.logs
				.map((log) => ({ event: decodeEvent(log, [contracts.Channels]), log }))
				.find(({ event }) => event?.name === "Deposited" && event.args["channelId"] === id);
			if (made === undefined) return undefined;
			const before = channels.onchain(id) ?? emptyOnchain(config);
			const onchain: OnchainRecord = { ...before, balance: made.event?.args["balance"] as bigint, block: receipt.blockNumber, logIndex: made.log.logIndex };
			await store.transact((writer) => channels.learn(id, onchain, writer));
			crashPoint("deposit-recorded");
			events.depositReceived(id, deposit.amount, receipt.hash);
			return receipt.hash;
		} catch (error) {
			if (error instanceof FreeholdError && error.code === "chain.reverted") return undefined;
			throw error;
		}
	}

	async #isUsed(deposit: Deposit, id: Hex, config: ChannelConfig): Promise<boolean> {
		const { client } = this.#modules;
		if (deposit.method === "eip3009")
			return client.read(contracts.OPG, "authorizationState", [config.payer, depositNonce(id, deposit.salt, this.#modules.crypto)]);
		const bits = await client.read(contracts.Permit2, "nonceBitmap", [config.payer, deposit.nonce >> 8n]);
		return ((bits >> (deposit.nonce & 0xffn)) & 1n) === 1n;
	}

	#reservation(config: ChannelConfig, voucher: BatchPayload["voucher"], amount: bigint, deposit: Hex | undefined): Reservation {
		const { channels, terms, random } = this.#modules;
		const { channelId, maxClaimableAmount, signature } = voucher;
		const settlement = (charged: bigint): SettleResponse => {
			const state = channels.messages(channelId)?.channelState;
			if (state === undefined) throw new Error(`channel ${channelId} is gone`);
			return channelSettlement({ chainId: terms.chainId, payer: config.payer, charged, state, ...(deposit === undefined ? {} : { transaction: deposit }) });
		};
		return {
			payer: config.payer,
			allowed: amount,
			// A failed call leaves its voucher unused, so the voucher alone does not name one call.
			reference: toHex(
				this.#modules.crypto.keccak256(new Uint8Array([...voucherDigest(channelId, maxClaimableAmount, terms.chainId, this.#modules.crypto), ...random(16)])),
			),
			link: { kind: "channel", channelId, maxClaimableAmount, signature },
			spend: (charge) => {
				const record = channels.charged(channelId, voucher, charge);
				return {
					channel: { channelId, ...record },
					refund: undefined,
					write: (writer) => writer.put("channels", channelId, pack(record)),
					finish: () => {
						channels.commit(channelId, record);
						channels.release(channelId);
						return settlement(charge);
					},
				};
			},
			abandon: async () => {
				channels.release(channelId);
				// The deposit stays in the channel, and the client must know that it is there.
				return deposit === undefined ? undefined : settlement(0n);
			},
		};
	}

	/** Holds a channel again for an order from before a restart; undefined when its voucher pays no more. */
	resume(link: { readonly channelId: Hex; readonly maxClaimableAmount: bigint; readonly signature: Hex }, allowed: bigint): Reservation | undefined {
		const { channels } = this.#modules;
		const state = channels.state(link.channelId);
		if (state === undefined || state.charged + allowed > link.maxClaimableAmount || !channels.reserve(link.channelId)) return undefined;
		return this.#reservation(state.config, link, allowed, undefined);
	}
}

/** A channel as the chain has it in its newest block. */
export async function readOnchain(client: ChainClient, id: Hex, config: ChannelConfig): Promise<OnchainRecord> {
	const block = await client.blockNumber();
	const [[balance, totalClaimed], [withdrawing, initiatedAt], refundNonce] = await Promise.all([
		client.read(contracts.Channels, "channels", [id], { block }),
		client.read(contracts.Channels, "pendingWithdrawals", [id], { block }),
		client.read(contracts.Channels, "refundNonce", [id], { block }),
	]);
	return {
		config,
		balance,
		totalClaimed,
		withdrawing,
		withdrawRequestedAt: Number(initiatedAt),
		refundNonce,
		block,
		// After all events of the block that was asked.
		logIndex: Number.MAX_SAFE_INTEGER,
	};
}
