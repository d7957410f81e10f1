/** Whether a signed transfer (a deposit into a channel, or a payment of an exact amount) is what it must be. Pure: what the chain knows is asked elsewhere. */
import { type Crypto, contractAddresses, defaultHashes, encodeWords, equalBytes, fromHex, type Hex, utf8, type Word } from "@freehold/protocol";
import { type ChannelConfig, depositNonce, tokenSeparator, typedDigest } from "../channel/channel.js";
import type { Deposit, ExactPayload } from "../x402/payloads.js";
import { batchReasons, exactReasons, type PaymentReason } from "../x402/reasons.js";
import type { TillTerms } from "./offer.js";
import type { Verdict } from "./voucher.js";

/** Seconds that a signature must still be valid, so that its transaction can be included. */
const MARGIN = 6n;
/** Seconds that a payment's signature may be valid at most: until then its money can still come, and is watched for. */
const LONGEST = 3_600n;

const typeHash = (text: string): Uint8Array => defaultHashes.keccak256(utf8(text));
const AUTHORIZATION_FIELDS = "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";
const TRANSFER_HASH = typeHash(`TransferWithAuthorization${AUTHORIZATION_FIELDS}`);
const RECEIVE_HASH = typeHash(`ReceiveWithAuthorization${AUTHORIZATION_FIELDS}`);
const PERMIT2_DOMAIN_HASH = typeHash("EIP712Domain(string name,uint256 chainId,address verifyingContract)");
const PERMIT2_NAME = typeHash("Permit2");
const PERMISSIONS_TYPE = "TokenPermissions(address token,uint256 amount)";
const PERMISSIONS_HASH = typeHash(PERMISSIONS_TYPE);
const permitHash = (witness: string, types: string): Uint8Array =>
	typeHash(`PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,${witness} witness)${types}`);
const DEPOSIT_PERMIT_HASH = permitHash("DepositWitness", `DepositWitness(bytes32 channelId)${PERMISSIONS_TYPE}`);
const DEPOSIT_WITNESS_HASH = typeHash("DepositWitness(bytes32 channelId)");
const EXACT_PERMIT_HASH = permitHash("Witness", `${PERMISSIONS_TYPE}Witness(address to,uint256 validAfter)`);
const EXACT_WITNESS_HASH = typeHash("Witness(address to,uint256 validAfter)");

const good: Verdict = { ok: true };
const bad = (reason: PaymentReason): Verdict => ({ ok: false, reason });

/** Whether the payer signed this deposit for this channel, and there is time to send it. `now` in Unix seconds. */
export function checkDeposit(deposit: Deposit, channel: Hex, config: ChannelConfig, terms: TillTerms, now: number, crypto: Crypto): Verdict {
	if (deposit.method === "eip3009") {
		if (deposit.validBefore < BigInt(now) + MARGIN) return bad(batchReasons.depositExpired);
		if (deposit.validAfter > BigInt(now)) return bad(batchReasons.depositNotYet);
		const collector = contractAddresses.Erc3009DepositCollector;
		const words = [RECEIVE_HASH, config.payer, collector, deposit.amount, deposit.validAfter, deposit.validBefore, depositNonce(channel, deposit.salt, crypto)];
		const digest = typedDigest(tokenSeparator(terms.token, terms.chainId, crypto), words, crypto);
		return signedBy(config.payer, digest, deposit.signature, crypto) ? good : bad(batchReasons.depositAuthorization);
	}
	if (deposit.spender !== contractAddresses.Permit2DepositCollector) return bad(batchReasons.permit2Spender);
	if (deposit.deadline < BigInt(now) + MARGIN) return bad(batchReasons.permit2Deadline);
	const witness = crypto.keccak256(encodeWords([DEPOSIT_WITNESS_HASH, channel]));
	const digest = permitDigest(DEPOSIT_PERMIT_HASH, { ...deposit, token: terms.token.address }, witness, terms.chainId, crypto);
	return deposit.from === config.payer && signedBy(config.payer, digest, deposit.signature, crypto) ? good : bad(batchReasons.depositAuthorization);
}

/** Whether the payment moves exactly `amount` to the till, is signed by its payer, and there is time to send it. `now` in Unix seconds. */
export function checkExact(payment: ExactPayload, amount: bigint, terms: TillTerms, now: number, crypto: Crypto): Verdict {
	if (payment.to !== terms.payTo) return bad(exactReasons.recipient);
	if (payment.amount !== amount) return bad(exactReasons.amount);
	if (payment.validBefore < BigInt(now) + MARGIN || payment.validBefore > BigInt(now) + LONGEST) return bad(exactReasons.expired);
	if (payment.validAfter > BigInt(now)) return bad(exactReasons.notYet);
	return isSignedByPayer(payment, terms, crypto) ? good : bad(exactReasons.signature);
}

/** Whether the payment is its payer's, whatever has become of it since. */
export function isSignedByPayer(payment: ExactPayload, terms: TillTerms, crypto: Crypto): boolean {
	return signedBy(payment.from, exactDigest(payment, terms, crypto), payment.signature, crypto);
}

function exactDigest(payment: ExactPayload, terms: TillTerms, crypto: Crypto): Uint8Array {
	if (payment.method === "eip3009") {
		const words = [TRANSFER_HASH, payment.from, payment.to, payment.amount, payment.validAfter, payment.validBefore, payment.nonce];
		return typedDigest(tokenSeparator(terms.token, terms.chainId, crypto), words, crypto);
	}
	const witness = crypto.keccak256(encodeWords([EXACT_WITNESS_HASH, payment.to, payment.validAfter]));
	// Token and spender are ours, whatever the payload says: a signature over others does not recover to the payer.
	const permit = {
		token: terms.token.address,
		amount: payment.amount,
		spender: contractAddresses.ExactPermit2Proxy,
		nonce: BigInt(payment.nonce),
		deadline: payment.validBefore,
	};
	return permitDigest(EXACT_PERMIT_HASH, permit, witness, terms.chainId, crypto);
}

interface Permit {
	readonly token: Hex;
	readonly amount: bigint;
	readonly spender: Hex;
	readonly nonce: bigint;
	readonly deadline: bigint;
}

function permitDigest(typeHashOfPermit: Uint8Array, permit: Permit, witness: Uint8Array, chainId: number, crypto: Crypto): Uint8Array {
	const separator = crypto.keccak256(encodeWords([PERMIT2_DOMAIN_HASH, PERMIT2_NAME, chainId, contractAddresses.Permit2]));
	const permitted = crypto.keccak256(encodeWords([PERMISSIONS_HASH, permit.token, permit.amount]));
	const words: Word[] = [typeHashOfPermit, permitted, permit.spender, permit.nonce, permit.deadline, witness];
	return typedDigest(separator, words, crypto);
}

function signedBy(payer: Hex, digest: Uint8Array, signature: Hex, crypto: Crypto): boolean {
	const signer = crypto.recover(digest, fromHex(signature));
	return signer !== undefined && equalBytes(signer, fromHex(payer));
}
