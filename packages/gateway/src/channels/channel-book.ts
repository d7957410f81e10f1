/**
 * Channels as this gateway knows them: what the chain says (followed by its events) and what was charged here (kept in the store).
 * One call at a time on a channel; a payer opens lanes for more.
 */

import type { ChannelConfig, ChannelStateMessage, SignedVoucher, VoucherStateMessage } from "@freehold/payments";
import { type ChannelState, channelStateMessage, voucherStateMessage } from "@freehold/payments/server";
import type { Hex } from "@freehold/protocol";
import type { ChainEvent } from "@freehold/sdk/chain";
import { type ChannelRecord, type GatewayStore, type OnchainRecord, pack, unpack, type Writer } from "../store/tables.js";

interface Entry {
	onchain: OnchainRecord;
	local: ChannelRecord | undefined;
	busy: boolean;
}

export interface ChannelBookEvents {
	/** A payer began to leave: what was charged should be claimed now. */
	withdrawing(channelId: Hex): void;
}

export class ChannelBook {
	readonly #entries = new Map<Hex, Entry>();
	readonly #till: Hex;
	readonly #events: ChannelBookEvents;

	constructor(store: GatewayStore, till: Hex, events: ChannelBookEvents) {
		this.#till = till;
		this.#events = events;
		for (const { key, value } of store.scan("onchain", {})) {
			const local = store.get("channels", key);
			this.#entries.set(key as Hex, {
				onchain: unpack<OnchainRecord>(value),
				local: local === undefined ? undefined : unpack<ChannelRecord>(local),
				busy: false,
			});
		}
	}

	get size(): number {
		return this.#entries.size;
	}

	/** Undefined for a channel without a deposit, as far as was seen. */
	state(channelId: Hex): ChannelState | undefined {
		const entry = this.#entries.get(channelId);
		return entry === undefined ? undefined : stateOf(entry);
	}

	/** What a client is told of its channel. */
	messages(channelId: Hex): { readonly channelState: ChannelStateMessage; readonly voucherState?: VoucherStateMessage } | undefined {
		const entry = this.#entries.get(channelId);
		if (entry === undefined) return undefined;
		const channelState = channelStateMessage(channelId, stateOf(entry), entry.onchain);
		return entry.local === undefined ? { channelState } : { channelState, voucherState: voucherStateMessage(entry.local) };
	}

	onchain(channelId: Hex): OnchainRecord | undefined {
		return this.#entries.get(channelId)?.onchain;
	}

	local(channelId: Hex): ChannelRecord | undefined {
		return this.#entries.get(channelId)?.local;
	}

	/** Takes the channel for one call; false while another has it. */
	reserve(channelId: Hex): boolean {
		const entry = this.#entries.get(channelId);
		if (entry === undefined || entry.busy) return false;
		entry.busy = true;
		return true;
	}

	release(channelId: Hex): void {
		const entry = this.#entries.get(channelId);
		if (entry !== undefined) entry.busy = false;
	}

	isBusy(channelId: Hex): boolean {
		return this.#entries.get(channelId)?.busy === true;
	}

	/** The record after a charge, to be written with the call. `commit` makes it ours once it is durable. */
	charged(channelId: Hex, voucher: Pick<SignedVoucher, "maxClaimableAmount" | "signature">, charge: bigint): ChannelRecord {
		const entry = this.#entries.get(channelId);
		if (entry === undefined) throw new Error(`channel ${channelId} is not known`);
		const state = stateOf(entry);
		const charged = state.charged + charge;
		if (charged > voucher.maxClaimableAmount) throw new Error(`a charge on ${channelId} exceeds what its payer signed`);
		return { config: state.config, charged, maxClaimableAmount: voucher.maxClaimableAmount, signature: voucher.signature };
	}

	commit(channelId: Hex, record: ChannelRecord): void {
		const entry = this.#entries.get(channelId);
		if (entry !== undefined) entry.local = record;
	}

	/** Takes over what was read of the chain, unless something newer is known. */
	learn(channelId: Hex, record: OnchainRecord, writer: Writer): void {
		const entry = this.#entries.get(channelId);
		if (entry === undefined) this.#entries.set(channelId, { onchain: record, local: undefined, busy: false });
		else if (isNewer(record, entry.onchain)) entry.onchain = record;
		else return;
		writer.put("onchain", channelId, pack(record));
	}

	/** Takes over one event of `Channels`; events of other receivers are left out. */
	apply(event: ChainEvent, block: bigint, writer: Writer): void {
		const channelId = event.args["channelId"];
		if (typeof channelId !== "string") return;
		const id = channelId as Hex;
		const before = this.#entries.get(id)?.onchain ?? this.#opened(event);
		if (before === undefined) return;
		const after = changed({ ...before, block, logIndex: event.logIndex }, event);
		this.learn(id, after, writer);
		if (event.name === "WithdrawInitiated") this.#events.withdrawing(id);
	}

	#opened(event: ChainEvent): OnchainRecord | undefined {
		if (event.name !== "Deposited") return undefined;
		const config = lowerConfig(event.args["config"] as ChannelConfig);
		if (config.receiver !== this.#till) return undefined;
		return emptyOnchain(config);
	}
}

/** A channel before its first deposit. */
export function emptyOnchain(config: ChannelConfig): OnchainRecord {
	return { config, balance: 0n, totalClaimed: 0n, withdrawing: 0n, withdrawRequestedAt: 0, refundNonce: 0n, block: -1n, logIndex: -1 };
}

function stateOf({ onchain, local }: Entry): ChannelState {
	const { config, balance, totalClaimed, withdrawing } = onchain;
	const here = local?.charged ?? 0n;
	// A gateway that lost its store goes on from what it claimed.
	return { config, balance, totalClaimed, withdrawing, charged: here > totalClaimed ? here : totalClaimed };
}

function isNewer(a: OnchainRecord, b: OnchainRecord): boolean {
	return a.block > b.block || (a.block === b.block && a.logIndex > b.logIndex);
}

function changed(record: OnchainRecord, { name, args }: ChainEvent): OnchainRecord {
	const balance = args["balance"] as bigint;
	switch (name) {
		case "Deposited":
			return { ...record, balance };
		case "Claimed":
			return { ...record, totalClaimed: args["totalClaimed"] as bigint };
		case "WithdrawInitiated":
			return { ...record, withdrawing: args["amount"] as bigint, withdrawRequestedAt: Number(args["initiatedAt"]) };
		case "WithdrawFinalized":
			return { ...record, balance, withdrawing: 0n, withdrawRequestedAt: 0 };
		case "Refunded":
			return { ...record, balance, refundNonce: (args["nonce"] as bigint) + 1n };
		default:
			return record;
	}
}

/** viem gives addresses with a checksum in their case. */
function lowerConfig(config: ChannelConfig): ChannelConfig {
	const lower = (address: Hex): Hex => address.toLowerCase() as Hex;
	return {
		payer: lower(config.payer),
		payerAuthorizer: lower(config.payerAuthorizer),
		receiver: lower(config.receiver),
		receiverAuthorizer: lower(config.receiverAuthorizer),
		token: lower(config.token),
		withdrawDelay: Number(config.withdrawDelay),
		salt: config.salt,
	};
}
