/**
 * Whole consensus blocks as CometBFT (v0.38) encodes them, `tendermint.types.Block` and `Commit`, and the identifiers that follow from the bytes. The header's own
 * hash and the signed bytes are `protocol`'s.
 */
import {
	type BlockId,
	blockIdBytes,
	bytesField,
	type Commit,
	type CommitSignature,
	type ConsensusHeader,
	concatBytes,
	type Hashes,
	headerHash,
	merkleRoot,
	messageField,
	stringField,
	type Timestamp,
	timestampBytes,
	varintField,
} from "@freehold/protocol";
import type { TxResult } from "../application/types.js";
import { ProtoReader } from "./proto-reader.js";

/** Blocks are gossiped in parts of this size; the part set's root is in the block's id. */
const PART_BYTES = 65_536;
/** What `block` of a header's version says: the format of this file. */
export const BLOCK_PROTOCOL = 11n;
export const MAX_BLOCK_BYTES = 4 * 1024 * 1024;
/** Header, commit of one and the encoding around the transactions, rounded up. */
const MAX_FRAME_BYTES = 2_048;
export const MAX_TX_BYTES = MAX_BLOCK_BYTES - MAX_FRAME_BYTES;

export interface ConsensusBlock {
	readonly header: ConsensusHeader;
	readonly txs: readonly Uint8Array[];
	/** Of the block before; height 0 without signatures in the first block. */
	readonly lastCommit: Commit;
}

export const NO_BLOCK: BlockId = { hash: new Uint8Array(0), partsTotal: 0, partsHash: new Uint8Array(0) };
export const NO_COMMIT: Commit = { height: 0n, round: 0, blockId: NO_BLOCK, signatures: [] };

export function encodeHeader(header: ConsensusHeader): Uint8Array {
	return concatBytes(
		messageField(1, concatBytes(varintField(1, header.versionBlock), varintField(2, header.versionApp))),
		stringField(2, header.chainId),
		varintField(3, header.height),
		messageField(4, timestampBytes(header.time)),
		messageField(5, blockIdBytes(header.lastBlockId)),
		bytesField(6, header.lastCommitHash),
		bytesField(7, header.dataHash),
		bytesField(8, header.validatorsHash),
		bytesField(9, header.nextValidatorsHash),
		bytesField(10, header.consensusHash),
		bytesField(11, header.appHash),
		bytesField(12, header.lastResultsHash),
		bytesField(13, header.evidenceHash),
		bytesField(14, header.proposerAddress),
	);
}

export function encodeCommit(commit: Commit): Uint8Array {
	return concatBytes(
		varintField(1, commit.height),
		varintField(2, commit.round),
		messageField(3, blockIdBytes(commit.blockId)),
		...commit.signatures.map(({ flag, validatorAddress, timestamp, signature }) =>
			messageField(4, concatBytes(varintField(1, flag), bytesField(2, validatorAddress), messageField(3, timestampBytes(timestamp)), bytesField(4, signature))),
		),
	);
}

/** The block's bytes; the evidence list is empty. */
export function encodeBlock({ header, txs, lastCommit }: ConsensusBlock): Uint8Array {
	return concatBytes(
		messageField(1, encodeHeader(header)),
		messageField(2, concatBytes(...txs.map((tx) => messageField(1, tx)))),
		messageField(3, new Uint8Array(0)),
		messageField(4, encodeCommit(lastCommit)),
	);
}

/** Identifier of a block: its header's hash, and the root over the parts of its bytes. */
export function blockIdOf(header: ConsensusHeader, encoded: Uint8Array, hashes: Hashes): BlockId {
	const parts: Uint8Array[] = [];
	for (let start = 0; start < encoded.length; start += PART_BYTES) parts.push(encoded.subarray(start, start + PART_BYTES));
	return { hash: headerHash(header, hashes), partsTotal: parts.length, partsHash: merkleRoot(parts, hashes) };
}

/** What `data_hash` holds: the root over the transactions' SHA-256. */
export function dataHash(txs: readonly Uint8Array[], hashes: Hashes): Uint8Array {
	return merkleRoot(
		txs.map((tx) => hashes.sha256(tx)),
		hashes,
	);
}

/** What the next header's `last_results_hash` holds: the root over code, data and gas of each result. */
export function resultsHash(results: readonly TxResult[], hashes: Hashes): Uint8Array {
	return merkleRoot(
		results.map(({ code, data, gasWanted, gasUsed }) =>
			concatBytes(varintField(1, code), bytesField(2, data), varintField(5, gasWanted), varintField(6, gasUsed)),
		),
		hashes,
	);
}

/** What `consensus_hash` holds: SHA-256 of the block's greatest size and gas. */
export function consensusParamsHash(maxBytes: number, maxGas: bigint, hashes: Hashes): Uint8Array {
	return hashes.sha256(concatBytes(varintField(1, maxBytes), varintField(2, maxGas)));
}

/** Inverse of `encodeBlock`, for bytes that this process wrote. Throws `SyntaxError`. */
export function decodeBlock(encoded: Uint8Array): ConsensusBlock {
	const block = ProtoReader.of(encoded);
	return { header: decodeHeader(block.message(1)), txs: block.message(2).list(1), lastCommit: readCommit(block.message(4)) };
}

export function decodeCommit(encoded: Uint8Array): Commit {
	return readCommit(ProtoReader.of(encoded));
}

function decodeHeader(header: ProtoReader): ConsensusHeader {
	const version = header.message(1);
	return {
		versionBlock: version.integer(1),
		versionApp: version.integer(2),
		chainId: header.text(2),
		height: header.integer(3),
		time: readTimestamp(header.message(4)),
		lastBlockId: readBlockId(header.message(5)),
		lastCommitHash: header.bytes(6),
		dataHash: header.bytes(7),
		validatorsHash: header.bytes(8),
		nextValidatorsHash: header.bytes(9),
		consensusHash: header.bytes(10),
		appHash: header.bytes(11),
		lastResultsHash: header.bytes(12),
		evidenceHash: header.bytes(13),
		proposerAddress: header.bytes(14),
	};
}

function readCommit(commit: ProtoReader): Commit {
	return {
		height: commit.integer(1),
		round: Number(commit.integer(2)),
		blockId: readBlockId(commit.message(3)),
		signatures: commit.list(4).map((encoded): CommitSignature => {
			const signature = ProtoReader.of(encoded);
			const flag = Number(signature.integer(1));
			if (flag !== 1 && flag !== 2 && flag !== 3) throw new SyntaxError(`a commit's flag cannot be ${flag}`);
			return { flag, validatorAddress: signature.bytes(2), timestamp: readTimestamp(signature.message(3)), signature: signature.bytes(4) };
		}),
	};
}

function readTimestamp(time: ProtoReader): Timestamp {
	return { seconds: time.integer(1), nanos: Number(time.integer(2)) };
}

function readBlockId(id: ProtoReader): BlockId {
	const parts = id.message(2);
	return { hash: id.bytes(1), partsTotal: Number(parts.integer(1)), partsHash: parts.bytes(2) };
}
