/** Whether a consensus block was really made: its commit against the set of validators that a checkpoint names. */
import { type Checkpoint, type Crypto, type LightBlock, toHex } from "@freehold/protocol";
import { soundBlock } from "./sound-block.js";

export type LightBlockVerdict =
	| { readonly kind: "trusted" }
	/** Signed as it must be, and older than what is trusted. */
	| { readonly kind: "older" }
	| { readonly kind: "refused"; readonly reason: string };

/** A header may be this much ahead of the verifier's clock. */
export const MAX_CLOCK_DRIFT_MS = 600_000n;

/**
 * Judges a light block by a checkpoint. Everything in it is covered: the header by its hash, the hash by the signatures, the set by the header; every
 * signature that is there must be good, also beyond two thirds.
 */
export function judgeLightBlock(
	block: LightBlock,
	trust: { readonly checkpoint: Checkpoint; readonly consensusChainId: string; readonly now?: number | undefined },
	crypto: Crypto,
): LightBlockVerdict {
	const { header } = block;
	const { checkpoint } = trust;
	const refused = (reason: string): LightBlockVerdict => ({ kind: "refused", reason });
	const sound = soundBlock(block, trust.consensusChainId, crypto, () => strangerIn(block, checkpoint));
	if (typeof sound === "string") return refused(sound);
	if (trust.now !== undefined && header.time.seconds * 1000n > BigInt(trust.now) + MAX_CLOCK_DRIFT_MS) return refused("the header is from the future");
	const height = BigInt(checkpoint.height);
	if (header.height < height) return { kind: "older" };
	if (header.height === height && toHex(sound.hash) !== checkpoint.hash) return refused("the checkpoint has another header at this height");
	return { kind: "trusted" };
}

/** Why the set is not the one that the checkpoint trusts; undefined when it is. */
function strangerIn({ header, validators }: LightBlock, checkpoint: Checkpoint): string | undefined {
	if (checkpoint.kind === "validators")
		return toHex(header.validatorsHash) === checkpoint.validatorsHash ? undefined : "the validators are not the trusted ones";
	const [only, ...others] = validators;
	return only !== undefined && others.length === 0 && toHex(only.publicKey) === checkpoint.signer ? undefined : "the signer is not the trusted one";
}
