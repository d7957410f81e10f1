/** Consensus blocks as this ledger can show them: its own, or those of the engine beside it. */
import { type Hex, type LightBlock, toHex, type Validator } from "@freehold/protocol";
import type { ConsensusStore } from "./consensus-store.js";

/** Who orders blocks, and the first block that is here (above 1 for a ledger that began from a snapshot): fit for a checkpoint. */
export type Origin = ({ readonly signer: Hex } | { readonly validatorsHash: Hex; readonly validators: number }) & {
	readonly genesis: { readonly height: number; readonly hash: Hex };
};

export interface BlockArchive {
	/** Height of the last block. */
	readonly height: () => bigint;
	/** Undefined while there is no first block. */
	readonly origin: () => Promise<Origin | undefined>;
	/** Undefined when there is no such block, or its commit is not there yet. */
	readonly lightBlock: (height: bigint) => Promise<LightBlock | undefined>;
	/** Bytes of a block and of the commit that signed it. */
	readonly encoded: (height: bigint) => Promise<{ readonly block: Uint8Array; readonly commit: Uint8Array } | undefined>;
}

/** What the sequencer or a follower wrote, signed by a set of one. */
export function storedArchive(store: ConsensusStore, validators: readonly Validator[]): BlockArchive {
	return {
		height: () => store.tip()?.height ?? 0n,
		origin: async () => {
			const first = store.commit(1n);
			const [signer] = validators;
			if (first === undefined || signer === undefined) return undefined;
			return { signer: toHex(signer.publicKey), genesis: { height: 1, hash: toHex(first.blockId.hash) } };
		},
		lightBlock: async (height) => store.lightBlock(height, validators),
		encoded: async (height) => {
			const block = store.encodedBlock(height);
			const commit = store.encodedCommit(height);
			return block === undefined || commit === undefined ? undefined : { block, commit };
		},
	};
}
