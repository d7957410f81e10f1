/**
 * Follows a chain by its headers alone, from a checkpoint to any height, over whoever hands blocks out: nothing that they say is believed. Where the set of
 * validators has changed too much for one step, blocks between are asked for. Other sources are asked for the same height, and two blocks that are both signed
 * as they must be are the proof of an attack.
 */
import { type Checkpoint, type Crypto, headerHash, type LightBlock, toHex } from "@freehold/protocol";
import { judgeLightBlock } from "../consensus/light-block.js";
import { soundBlock } from "../consensus/sound-block.js";
import { shortestPath } from "./light-path.js";
import { judgeStep, type LightTrust } from "./step.js";

/** Hands out the block of a height; throws where it has none. */
export type BlockSource = (height: bigint) => Promise<LightBlock>;

export type LightFault =
	/** What a source gave is no block of this chain. */
	| "refused"
	/** The newest trusted block is older than the trust period. */
	| "expired"
	/** Two sets of signatures for one height, both good: more than a third of the validators cheated. */
	| "conflict"
	/** More blocks between were needed than a light client asks for. */
	| "tooLong";

export class LightError extends Error {
	override readonly name = "LightError";
	readonly fault: LightFault;
	/** With `conflict`: the two blocks, to be shown to anybody. */
	readonly conflict: ConflictingBlocks | undefined;

	constructor(fault: LightFault, message: string, conflict?: ConflictingBlocks) {
		super(message);
		this.fault = fault;
		this.conflict = conflict;
	}
}

export interface ConflictingBlocks {
	readonly ours: LightBlock;
	readonly theirs: LightBlock;
	/** Public keys of those that signed both, in hex. */
	readonly signedBoth: readonly string[];
}

export interface LightClientOptions {
	readonly checkpoint: Checkpoint;
	/** The block at the checkpoint's height: its set is the first that is trusted. */
	readonly first: LightBlock;
	readonly source: BlockSource;
	/** Others that are asked for what was found. One that is silent or lies is passed over, since anyone can be silent. */
	readonly witnesses?: readonly BlockSource[];
	readonly trust: Omit<LightTrust, "now">;
	/** The verifier's clock, in Unix milliseconds. */
	readonly now: () => number;
	readonly crypto: Crypto;
}

/** Blocks that one question may need. The distance halves with each, so this is far more than any honest chain asks for. */
const MAX_STEPS = 1_000;

export class LightClient {
	readonly #options: LightClientOptions;
	#newest: LightBlock;

	/** Throws `LightError` when `first` is not the checkpoint's block. */
	constructor(options: LightClientOptions) {
		const { checkpoint, first, trust, crypto } = options;
		const verdict = judgeLightBlock(first, { checkpoint, consensusChainId: trust.consensusChainId }, crypto);
		if (verdict.kind === "refused") throw new LightError("refused", verdict.reason);
		if (first.header.height !== BigInt(checkpoint.height)) throw new LightError("refused", `the first block is not that of height ${checkpoint.height}`);
		this.#options = options;
		this.#newest = first;
	}

	/** The newest block that is trusted. */
	get newest(): LightBlock {
		return this.#newest;
	}

	/**
	 * The fewest blocks that lead from the newest trusted one to a later height, both among them: what a receipt file carries as its path, and its block. Throws as
	 * `verify` does; the newest trusted block stays what it was.
	 */
	async path(height: bigint): Promise<readonly LightBlock[]> {
		const { source, trust, crypto } = this.#options;
		const way: LightBlock[] = [this.#newest];
		await this.#climb(this.#newest, height, source, (block) => way.push(block));
		return shortestPath(way, trust.consensusChainId, crypto);
	}

	/** The block of a later height, once it is proved and no witness proves another. Throws `LightError`, and what a source throws. */
	async verify(height: bigint): Promise<LightBlock> {
		const { source, witnesses = [] } = this.#options;
		if (height === this.#newest.header.height) return this.#newest;
		if (height < this.#newest.header.height) throw new LightError("refused", `height ${height} is before the newest trusted block`);
		const start = this.#newest;
		const found = await this.#climb(start, height, source);
		for (const witness of witnesses) await this.#compare(start, found, witness);
		this.#newest = found;
		return found;
	}

	/** From block to block until the height is reached, halving the way wherever a step is too wide. */
	async #climb(start: LightBlock, height: bigint, source: BlockSource, reached: (block: LightBlock) => unknown = () => {}): Promise<LightBlock> {
		const { trust, now, crypto } = this.#options;
		let trusted = start;
		// Nearest last.
		const ahead = [await blockOf(source, height)];
		for (let steps = 0; steps < MAX_STEPS; steps++) {
			const next = ahead.at(-1);
			if (next === undefined) return trusted;
			const verdict = judgeStep(trusted, next, { ...trust, now: now() }, crypto);
			if (verdict.kind === "refused") throw new LightError("refused", `block ${next.header.height}: ${verdict.reason}`);
			if (verdict.kind === "expired") throw new LightError("expired", `block ${trusted.header.height} is too old to be trusted: get a newer checkpoint`);
			if (verdict.kind === "trusted") {
				trusted = next;
				reached(next);
				ahead.pop();
			} else ahead.push(await blockOf(source, (trusted.header.height + next.header.height) / 2n));
		}
		throw new LightError("tooLong", `block ${height} is not reached within ${MAX_STEPS} steps`);
	}

	async #compare(start: LightBlock, ours: LightBlock, witness: BlockSource): Promise<void> {
		const { trust, crypto } = this.#options;
		const { height } = ours.header;
		const said = await witness(height).catch(() => undefined);
		if (said === undefined || toHex(headerHash(said.header, crypto)) === toHex(headerHash(ours.header, crypto))) return;
		const theirs = await this.#climb(start, height, (each) => (each === height ? Promise.resolve(said) : witness(each))).catch(() => undefined);
		if (theirs === undefined) return;
		throw new LightError("conflict", `two blocks of height ${height} are signed as they must be`, conflictOf(ours, theirs, trust.consensusChainId, crypto));
	}
}

function conflictOf(ours: LightBlock, theirs: LightBlock, consensusChainId: string, crypto: Crypto): ConflictingBlocks {
	const [first, second] = [ours, theirs].map((block) => soundBlock(block, consensusChainId, crypto));
	const signers = (sound: typeof first): readonly string[] => (sound === undefined || typeof sound === "string" ? [] : [...sound.signers.keys()]);
	const others = new Set(signers(second));
	return { ours, theirs, signedBoth: signers(first).filter((key) => others.has(key)) };
}

async function blockOf(source: BlockSource, height: bigint): Promise<LightBlock> {
	const block = await source(height);
	if (block.header.height !== height) throw new LightError("refused", `a block of height ${block.header.height} where ${height} was asked for`);
	return block;
}
