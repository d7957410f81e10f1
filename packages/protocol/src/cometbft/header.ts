/**
 * Consensus headers, commits and validator sets in CometBFT's own formats (v0.38), and the bytes that are hashed and signed.
 * Both the solo sequencer and a set of validators make these, so there is one verifier.
 */
import { concatBytes } from "../bytes/bytes.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import { merkleRoot } from "./merkle.js";
import { bytesField, fixed64Field, messageField, stringField, varint, varintField } from "./proto.js";

/** A moment as protobuf keeps it. `seconds` since the Unix epoch, `nanos` 0 to 999,999,999. */
export interface Timestamp {
	readonly seconds: bigint;
	readonly nanos: number;
}

export interface BlockId {
	readonly hash: Uint8Array;
	readonly partsTotal: number;
	readonly partsHash: Uint8Array;
}

export interface ConsensusHeader {
	readonly versionBlock: bigint;
	readonly versionApp: bigint;
	readonly chainId: string;
	readonly height: bigint;
	readonly time: Timestamp;
	/** Empty hashes and zero parts in the first header. */
	readonly lastBlockId: BlockId;
	readonly lastCommitHash: Uint8Array;
	readonly dataHash: Uint8Array;
	readonly validatorsHash: Uint8Array;
	readonly nextValidatorsHash: Uint8Array;
	readonly consensusHash: Uint8Array;
	/** Hash of the latest EVM block header before this block: proves state, receipts and transactions. */
	readonly appHash: Uint8Array;
	readonly lastResultsHash: Uint8Array;
	readonly evidenceHash: Uint8Array;
	/** 20 bytes. */
	readonly proposerAddress: Uint8Array;
}

/** How a validator voted: 1 absent, 2 for the block, 3 nil. */
export type BlockIdFlag = 1 | 2 | 3;

export interface CommitSignature {
	readonly flag: BlockIdFlag;
	readonly validatorAddress: Uint8Array;
	readonly timestamp: Timestamp;
	readonly signature: Uint8Array;
}

export interface Commit {
	readonly height: bigint;
	readonly round: number;
	readonly blockId: BlockId;
	readonly signatures: readonly CommitSignature[];
}

export interface Validator {
	/** Ed25519, 32 bytes. */
	readonly publicKey: Uint8Array;
	readonly power: bigint;
}

/** Signature i of the commit belongs to validator i. */
export interface LightBlock {
	readonly header: ConsensusHeader;
	readonly commit: Commit;
	readonly validators: readonly Validator[];
}

export function timestampBytes(time: Timestamp): Uint8Array {
	return concatBytes(varintField(1, time.seconds), varintField(2, time.nanos));
}

/** BlockID message; the inner part-set header is always written. */
export function blockIdBytes(id: BlockId): Uint8Array {
	return concatBytes(bytesField(1, id.hash), messageField(2, concatBytes(varintField(1, id.partsTotal), bytesField(2, id.partsHash))));
}

/** Hash of a header: the root over its fourteen fields. */
export function headerHash(header: ConsensusHeader, hashes: Hashes = defaultHashes): Uint8Array {
	return merkleRoot(
		[
			concatBytes(varintField(1, header.versionBlock), varintField(2, header.versionApp)),
			stringField(1, header.chainId),
			varintField(1, header.height),
			timestampBytes(header.time),
			blockIdBytes(header.lastBlockId),
			bytesField(1, header.lastCommitHash),
			bytesField(1, header.dataHash),
			bytesField(1, header.validatorsHash),
			bytesField(1, header.nextValidatorsHash),
			bytesField(1, header.consensusHash),
			bytesField(1, header.appHash),
			bytesField(1, header.lastResultsHash),
			bytesField(1, header.evidenceHash),
			bytesField(1, header.proposerAddress),
		],
		hashes,
	);
}

/** The length-prefixed canonical vote that a validator signs for `signature` of `commit`. */
export function voteSignBytes(commit: Commit, signature: Pick<CommitSignature, "flag" | "timestamp">, chainId: string): Uint8Array {
	const vote = concatBytes(
		varintField(1, 2),
		fixed64Field(2, commit.height),
		fixed64Field(3, BigInt(commit.round)),
		signature.flag === 2 ? messageField(4, blockIdBytes(commit.blockId)) : new Uint8Array(0),
		messageField(5, timestampBytes(signature.timestamp)),
		stringField(6, chainId),
	);
	return concatBytes(varint(vote.length), vote);
}

/** Address of a validator: the first 20 bytes of its key's SHA-256. */
export function validatorAddress(publicKey: Uint8Array, hashes: Hashes = defaultHashes): Uint8Array {
	return hashes.sha256(publicKey).slice(0, 20);
}

export function validatorsHash(validators: readonly Validator[], hashes: Hashes = defaultHashes): Uint8Array {
	return merkleRoot(
		validators.map(({ publicKey, power }) => concatBytes(messageField(1, bytesField(1, publicKey)), varintField(2, power))),
		hashes,
	);
}

/** Hash that the next header's `lastCommitHash` holds. */
export function commitHash(commit: Commit, hashes: Hashes = defaultHashes): Uint8Array {
	return merkleRoot(
		commit.signatures.map(({ flag, validatorAddress: address, timestamp, signature }) =>
			concatBytes(varintField(1, flag), bytesField(2, address), messageField(3, timestampBytes(timestamp)), bytesField(4, signature)),
		),
		hashes,
	);
}
