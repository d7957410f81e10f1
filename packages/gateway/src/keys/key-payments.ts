/**
 * Calls paid with an API key: they are charged on the lane that backs it, up to what its owner signed for in advance. Many may be under way at once: each
 * holds the most that it can cost.
 */
import { spendable } from "@freehold/payments/server";
import { FreeholdError, formatOpg, type Hex, toHex } from "@freehold/protocol";
import type { ChannelBook } from "../channels/channel-book.js";
import type { CallPlan } from "../inference/plan.js";
import type { Reservation } from "../payment/reservation.js";
import { type ChannelRecord, type GatewayStore, type KeyRecord, pack, unpack } from "../store/tables.js";
import { afterCall, checkAlive, checkLimits, type KeyBook, positive } from "./key-book.js";

export interface KeyPaymentModules {
	readonly keys: KeyBook;
	readonly channels: ChannelBook;
	readonly random: (length: number) => Uint8Array;
	/** Unix milliseconds. */
	readonly now: () => number;
}

export class KeyPayments {
	readonly #modules: KeyPaymentModules;

	/** Lanes of keys that live carry no other payments, so that what was signed in advance stays what can be charged. */
	constructor(modules: KeyPaymentModules) {
		this.#modules = modules;
		const { keys, channels } = modules;
		for (const { channelId, revokedAt } of keys.all()) if (revokedAt === undefined) channels.reserve(channelId);
	}

	/** Throws `key.unknown`, `key.revoked`, `key.expired`. */
	check(id: Hex): KeyRecord {
		return checkAlive(this.#modules.keys.get(id), this.#modules.now());
	}

	/** Holds the most that the call can cost. Throws what `checkAlive` and `checkLimits` throw, and `key.trancheSpent`. */
	accept(id: Hex, plan: Pick<CallPlan, "amount" | "release">): { readonly reservation: Reservation } {
		const { keys, now } = this.#modules;
		const record = checkAlive(keys.get(id), now());
		checkLimits(record, plan.release, plan.amount, keys.held(id), now());
		const left = positive(this.#reach(record) - keys.held(id));
		if (plan.amount > left) throw new FreeholdError("key.trancheSpent", { left: formatOpg(left), needed: formatOpg(plan.amount), key: id });
		return { reservation: this.#reserve(record, plan.amount) };
	}

	/** Holds again for an order from before a restart; undefined when the lane does not reach. */
	resume({ id }: { readonly id: Hex }, allowed: bigint): Reservation | undefined {
		const record = this.#modules.keys.get(id);
		return record === undefined || this.#reach(record) < allowed ? undefined : this.#reserve(record, allowed);
	}

	/** What the lane charged in all, and may charge at most. */
	lane(channelId: Hex): { readonly charged: bigint; readonly signed: bigint } {
		const { channels } = this.#modules;
		const charged = channels.state(channelId)?.charged ?? 0n;
		return { charged, signed: channels.local(channelId)?.maxClaimableAmount ?? charged };
	}

	/** What may still be charged: signed for, and in the channel. */
	#reach({ channelId }: KeyRecord): bigint {
		const { channels } = this.#modules;
		const state = channels.state(channelId);
		const voucher = channels.local(channelId);
		if (state === undefined || voucher === undefined) return 0n;
		const covered = spendable(state);
		return positive((voucher.maxClaimableAmount < covered ? voucher.maxClaimableAmount : covered) - state.charged);
	}

	#reserve({ id, owner, channelId }: KeyRecord, amount: bigint): Reservation {
		const { keys, channels, random, now } = this.#modules;
		keys.hold(id, amount);
		let held = true;
		const free = (): void => {
			if (held) keys.hold(id, -amount);
			held = false;
		};
		return {
			payer: owner,
			allowed: amount,
			reference: toHex(random(32)),
			link: { kind: "key", id, channelId },
			spend: (charge, writer) => {
				// Calls of one lane overlap: each goes on from what those before it wrote, on disk or on its way there.
				const channel = unpack<ChannelRecord>(kept(writer.get("channels", channelId)));
				const key = afterCall(unpack<KeyRecord>(kept(writer.get("keys", id))), charge, now());
				const lane = { ...channel, charged: channel.charged + charge };
				if (lane.charged > lane.maxClaimableAmount) throw new Error(`a charge on ${channelId} exceeds what its owner signed`);
				return {
					channel: { channelId, ...lane },
					refund: undefined,
					write: (into) => {
						into.put("channels", channelId, pack(lane));
						into.put("keys", id, pack(key));
					},
					finish: () => {
						channels.commit(channelId, lane);
						keys.put(key);
						free();
						return undefined;
					},
				};
			},
			abandon: async () => {
				free();
				return undefined;
			},
		};
	}
}

function kept(record: Uint8Array | undefined): Uint8Array {
	if (record === undefined) throw new Error("a key's records are gone");
	return record;
}

/** Writes what changes a key, and makes it ours once it is durable. */
export async function changeKey(store: GatewayStore, keys: KeyBook, id: Hex, change: (record: KeyRecord) => KeyRecord): Promise<KeyRecord> {
	const changed = await store.transact((writer) => {
		const record = change(unpack<KeyRecord>(kept(writer.get("keys", id))));
		writer.put("keys", id, pack(record));
		return record;
	});
	keys.put(changed);
	return changed;
}
