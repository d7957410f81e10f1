/** Whether a consensus block was really made: its commit against the set of validators that a checkpoint names. */
import {
	type Checkpoint,
	type CommitSignature,
	type Crypto,
	equalBytes,
	headerHash,
	type LightBlock,
	toHex,
	type Validator,
	validatorAddress,
	validatorsHash,
	voteSignBytes,
} from "@freehold/protocol";

export type LightBlockVerdict =
	| { readonly kind: "trusted" }
	/** Signed as it must be, and older than what is trusted. */
	| { readonly kind: "older" }
	| { readonly kind: "refused"; readonly reason: string };

/** A header may be this much ahead of the verifier's clock. */
const MAX_CLOCK_DRIFT_MS = 600_000n;

/**
 * Judges a light block by a checkpoint. Everything in it is covered: the header by its hash, the hash by the signatures, the set by the header; every
 * signature that is there must be good, also beyond two thirds.
 */
export function judgeLightBlock(
	block: LightBlock,
	trust: { readonly checkpoint: Checkpoint; readonly consensusChainId: string; readonly now?: number | undefined },
	crypto: Crypto,
): LightBlockVerdict {
	const { header, commit, validators } = block;
	const { checkpoint } = trust;
	const refused = (reason: string): LightBlockVerdict => ({ kind: "refused", reason });
	if (header.chainId !== trust.consensusChainId) return refused(`the header is of chain ${JSON.stringify(header.chainId)}`);
	const hash = headerHash(header, crypto);
	if (commit.height !== header.height || !equalBytes(commit.blockId.hash, hash)) return refused("the commit is for another header");
	if (!equalBytes(validatorsHash(validators, crypto), header.validatorsHash)) return refused("the header names another set of validators");
	const stranger = strangerIn(block, checkpoint);
	if (stranger !== undefined) return refused(stranger);
	const power = signedPower(block, crypto);
	if (typeof power === "string") return refused(power);
	const total = validators.reduce((sum, validator) => sum + validator.power, 0n);
	if (power * 3n <= total * 2n) return refused("two thirds of the validators or fewer signed");
	if (trust.now !== undefined && header.time.seconds * 1000n > BigInt(trust.now) + MAX_CLOCK_DRIFT_MS) return refused("the header is from the future");
	const height = BigInt(checkpoint.height);
	if (header.height < height) return { kind: "older" };
	if (header.height === height && toHex(hash) !== checkpoint.hash) return refused("the checkpoint has another header at this height");
	return { kind: "trusted" };
}

/** Why the set is not the one that the checkpoint trusts; undefined when it is. */
function strangerIn({ header, validators }: LightBlock, checkpoint: Checkpoint): string | undefined {
	if (validators.some((validator) => validator.power <= 0n)) return "a validator has no power";
	if (new Set(validators.map((validator) => toHex(validator.publicKey))).size !== validators.length) return "a validator is named twice";
	if (checkpoint.kind === "validators")
		return toHex(header.validatorsHash) === checkpoint.validatorsHash ? undefined : "the validators are not the trusted ones";
	const [only, ...others] = validators;
	return only !== undefined && others.length === 0 && toHex(only.publicKey) === checkpoint.signer ? undefined : "the signer is not the trusted one";
}

/** Power of the validators that signed for the block, or what is wrong with a signature. */
function signedPower({ header, commit, validators }: LightBlock, crypto: Crypto): bigint | string {
	if (commit.signatures.length !== validators.length) return "the commit does not have one entry for each validator";
	let power = 0n;
	for (const [index, validator] of validators.entries()) {
		const signature = commit.signatures[index] as CommitSignature;
		if (signature.flag === 1) {
			if (!isBlank(signature)) return `validator ${index} is absent and yet says something`;
			continue;
		}
		if (!isGood(validator, signature, voteSignBytes(commit, signature, header.chainId), crypto)) return `the signature of validator ${index} is not good`;
		if (signature.flag === 2) power += validator.power;
	}
	return power;
}

function isGood(validator: Validator, signature: CommitSignature, message: Uint8Array, crypto: Crypto): boolean {
	return (
		equalBytes(signature.validatorAddress, validatorAddress(validator.publicKey, crypto)) &&
		signature.signature.length === 64 &&
		crypto.verifyEd25519(validator.publicKey, message, signature.signature)
	);
}

/** The one spelling of an absent vote in a receipt file. */
function isBlank({ validatorAddress: address, timestamp, signature }: CommitSignature): boolean {
	return address.length === 0 && signature.length === 0 && timestamp.seconds === 0n && timestamp.nanos === 0;
}
