/** API keys: what their owners allow, what they spent, and what calls under way may still spend. The key itself is not known here, only its digest. */
import { FreeholdError, formatOpg, type Hex, isHex, type KeyBody, parseModelName } from "@freehold/protocol";
import type { ServedRelease } from "../catalogue/catalogue.js";
import { type GatewayStore, type KeyRecord, unpack } from "../store/tables.js";

interface Entry {
	record: KeyRecord;
	/** Of the calls under way, at most. */
	held: bigint;
}

const DAY_MS = 86_400_000;

export class KeyBook {
	readonly #entries = new Map<Hex, Entry>();

	constructor(store: GatewayStore) {
		for (const { value } of store.scan("keys", {})) this.put(unpack<KeyRecord>(value));
	}

	get(id: Hex): KeyRecord | undefined {
		return this.#entries.get(id)?.record;
	}

	/** By an id that somebody said. Throws `key.notFound`. */
	named(id = ""): KeyRecord {
		const record = isHex(id, 32) ? this.get(id) : undefined;
		if (record === undefined) throw new FreeholdError("key.notFound", { key: id.slice(0, 100) });
		return record;
	}

	/** After it is durable. */
	put(record: KeyRecord): void {
		const entry = this.#entries.get(record.id);
		if (entry === undefined) this.#entries.set(record.id, { record, held: 0n });
		else entry.record = record;
	}

	ofOwner(owner: Hex): readonly KeyRecord[] {
		return this.all().filter((record) => record.owner === owner);
	}

	all(): readonly KeyRecord[] {
		return [...this.#entries.values()].map(({ record }) => record);
	}

	held(id: Hex): bigint {
		return this.#entries.get(id)?.held ?? 0n;
	}

	hold(id: Hex, amount: bigint): void {
		const entry = this.#entries.get(id);
		if (entry !== undefined) entry.held += amount;
	}
}

/** Throws `key.unknown`, `key.revoked` or `key.expired`. `now` in Unix milliseconds. */
export function checkAlive(record: KeyRecord | undefined, now: number): KeyRecord {
	if (record === undefined) throw new FreeholdError("key.unknown");
	if (record.revokedAt !== undefined) throw new FreeholdError("key.revoked");
	if (record.expiresAt !== undefined && now >= record.expiresAt) throw new FreeholdError("key.expired", { time: new Date(record.expiresAt).toISOString() });
	return record;
}

/** Whether the key may spend `amount` on the model. Throws `key.modelForbidden`, `key.overBudget` or `key.dailyLimit`. */
export function checkLimits(record: KeyRecord, release: ServedRelease, amount: bigint, held: bigint, now: number): void {
	const { models, budget, spent, daily } = record;
	if (models !== undefined && !models.some((model) => covers(model, release)))
		throw new FreeholdError("key.modelForbidden", { model: release.name, models: models.join(", ") });
	const left = positive(budget - spent - held);
	if (amount > left) throw new FreeholdError("key.overBudget", { left: formatOpg(left), needed: formatOpg(amount) });
	if (daily === undefined) return;
	const leftToday = positive(daily - spentToday(record, now) - held);
	if (amount > leftToday) {
		const seconds = Math.ceil((DAY_MS - (now % DAY_MS)) / 1000);
		throw new FreeholdError("key.dailyLimit", { daily: formatOpg(daily), left: formatOpg(leftToday), needed: formatOpg(amount), seconds });
	}
}

/** The record after a call. */
export function afterCall(record: KeyRecord, charge: bigint, now: number): KeyRecord {
	return { ...record, spent: record.spent + charge, day: dayOf(now), spentOnDay: spentToday(record, now) + charge, calls: record.calls + 1, lastUsedAt: now };
}

export function keyBody(record: KeyRecord, lane: { readonly charged: bigint; readonly signed: bigint }, now: number): KeyBody {
	const { id, name, owner, budget, spent, daily, models, licences = {}, createdAt, expiresAt, lastUsedAt, calls, channelId, revokedAt } = record;
	return {
		id,
		name,
		owner,
		state: revokedAt !== undefined ? "revoked" : expiresAt !== undefined && now >= expiresAt ? "expired" : "active",
		budget: budget.toString(),
		spent: spent.toString(),
		...(daily === undefined ? {} : { daily: daily.toString() }),
		spentToday: spentToday(record, now).toString(),
		...(models === undefined ? {} : { models }),
		licences: Object.keys(licences) as Hex[],
		createdAt,
		...(expiresAt === undefined ? {} : { expiresAt }),
		...(lastUsedAt === undefined ? {} : { lastUsedAt }),
		calls,
		channelId,
		charged: lane.charged.toString(),
		signed: lane.signed.toString(),
	};
}

function covers(model: string, { record, name }: ServedRelease): boolean {
	if (model === record.release || model === name) return true;
	return parseModelName(model)?.version === undefined && name.startsWith(`${model}@`);
}

function spentToday({ day, spentOnDay }: KeyRecord, now: number): bigint {
	return day === dayOf(now) ? spentOnDay : 0n;
}

function dayOf(now: number): number {
	return Math.floor(now / DAY_MS);
}

export function positive(amount: bigint): bigint {
	return amount > 0n ? amount : 0n;
}
