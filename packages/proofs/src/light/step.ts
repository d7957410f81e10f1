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
	if (header.height <= trusted.header.height) return refused(`height ${header.height} does not come after ${trusted.header.height}`);
	if (!isLater(header.time, trusted.header.time)) return refused("its time does not come after that of the trusted block");
	if (milliseconds(header.time) > now + MAX_CLOCK_DRIFT_MS) return refused("the header is from the future");
	const isAdjacent = header.height === trusted.header.height + 1n;
	const sound = soundBlock(next, trust.consensusChainId, crypto, () =>
		isAdjacent && !equalBytes(header.validatorsHash, trusted.header.nextValidatorsHash)
			? "its validators are not those that the block before announced"
			: undefined,
	);
	if (typeof sound === "string") return refused(sound);
	if (isAdjacent) return { kind: "trusted", block: sound };
	const known = powerOf(trusted.validators.filter(({ publicKey }) => sound.signers.has(toHex(publicKey))).map(({ power }) => power));
	return known * 3n > powerOf(trusted.validators.map(({ power }) => power)) ? { kind: "trusted", block: sound } : { kind: "tooFar" };
}

function milliseconds({ seconds, nanos }: Timestamp): bigint {
	return seconds * 1_000n + BigInt(Math.floor(nanos / 1_000_000));
}

function isLater(a: Timestamp, b: Timestamp): boolean {
	return a.seconds > b.seconds || (a.seconds === b.seconds && a.nanos > b.nanos);
}
