/** Releases and their prices as the registry announced them. */
import { FreeholdError, type Hex, type Price } from "@freehold/protocol";
import type { ChainEvent } from "@freehold/sdk/chain";
import { type NodeStore, type PriceRecord, pack, type ReleaseRecord, unpack, type Writer } from "./tables.js";

/** An order may use a price for this long after its end: the validity of a quote (design of ownership, §3.2 and §3.5). */
const PRICE_GRACE_SECONDS = 300;
/** Difference of clocks that is forgiven: block times are whole seconds of another machine. */
const CLOCK_SKEW_SECONDS = 5;

export class ReleaseBook {
	readonly #releases = new Map<Hex, ReleaseRecord>();

	constructor(store: NodeStore) {
		for (const { value } of store.scan("releases", {})) this.#put(unpack<ReleaseRecord>(value));
	}

	get size(): number {
		return this.#releases.size;
	}

	/** Throws `model.notFound`, or `model.retired` for a release that has ended. */
	served(release: Hex): ReleaseRecord {
		const record = this.#releases.get(release);
		if (record === undefined) throw new FreeholdError("model.notFound", { model: release });
		if (record.retiredAt !== 0) throw new FreeholdError("model.retired", { release });
		return record;
	}

	/** The release of a model that was published last and is served. */
	newest(model: Hex | undefined): ReleaseRecord | undefined {
		return model === undefined ? undefined : this.all().findLast((record) => record.model === model && record.retiredAt === 0);
	}

	/** Newest last. */
	all(): readonly ReleaseRecord[] {
		return [...this.#releases.values()];
	}

	apply({ name, args }: ChainEvent, writer: Writer): void {
		const release = args["release"] as Hex;
		const record = this.#releases.get(release);
		switch (name) {
			case "ReleasePublished": {
				const { manifest, format, modes } = args["data"] as { readonly manifest: Hex; readonly format: number; readonly modes: number };
				const model: Hex = `0x${BigInt(args["modelId"] as bigint)
					.toString(16)
					.padStart(64, "0")}`;
				this.#save({ release, model, manifest, format, modes, retiredAt: 0, prices: [] }, writer);
				return;
			}
			case "PriceSet":
				if (record !== undefined) this.#save({ ...record, prices: withPrice(record.prices, args) }, writer);
				return;
			case "PriceWithdrawn": {
				const { version } = args as { readonly version: number };
				if (record === undefined) return;
				this.#save({ ...record, prices: record.prices.map((price) => (price.version === version ? { ...price, withdrawn: true } : price)) }, writer);
				return;
			}
			case "ReleaseRetired":
				if (record !== undefined) this.#save({ ...record, retiredAt: Number(args["retiredAt"]) }, writer);
				return;
			default:
				return;
		}
	}

	#save(record: ReleaseRecord, writer: Writer): void {
		this.#put(record);
		writer.put("releases", record.release, pack(record));
	}

	#put(record: ReleaseRecord): void {
		this.#releases.set(record.release, record);
	}
}

/** The price of a version that an order may use at `now` (Unix seconds). Throws `order.invalid`. */
export function orderPrice(record: ReleaseRecord, version: number, now: number): Price {
	const price = record.prices.find((candidate) => candidate.version === version);
	if (price === undefined || price.withdrawn || price.validFrom > now + CLOCK_SKEW_SECONDS)
		throw new FreeholdError("order.invalid", { field: "order.priceVersion", reason: `price ${version} is not in force` });
	if (price.validUntil !== 0 && now >= price.validUntil + PRICE_GRACE_SECONDS)
		throw new FreeholdError("order.invalid", { field: "order.priceVersion", reason: `price ${version} has ended` });
	return price;
}

/** The version before ends where the new one begins; one that was withdrawn never began. */
function withPrice(prices: readonly PriceRecord[], args: ChainEvent["args"]): readonly PriceRecord[] {
	const { version, perCall, perInputUnit, perOutputUnit } = args as unknown as PriceRecord;
	const validFrom = Number(args["validFrom"]);
	const before = prices.filter((price) => !price.withdrawn).at(-1);
	return [
		...prices.map((price) => (price === before ? { ...price, validUntil: validFrom } : price)),
		{ version, perCall, perInputUnit, perOutputUnit, validFrom, validUntil: 0, withdrawn: false },
	];
}
