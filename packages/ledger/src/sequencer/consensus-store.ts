/**
 * Consensus blocks in the `consensus` table, written in the same transaction as the EVM block of the same height.
 *
 * `b` height → block bytes · `s` height → the commit that signed it · `tip` → height, identifier and hash of the results of the last block · `key` → the
 * sequencer's public key. Heights are eight bytes, big-endian.
 */
import {
	type BlockId,
	bytesToBigint,
	type Commit,
	concatBytes,
	decodeRlp,
	encodeRlp,
	type LightBlock,
	rlpInteger,
	utf8,
	type Validator,
} from "@freehold/protocol";
import { be8 } from "../block/chain-store.js";
import type { StateMachine, TableWrite } from "../execution/types.js";
import { type ConsensusBlock, decodeBlock, decodeCommit, encodeCommit } from "./consensus-block.js";

const BLOCK = utf8("b");
const COMMIT = utf8("s");
const TIP_KEY = utf8("tip");
const SIGNER_KEY = utf8("key");

/** What the next block builds on. */
export interface Tip {
	readonly height: bigint;
	readonly blockId: BlockId;
	readonly lastResultsHash: Uint8Array;
}

export class ConsensusStore {
	readonly #state: Pick<StateMachine, "get">;

	constructor(state: Pick<StateMachine, "get">) {
		this.#state = state;
	}

	writes(tip: Tip, encodedBlock: Uint8Array, commit: Commit): TableWrite[] {
		const height = be8(tip.height);
		const { hash, partsTotal, partsHash } = tip.blockId;
		const value = encodeRlp([rlpInteger(tip.height), hash, rlpInteger(BigInt(partsTotal)), partsHash, tip.lastResultsHash]);
		return [
			{ table: "consensus", key: concatBytes(BLOCK, height), value: encodedBlock },
			{ table: "consensus", key: concatBytes(COMMIT, height), value: encodeCommit(commit) },
			{ table: "consensus", key: TIP_KEY, value },
		];
	}

	signerWrite(publicKey: Uint8Array): TableWrite {
		return { table: "consensus", key: SIGNER_KEY, value: publicKey };
	}

	/** The key that signs this chain's blocks; undefined before the first. */
	signer(): Uint8Array | undefined {
		return this.#state.get("consensus", SIGNER_KEY);
	}

	tip(): Tip | undefined {
		const value = this.#state.get("consensus", TIP_KEY);
		if (value === undefined) return undefined;
		const [height, hash, total, partsHash, lastResultsHash] = decodeRlp(value) as readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
		return { height: bytesToBigint(height), blockId: { hash, partsTotal: Number(bytesToBigint(total)), partsHash }, lastResultsHash };
	}

	block(height: bigint): ConsensusBlock | undefined {
		const encoded = this.encodedBlock(height);
		return encoded === undefined ? undefined : decodeBlock(encoded);
	}

	commit(height: bigint): Commit | undefined {
		const encoded = this.encodedCommit(height);
		return encoded === undefined ? undefined : decodeCommit(encoded);
	}

	encodedBlock(height: bigint): Uint8Array | undefined {
		return height < 0n || height >= 2n ** 63n ? undefined : this.#state.get("consensus", concatBytes(BLOCK, be8(height)));
	}

	encodedCommit(height: bigint): Uint8Array | undefined {
		return height < 0n || height >= 2n ** 63n ? undefined : this.#state.get("consensus", concatBytes(COMMIT, be8(height)));
	}

	/** Everything that a light client needs of one height. */
	lightBlock(height: bigint, validators: readonly Validator[]): LightBlock | undefined {
		const block = this.block(height);
		const commit = this.commit(height);
		return block === undefined || commit === undefined ? undefined : { header: block.header, commit, validators };
	}
}
