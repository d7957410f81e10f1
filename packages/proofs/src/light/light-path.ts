/** The blocks that lead from a checkpoint to a later block over changed sets of validators, as a receipt file carries them. Pure, and as strict as all of a file. */
import { type Checkpoint, type Crypto, type LightBlock, limits, toHex } from "@freehold/protocol";
import { type LightBlockVerdict, MAX_CLOCK_DRIFT_MS } from "../consensus/light-block.js";
import { type SoundBlock, soundBlock } from "../consensus/sound-block.js";
import { isReached, milliseconds, misplacedAfter, strangersAfter } from "./step.js";

export type LightPathVerdict =
	| LightBlockVerdict
	/** Good, and begun at a checkpoint that is too old to be trusted (or judged without a clock): only a newer one helps. */
	| { readonly kind: "expired" }
	/** Sound by itself, and nothing joins it to the checkpoint: it may be a way from another checkpoint, or anybody's own chain. */
	| { readonly kind: "elsewhere" };

export interface LightPathTrust {
	readonly checkpoint: Checkpoint;
	readonly consensusChainId: string;
	/** The verifier's clock, in Unix milliseconds. Without one nothing that leads over changed sets is trusted: who left a set may sign anything later. */
	readonly now?: number | undefined;
}

/**
 * Judges `last` by the blocks before it. Each must be signed by its own set and vouched for by the one before; none may be there that is not needed; one is the
 * checkpoint's own. What comes before that one is checked all the same.
 */
export function judgeLightPath(path: readonly LightBlock[], last: LightBlock, trust: LightPathTrust, crypto: Crypto): LightPathVerdict {
	const { checkpoint, consensusChainId, now } = trust;
	const refused = (reason: string): LightPathVerdict => ({ kind: "refused", reason });
	if (checkpoint.kind !== "validators" || path.length === 0) return refused("there is no such path");
	const blocks = [...path, last];
	const sound = soundPath(blocks, consensusChainId, crypto);
	if (typeof sound === "string") return refused(sound);
	const height = BigInt(checkpoint.height);
	const at = blocks.findIndex(({ header }) => header.height === height);
	const start = blocks[at]?.header;
	if (start === undefined) {
		const isKnown = blocks.some(({ header }) => toHex(header.validatorsHash) === checkpoint.validatorsHash);
		return { kind: isKnown && last.header.height < height ? "older" : "elsewhere" };
	}
	if (toHex((sound[at] as SoundBlock).hash) !== checkpoint.hash || toHex(start.validatorsHash) !== checkpoint.validatorsHash)
		return refused("the checkpoint has another header at this height");
	const clock = now === undefined ? undefined : BigInt(Math.floor(now));
	if (clock === undefined || milliseconds(start.time) + BigInt(limits.lightTrustMs) <= clock) return { kind: "expired" };
	return milliseconds(last.header.time) > clock + MAX_CLOCK_DRIFT_MS ? refused("the header is from the future") : { kind: "trusted" };
}

/** The fewest of these blocks that still lead from the first to the last. They must be sound, in order, and lead there. */
export function shortestPath(blocks: readonly LightBlock[], consensusChainId: string, crypto: Crypto): readonly LightBlock[] {
	const sound = blocks.map((block) => soundBlock(block, consensusChainId, crypto));
	const kept: LightBlock[] = [];
	for (let at = 0; at < blocks.length; ) {
		const block = blocks[at] as LightBlock;
		kept.push(block);
		let next = blocks.length - 1;
		const reaches = (to: number): boolean => {
			const facts = sound[to];
			return facts !== undefined && typeof facts !== "string" && isReached(block, blocks[to] as LightBlock, facts);
		};
		while (next > at + 1 && !reaches(next)) next--;
		at = Math.max(next, at + 1);
	}
	return kept;
}

/** What each block says by itself, or what is wrong with one of them. */
function soundPath(blocks: readonly LightBlock[], consensusChainId: string, crypto: Crypto): readonly SoundBlock[] | string {
	const sound: SoundBlock[] = [];
	for (const [index, block] of blocks.entries()) {
		const [skipped, before] = [blocks[index - 2], blocks[index - 1]];
		const facts = (before && (misplacedAfter(before, block) ?? strangersAfter(before, block))) ?? soundBlock(block, consensusChainId, crypto);
		if (typeof facts === "string") return facts;
		if (before && !isReached(before, block, facts)) return "too few of the set before signed";
		if (skipped && isReached(skipped, block, facts)) return `block ${before?.header.height} is not needed`;
		sound.push(facts);
	}
	return sound;
}
