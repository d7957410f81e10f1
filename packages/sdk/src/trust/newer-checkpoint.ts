/**
 * A newer checkpoint of a trusted one. Sets of validators follow the stake, and a set answers for what it signed for a week: whoever keeps a checkpoint must bring
 * it forward before that, or get one from somebody whom they trust.
 */
import { type BlockSource, LightClient, LightError } from "@freehold/proofs/light";
import { type Checkpoint, type Crypto, FreeholdError, headerHash, type LightBlock, limits, networkOf, toHex } from "@freehold/protocol";

export interface NewerCheckpointOptions {
	readonly checkpoint: Checkpoint;
	readonly chainId: number;
	/** Blocks of a ledger, which need not be believed. */
	readonly source: BlockSource;
	/** Blocks of other ledgers, run by others: a set that cheats shows different people different blocks. */
	readonly witnesses?: readonly BlockSource[];
	/** Consensus block that the new checkpoint names; later than the old one's. */
	readonly height: bigint;
	/** Unix milliseconds. */
	readonly now: () => number;
	readonly crypto: Crypto;
}

/** A checkpoint of one operator trusts its key, which does not run out. */
const FOR_EVER_MS = Number.MAX_SAFE_INTEGER;

/**
 * The checkpoint at `height`, reached by the rules of a light client. Throws `answer.refused` for blocks that do not follow from the old one, for one that is more
 * than a week old, for a witness that proves another block, and where witnesses are given and none of them confirms it; and what the source throws.
 */
export async function newerCheckpoint(options: NewerCheckpointOptions): Promise<Checkpoint> {
	const { checkpoint, chainId, source, witnesses = [], height, now, crypto } = options;
	const consensusChainId = networkOf(chainId)?.consensusChainId ?? `freehold-${chainId}`;
	const trust = { consensusChainId, trustPeriodMs: checkpoint.kind === "sequencer" ? FOR_EVER_MS : limits.lightTrustMs };
	let hash = "";
	let confirmed = 0;
	const heard = witnesses.map((witness): BlockSource => {
		return async (wanted) => {
			const block = await witness(wanted);
			if (wanted === height && toHex(headerHash(block.header, crypto)) === hash) confirmed++;
			return block;
		};
	});
	const watched: BlockSource = async (wanted) => {
		const block = await source(wanted);
		if (wanted === height) hash = toHex(headerHash(block.header, crypto));
		return block;
	};
	let found: LightBlock;
	try {
		const first = await source(BigInt(checkpoint.height));
		const light = new LightClient({ checkpoint, first, source: watched, witnesses: heard, trust, now, crypto });
		found = await light.verify(height);
	} catch (error) {
		if (!(error instanceof LightError)) throw error;
		const { conflict } = error;
		const reason = conflict === undefined ? error.message : `${error.message}; these keys signed both: ${conflict.signedBoth.join(", ")}`;
		throw new FreeholdError("answer.refused", { check: "header", reason }, { cause: error });
	}
	if (witnesses.length > 0 && confirmed === 0)
		throw new FreeholdError("answer.refused", { check: "witness", reason: `none of ${witnesses.length} witnesses confirms block ${height}` });
	return checkpointOf(found, checkpoint.kind);
}

/** What a block is as a checkpoint. */
export function checkpointOf({ header, validators }: LightBlock, kind: Checkpoint["kind"]): Checkpoint {
	const at = { height: Number(header.height), hash: toHex(headerHash(header)) };
	const [only] = validators;
	if (kind === "validators") return { kind, validatorsHash: toHex(header.validatorsHash), ...at };
	if (only === undefined) throw new FreeholdError("answer.refused", { check: "header", reason: "the block names no signer" });
	return { kind, signer: toHex(only.publicKey), ...at };
}
