/** What a consensus block says by itself, whoever trusts it: header, commit and set belong together, and every signature that is there is good. */
import {
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

export interface SoundBlock {
	/** Of the header. */
	readonly hash: Uint8Array;
	/** Of those that signed for the block, by the hex of their public keys. */
	readonly signers: ReadonlyMap<string, bigint>;
	/** Power of the signers, and of the whole set. */
	readonly signed: bigint;
	readonly total: bigint;
}

/**
 * The block's facts, or why it was never made by its own set: more than two thirds of the set's power signed it. `isStranger` says what else is wrong with it
 * once its parts fit together, before the dear check of its signatures.
 */
export function soundBlock(
	block: LightBlock,
	consensusChainId: string,
	crypto: Crypto,
	isStranger: () => string | undefined = () => undefined,
): SoundBlock | string {
	const { header, commit, validators } = block;
	if (header.chainId !== consensusChainId) return `the header is of chain ${JSON.stringify(header.chainId)}`;
	const hash = headerHash(header, crypto);
	if (commit.height !== header.height || !equalBytes(commit.blockId.hash, hash)) return "the commit is for another header";
	if (!equalBytes(validatorsHash(validators, crypto), header.validatorsHash)) return "the header names another set of validators";
	if (validators.some((validator) => validator.power <= 0n)) return "a validator has no power";
	if (new Set(validators.map((validator) => toHex(validator.publicKey))).size !== validators.length) return "a validator is named twice";
	const stranger = isStranger();
	if (stranger !== undefined) return stranger;
	const signers = signersOf(block, crypto);
	if (typeof signers === "string") return signers;
	const signed = powerOf(signers.values());
	const total = powerOf(validators.map(({ power }) => power));
	if (signed * 3n <= total * 2n) return "two thirds of the validators or fewer signed";
	return { hash, signers, signed, total };
}

export function powerOf(powers: Iterable<bigint>): bigint {
	let sum = 0n;
	for (const power of powers) sum += power;
	return sum;
}

/** Validators that signed for the block, or what is wrong with a signature. */
function signersOf({ header, commit, validators }: LightBlock, crypto: Crypto): ReadonlyMap<string, bigint> | string {
	if (commit.signatures.length !== validators.length) return "the commit does not have one entry for each validator";
	const signers = new Map<string, bigint>();
	for (const [index, validator] of validators.entries()) {
		const signature = commit.signatures[index] as CommitSignature;
		if (signature.flag === 1) {
			if (!isBlank(signature)) return `validator ${index} is absent and yet says something`;
			continue;
		}
		// Beyond the type: blocks come from strangers, and an unknown flag would be read as a vote for nothing.
		if (signature.flag !== 2 && signature.flag !== 3) return `validator ${index} votes in an unknown way`;
		if (!isGood(validator, signature, voteSignBytes(commit, signature, header.chainId), crypto)) return `the signature of validator ${index} is not good`;
		if (signature.flag === 2) signers.set(toHex(validator.publicKey), validator.power);
	}
	return signers;
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
