/** Models, releases, prices and owners' rules as the registry announced them: an index of events, kept in memory and in the store. */

import { type PriceVersion, priceAt } from "@freehold/payments";
import { FreeholdError, type Hex, isHex, type ModelName, parseModelName } from "@freehold/protocol";
import type { ChainEvent } from "@freehold/sdk/chain";
import { type GatewayStore, type ModelRecord, pack, type ReleaseRecord, unpack, type Writer } from "../store/tables.js";

/** A release that can be asked, with the price in force. */
export interface ServedRelease {
	readonly record: ReleaseRecord;
	/** `namespace/name@major.minor`. */
	readonly name: string;
	readonly price: PriceVersion;
}

export class Catalogue {
	readonly #releases = new Map<Hex, ReleaseRecord>();
	readonly #models = new Map<Hex, ModelRecord>();
	readonly #byName = new Map<string, Hex>();
	readonly #byBareName = new Map<string, Set<string>>();

	constructor(store: GatewayStore) {
		for (const { value } of store.scan("releases", {})) this.#addRelease(unpack<ReleaseRecord>(value));
		for (const { value } of store.scan("models", {})) this.#addModel(unpack<ModelRecord>(value));
	}

	/** `time` in Unix seconds. Throws `model.notFound`, `model.retired`. */
	resolve(wanted: { readonly model?: string; readonly release?: Hex }, time: number): ServedRelease {
		const record = wanted.release === undefined ? this.#newest(wanted.model ?? "") : this.#releases.get(wanted.release);
		const asked = wanted.model ?? wanted.release ?? "";
		if (record === undefined) throw new FreeholdError("model.notFound", { model: asked, field: wanted.release === undefined ? "model" : "release" });
		const name = this.nameOf(record);
		if (record.retiredAt !== 0) throw new FreeholdError("model.retired", { release: name });
		const price = priceAt(record.prices, time);
		if (price === undefined) throw new FreeholdError("model.notFound", { model: asked });
		return { record, name, price };
	}

	/** Release of an id, or of a name with or without a version. */
	resolveText(text: string, time: number): ServedRelease {
		return this.resolve(isHex(text, 32) ? { release: text } : { model: text }, time);
	}

	release(id: Hex): ReleaseRecord | undefined {
		return this.#releases.get(id);
	}

	nameOf(record: ReleaseRecord): string {
		return `${this.#models.get(record.modelId)?.name ?? record.modelId}@${record.major}.${record.minor}`;
	}

	/** Newest release of each model that is served, by name. */
	served(time: number): readonly ServedRelease[] {
		const found: ServedRelease[] = [];
		for (const name of [...this.#byName.keys()].sort()) {
			try {
				found.push(this.resolve({ model: name }, time));
			} catch {
				// Every release of it is retired.
			}
		}
		return found;
	}

	/** Releases and all their ancestors. */
	lineage(releases: Iterable<Hex>): ReadonlyMap<Hex, { readonly parents: ReleaseRecord["parents"] }> {
		const lineage = new Map<Hex, ReleaseRecord>();
		const waiting = [...releases];
		for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
			const record = this.#releases.get(id);
			if (record === undefined || lineage.has(id)) continue;
			lineage.set(id, record);
			for (const parent of record.parents) waiting.push(parent.release);
		}
		return lineage;
	}

	/** Takes over one event of the registry; the records that changed are written with the follower's cursor. */
	apply(event: ChainEvent, blockTime: number, writer: Writer): void {
		switch (event.name) {
			case "ModelCreated": {
				const { modelId, namespace, name } = event.args as { modelId: bigint; namespace: string; name: string };
				this.#putModel({ id: idOf(modelId), name: `${namespace}/${name}`, releases: [] }, writer);
				return;
			}
			case "ReleasePublished": {
				const { release, modelId, data } = event.args as { release: Hex; modelId: bigint; data: ReleaseData };
				const { major, minor, format, modes, manifest, parents } = data;
				const record = { release, modelId: idOf(modelId), major, minor, format, modes, manifest, publishedAt: blockTime, retiredAt: 0, prices: [] };
				this.#putRelease({ ...record, parents: parents.map(({ release: parent, bps }) => ({ release: parent, bps })) }, writer);
				const model = this.#models.get(idOf(modelId));
				if (model !== undefined) this.#putModel({ ...model, releases: [...model.releases, release] }, writer);
				return;
			}
			case "PriceSet": {
				const { release, version, perCall, perInputUnit, perOutputUnit, validFrom } = event.args as unknown as { release: Hex } & PriceSet;
				const record = this.#releases.get(release);
				if (record === undefined) return;
				const from = Number(validFrom);
				// The version before ends where this one begins; a withdrawn one has ended already.
				const before = record.prices.map((price) => (price.validUntil === 0 ? { ...price, validUntil: from } : price));
				this.#putRelease({ ...record, prices: [...before, { version, perCall, perInputUnit, perOutputUnit, validFrom: from, validUntil: 0 }] }, writer);
				return;
			}
			case "PriceWithdrawn": {
				const { release, version } = event.args as { release: Hex; version: number };
				const record = this.#releases.get(release);
				if (record === undefined) return;
				const withdrawn = record.prices.find((price) => price.version === version);
				const prices = record.prices.map((price) => {
					if (price.version === version) return { ...price, validUntil: price.validFrom };
					// What the withdrawn version was to end goes on, until the next one is set in the same transaction.
					return withdrawn !== undefined && price.validUntil === withdrawn.validFrom && price.validFrom !== price.validUntil
						? { ...price, validUntil: 0 }
						: price;
				});
				this.#putRelease({ ...record, prices }, writer);
				return;
			}
			case "ReleaseRetired": {
				const { release, retiredAt } = event.args as { release: Hex; retiredAt: bigint };
				const record = this.#releases.get(release);
				if (record !== undefined) this.#putRelease({ ...record, retiredAt: Number(retiredAt) }, writer);
				return;
			}
			default:
				return;
		}
	}

	/** The newest release that is not retired, or the one that the name's version says. */
	#newest(text: string): ReleaseRecord | undefined {
		const wanted = parseModelName(text.includes("/") ? text : this.#fullNameOf(text));
		const model = wanted === undefined ? undefined : this.#models.get(this.#byName.get(`${wanted.namespace}/${wanted.name}`) ?? "0x");
		if (wanted === undefined || model === undefined) return undefined;
		const releases = model.releases.map((id) => this.#releases.get(id)).filter((record) => record !== undefined);
		if (wanted.version !== undefined) return releases.find((record) => isVersion(record, wanted.version as NonNullable<ModelName["version"]>));
		const newestFirst = [...releases].sort((a, b) => b.major - a.major || b.minor - a.minor);
		return newestFirst.find((record) => record.retiredAt === 0) ?? newestFirst[0];
	}

	/** OpenGradient's clients leave the namespace out (its wire, 1.15): a name alone means the one model that has it, and none where several do. */
	#fullNameOf(text: string): string {
		const [bare = "", version] = text.split("@", 2);
		const found = [...(this.#byBareName.get(bare) ?? [])];
		return found.length === 1 ? `${found[0]}${version === undefined ? "" : `@${version}`}` : text;
	}

	#putModel(record: ModelRecord, writer: Writer): void {
		this.#addModel(record);
		writer.put("models", record.id, pack(record));
	}

	#putRelease(record: ReleaseRecord, writer: Writer): void {
		this.#addRelease(record);
		writer.put("releases", record.release, pack(record));
	}

	#addModel(record: ModelRecord): void {
		this.#models.set(record.id, record);
		this.#byName.set(record.name, record.id);
		const bare = record.name.slice(record.name.indexOf("/") + 1);
		this.#byBareName.set(bare, (this.#byBareName.get(bare) ?? new Set()).add(record.name));
	}

	#addRelease(record: ReleaseRecord): void {
		this.#releases.set(record.release, record);
	}
}

interface PriceSet {
	readonly version: number;
	readonly perCall: bigint;
	readonly perInputUnit: bigint;
	readonly perOutputUnit: bigint;
	readonly validFrom: bigint;
}

interface ReleaseData {
	readonly major: number;
	readonly minor: number;
	readonly format: number;
	readonly modes: number;
	readonly manifest: Hex;
	readonly parents: readonly { readonly release: Hex; readonly bps: number }[];
}

function idOf(modelId: bigint): Hex {
	return `0x${modelId.toString(16).padStart(64, "0")}`;
}

function isVersion(record: ReleaseRecord, version: { readonly major: number; readonly minor: number }): boolean {
	return record.major === version.major && record.minor === version.minor;
}
