/** Consensus blocks of the engine beside this ledger: asked for, checked for being the ones that were asked for, and remembered. */
import { FreeholdError, type LightBlock, toHex } from "@freehold/protocol";
import type { BlockArchive, Origin } from "../sequencer/archive.js";
import { encodeBlock, encodeCommit } from "../sequencer/consensus-block.js";
import type { EngineClient } from "./engine-client.js";

const REMEMBERED = 256;

/** `height`: of the last block that was executed here. */
export function engineArchive(client: EngineClient, height: () => bigint): BlockArchive {
	const known = new Map<bigint, LightBlock>();
	let origin: Origin | undefined;
	const lightBlock = async (wanted: bigint): Promise<LightBlock | undefined> => {
		const remembered = known.get(wanted);
		if (remembered !== undefined) return remembered;
		// The engine has the block one step before it is executed here.
		if (wanted < 1n || wanted > height() + 1n) return undefined;
		const found = await client.lightBlock(wanted);
		if (found === undefined) return undefined;
		const { isCanonical, ...block } = found;
		if (block.header.height !== wanted) throw new FreeholdError("upstream.failed", { what: "CometBFT", reason: `block ${block.header.height} for ${wanted}` });
		// The newest commit may still gain signatures.
		if (isCanonical) {
			known.set(wanted, block);
			for (const oldest of known.keys()) {
				if (known.size <= REMEMBERED) break;
				known.delete(oldest);
			}
		}
		return block;
	};
	return {
		height,
		lightBlock,
		origin: async () => {
			if (origin !== undefined) return origin;
			// Whoever began from a snapshot has no first block, and says which one it has.
			const earliest = await client.earliest();
			const first = earliest === undefined ? undefined : await lightBlock(earliest);
			if (first === undefined) return undefined;
			const { header, commit, validators } = first;
			origin = {
				validatorsHash: toHex(header.validatorsHash),
				validators: validators.length,
				genesis: { height: Number(header.height), hash: toHex(commit.blockId.hash) },
			};
			return origin;
		},
		encoded: async (wanted) => {
			if (wanted < 1n || wanted > height()) return undefined;
			const [block, light] = await Promise.all([client.block(wanted), lightBlock(wanted)]);
			return block === undefined || light === undefined ? undefined : { block: encodeBlock(block), commit: encodeCommit(light.commit) };
		},
	};
}
