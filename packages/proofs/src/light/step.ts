/** One step of a light client: from a block that is trusted to a later one, whose set of validators may be another. Rules of CometBFT's light client. */
import { type Crypto, equalBytes, type LightBlock, type Timestamp, toHex } from "@freehold/protocol";
import { MAX_CLOCK_DRIFT_MS } from "../consensus/light-block.js";
import { powerOf, type SoundBlock, soundBlock } from "../consensus/sound-block.js";

export interface LightTrust {
	readonly consensusChainId: string;
	/**
	 * How long a set answers for what it signed, in milliseconds: shorter than the time after which a validator's bond is given back. A block that is older
	 * proves nothing any more, since whoever signed it has nothing left to lose.
	 */
	readonly trustPeriodMs: number;
	/** The verifier's clock, in Unix milliseconds. */
	readonly now: number;
}

export type StepVerdict =
	| { readonly kind: "trusted"; readonly block: SoundBlock }
	/** Good by itself, but a third of the trusted set or less signed it: a block between the two is needed. */
	| { readonly kind: "tooFar" }
	/** The trusted block is older than the trust period: only a newer checkpoint helps. */
	| { readonly kind: "expired" }
	| { readonly kind: "refused"; readonly reason: string };

/**
 * Judges `next` by `trusted`, which must have been judged before. The next height must have the set that `trusted` announced; further ones must be signed by more
 * than a third of the trusted set and more than two thirds of their own.
 */
export function judgeStep(trusted: LightBlock, next: LightBlock, trust: LightTrust, crypto: Crypto): StepVerdict {
	const refused = (reason: string): StepVerdict => ({ kind: "refused", reason });
	const { header } = next;
	const now = BigInt(Math.floor(trust.now));
	if (milliseconds(trusted.header.time) + BigInt(trust.trustPeriodMs) <= now) return { kind: "expired" };
	const misplaced = misplacedAfter(trusted, next);
	if (misplaced !== undefined) return refused(misplaced);
	if (milliseconds(header.time) > now + MAX_CLOCK_DRIFT_MS) return refused("the header is from the future");
	const sound = soundBlock(next, trust.consensusChainId, crypto, () => strangersAfter(trusted, next));
	if (typeof sound === "string") return refused(sound);
	return isReached(trusted, next, sound) ? { kind: "trusted", block: sound } : { kind: "tooFar" };
}

/** Why a block cannot come after another one; undefined when it can. */
export function misplacedAfter(before: LightBlock, next: LightBlock): string | undefined {
	const { height, time } = next.header;
	if (height <= before.header.height) return `height ${height} does not come after ${before.header.height}`;
	return nanoseconds(time) > nanoseconds(before.header.time) ? undefined : "its time does not come after";
}

/** The next height must have the set that the block before it announced. */
export function strangersAfter(before: LightBlock, next: LightBlock): string | undefined {
	const isStrange = isAdjacent(before, next) && !equalBytes(next.header.validatorsHash, before.header.nextValidatorsHash);
	return isStrange ? "the block before announced other validators" : undefined;
}

/** Whether the set of one block vouches for a later one that is sound and in its place: the next one, or one that more than a third of the set signed. */
export function isReached(before: LightBlock, next: LightBlock, sound: SoundBlock): boolean {
	if (isAdjacent(before, next)) return true;
	const known = powerOf(before.validators.filter(({ publicKey }) => sound.signers.has(toHex(publicKey))).map(({ power }) => power));
	return known * 3n > powerOf(before.validators.map(({ power }) => power));
}

function isAdjacent(before: LightBlock, next: LightBlock): boolean {
	return next.header.height === before.header.height + 1n;
}

/** Since the Unix epoch. */
export function milliseconds(time: Timestamp): bigint {
	return nanoseconds(time) / 1_000_000n;
}

function nanoseconds({ seconds, nanos }: Timestamp): bigint {
	return seconds * 1_000_000_000n + BigInt(nanos);
}
