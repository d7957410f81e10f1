/** Whether a block that somebody sent is the next one of the chain that is trusted: its form, its signature, and everything that its header says of the blocks before. Pure. */
import { judgeLightBlock } from "@freehold/proofs";
import { type Checkpoint, type Commit, type Crypto, commitHash, equalBytes, FreeholdError, type Validator } from "@freehold/protocol";
import { APP_VERSION, nanosOf } from "../application/application.js";
import { BLOCK_GAS_LIMIT } from "../block/block.js";
import {
	BLOCK_PROTOCOL,
	blockIdOf,
	type ConsensusBlock,
	consensusParamsHash,
	dataHash,
	decodeBlock,
	decodeCommit,
	encodeBlock,
	encodeCommit,
	MAX_BLOCK_BYTES,
	NO_BLOCK,
} from "../sequencer/consensus-block.js";
import type { Tip } from "../sequencer/consensus-store.js";

/** What the next block must build on. */
export interface Expected {
	/** Undefined before the first block. */
	readonly tip: Tip | undefined;
	/** Time of the last block in nanoseconds; 0 before the first. */
	readonly lastTimeNs: bigint;
	/** Hash of the last EVM block, as it was executed here. */
	readonly appHash: Uint8Array;
	readonly checkpoint: Checkpoint;
	readonly validators: readonly Validator[];
	/** Chain id in headers. */
	readonly chainId: string;
	/** Unix milliseconds. */
	readonly now: number;
}

export interface CheckedBlock {
	readonly block: ConsensusBlock;
	readonly commit: Commit;
	readonly encoded: Uint8Array;
}

/** Throws `chain.invalid` with what is wrong. */
export function checkBlock(encoded: Uint8Array, encodedCommit: Uint8Array, expected: Expected, crypto: Crypto): CheckedBlock {
	const height = (expected.tip?.height ?? 0n) + 1n;
	const { block, commit } = read(encoded, encodedCommit, height);
	const { header, txs, lastCommit } = block;
	const { tip } = expected;
	const empty = dataHash([], crypto);
	const last = tip?.blockId ?? NO_BLOCK;
	const same = (a: Uint8Array, b: Uint8Array, what: string): string | undefined => (equalBytes(a, b) ? undefined : what);
	const wrong =
		(encoded.length > MAX_BLOCK_BYTES ? "it is too large" : undefined) ??
		(header.height === height ? undefined : `it is block ${header.height}`) ??
		(header.versionBlock === BLOCK_PROTOCOL && header.versionApp === APP_VERSION ? undefined : "it is of another version of the protocol") ??
		same(header.lastBlockId.hash, last.hash, "it does not follow the block before") ??
		same(header.lastBlockId.partsHash, last.partsHash, "it does not follow the block before") ??
		same(header.lastCommitHash, commitHash(lastCommit, crypto), "its header names another commit of the block before") ??
		same(lastCommit.blockId.hash, last.hash, "it carries the commit of another block") ??
		same(header.dataHash, dataHash(txs, crypto), "its header names other transactions") ??
		same(header.evidenceHash, empty, "its header names evidence that it does not carry") ??
		same(header.consensusHash, consensusParamsHash(MAX_BLOCK_BYTES, BLOCK_GAS_LIMIT, crypto), "it is of a chain with other limits") ??
		same(header.nextValidatorsHash, header.validatorsHash, "it changes who orders blocks") ??
		same(header.appHash, expected.appHash, "its header proves another state than its transactions give") ??
		same(header.lastResultsHash, tip?.lastResultsHash ?? empty, "its header proves other results than its transactions give") ??
		(nanosOf(header.time) > expected.lastTimeNs ? undefined : "its time is not after the block before") ??
		signature(block, commit, encoded, expected, crypto);
	if (wrong !== undefined) throw new FreeholdError("chain.invalid", { height, reason: wrong });
	return { block, commit, encoded };
}

function signature(block: ConsensusBlock, commit: Commit, encoded: Uint8Array, expected: Expected, crypto: Crypto): string | undefined {
	const id = blockIdOf(block.header, encoded, crypto);
	if (commit.blockId.partsTotal !== id.partsTotal || !equalBytes(commit.blockId.partsHash, id.partsHash)) return "the commit is for other bytes";
	const { checkpoint, chainId: consensusChainId, validators, now } = expected;
	const verdict = judgeLightBlock({ header: block.header, commit, validators }, { checkpoint, consensusChainId, now }, crypto);
	// Blocks before the checkpoint are signed as they must be, and the checkpoint's own hash comes after them in one chain.
	return verdict.kind === "refused" ? verdict.reason : undefined;
}

/** There is one spelling of a block and of a commit. */
function read(encoded: Uint8Array, encodedCommit: Uint8Array, height: bigint): { readonly block: ConsensusBlock; readonly commit: Commit } {
	try {
		const block = decodeBlock(encoded);
		const commit = decodeCommit(encodedCommit);
		if (equalBytes(encodeBlock(block), encoded) && equalBytes(encodeCommit(commit), encodedCommit)) return { block, commit };
	} catch (error) {
		throw new FreeholdError("chain.invalid", { height, reason: error instanceof Error ? error.message : "unreadable" }, { cause: error });
	}
	throw new FreeholdError("chain.invalid", { height, reason: "it is not spelled as blocks are" });
}
