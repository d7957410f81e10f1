/**
 * Where the contracts keep what a verifier proves with `eth_getProof`. Browser-safe and tiny. Mapping keys nest in the order given:
 * `slot(keys) = keccak256(pad32(keyN) ‖ … keccak256(pad32(key1) ‖ pad32(slot)))`; words follow each other from there.
 */
import * as slots from "./generated/slots.js";

/** A number inside a record: `bits` bits from bit `offset` (0 is the least significant) of word `word`. */
export interface StorageField {
	readonly word: number;
	readonly offset: number;
	readonly bits: number;
}

/** Words that stand together, below a chain of mapping keys (none: at the slot itself). */
export interface StorageRecord {
	readonly slot: number;
	readonly keys: readonly string[];
	readonly words: number;
	readonly fields: Readonly<Record<string, StorageField>>;
}

const whole = (word: number): StorageField => ({ word, offset: 0, bits: 256 });
const part = (word: number, offset: number, bits: number): StorageField => ({ word, offset, bits });

export const layout = {
	UsageLedger: {
		/** All zero when there is no such batch. Timestamp in Unix seconds. */
		batch: {
			slot: slots.UsageLedger__batches,
			keys: ["gateway", "seq"],
			words: 2,
			fields: { root: whole(0), blockNumber: part(1, 0, 64), timestamp: part(1, 64, 64) },
		},
		feeParameters: {
			slot: slots.UsageLedger_protocolFeeBps,
			keys: [],
			words: 1,
			fields: { protocolFeeBps: part(0, 0, 16), penaltyBps: part(0, 16, 16) },
		},
	},
	NodeRegistry: {
		/** `registeredAt` is 0 for strangers. Bond and locked in the smallest unit; roles: inference 1, gateway 2, storage 4, oracle 8. */
		operator: {
			slot: slots.NodeRegistry__operators,
			keys: ["operator"],
			words: 2,
			fields: {
				bond: part(0, 0, 96),
				locked: part(0, 96, 96),
				registeredAt: part(0, 192, 48),
				roles: part(0, 240, 8),
				unbonding: part(1, 0, 96),
				unbondsAt: part(1, 96, 64),
				nodeFee: part(1, 160, 96),
			},
		},
		/** The key was valid at `t` (Unix seconds) when `validFrom` ≠ 0 and `validFrom ≤ t < validUntil`. */
		key: {
			slot: slots.NodeRegistry__keys,
			keys: ["operator", "key"],
			words: 1,
			fields: { validFrom: part(0, 0, 64), validUntil: part(0, 64, 64) },
		},
		minBond: { slot: slots.NodeRegistry_minBond, keys: [], words: 1, fields: { minBond: part(0, 0, 96) } },
	},
	ModelRegistry: {
		/** The holder of the model's token. */
		owner: { slot: slots.ModelRegistry__owners, keys: ["modelId"], words: 1, fields: { owner: part(0, 0, 160) } },
		/** `publishedAt` is 0 when the release does not exist, `retiredAt` is 0 while it is served. Unix seconds. */
		release: {
			slot: slots.ModelRegistry__releases,
			keys: ["release"],
			words: 9,
			fields: {
				modelId: whole(0),
				manifest: whole(1),
				publishedAt: part(2, 0, 64),
				retiredAt: part(2, 64, 64),
				priceVersions: part(2, 128, 32),
				priceBefore: part(2, 160, 32),
				major: part(2, 192, 16),
				minor: part(2, 208, 16),
				format: part(2, 224, 16),
				modes: part(2, 240, 8),
				parentCount: part(2, 248, 8),
				/** Who owned the model when it was published. */
				publisher: part(8, 0, 160),
			},
		},
		/** `validFrom` is 0 when there is no such version, `validUntil` is 0 while it has no successor; `validUntil` before `validFrom`: it never was in force. */
		price: {
			slot: slots.ModelRegistry__prices,
			keys: ["release", "version"],
			words: 2,
			fields: {
				perCall: part(0, 0, 128),
				perInputUnit: part(0, 128, 128),
				perOutputUnit: part(1, 0, 128),
				validFrom: part(1, 128, 64),
				validUntil: part(1, 192, 64),
			},
		},
	},
} as const satisfies Record<string, Record<string, StorageRecord>>;

/** What the ledger itself looks at in each block; no verifier needs it. */
export const epochRecord = {
	/** `endsAt` in Unix seconds, 0 on a network of one sequencer; `size` of the set that the engine was told last. */
	slot: slots.ValidatorSet__epoch,
	keys: [],
	words: 1,
	fields: { endsAt: part(0, 0, 64), windowFrom: part(0, 64, 64), number: part(0, 128, 64), size: part(0, 192, 32) },
} as const satisfies StorageRecord;

/** Reads a field out of a record's words. Throws `RangeError` when the word is missing. */
export function readField(words: readonly bigint[], field: StorageField): bigint {
	const word = words[field.word];
	if (word === undefined) throw new RangeError(`word ${field.word} of the record is missing`);
	return (word >> BigInt(field.offset)) & ((1n << BigInt(field.bits)) - 1n);
}

/** Seconds after its end in which a price or a release may still be charged (`UsageLedger.ANCHOR_GRACE`). */
export const ANCHOR_GRACE_SECONDS = 3_900;

/**
 * A gateway's till is `keccak256(0xff ‖ UsageLedger ‖ pad32(gateway) ‖ tillInitCodeHash)`, last 20 bytes (CREATE2).
 */
export { tillInitCodeHash } from "./generated/slots.js";
