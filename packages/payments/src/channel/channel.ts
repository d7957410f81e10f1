/**
 * Payment channels of the x402 `batch-settlement` scheme: what is signed, and the names that follow from it.
 * Digests are computed word by word, so that a server checks a voucher without a general encoder.
 */
import { tillInitCodeHash } from "@freehold/contracts/layout";
import { concatBytes, contractAddresses, defaultHashes, encodeWords, type Hashes, type Hex, toHex, utf8, type Word } from "@freehold/protocol";

/** Who pays whom, by which keys and with which notice. Its EIP-712 digest is the channel's id; lanes of one payer differ in `salt`. */
export interface ChannelConfig {
	readonly payer: Hex;
	/** Key that signs vouchers. */
	readonly payerAuthorizer: Hex;
	/** The gateway's till. */
	readonly receiver: Hex;
	/** Key that signs claims and refunds for the receiver. */
	readonly receiverAuthorizer: Hex;
	readonly token: Hex;
	/** Seconds between the start of the payer's exit and its end. */
	readonly withdrawDelay: number;
	readonly salt: Hex;
}

/** Cumulative: the receiver may have claimed up to `maxClaimableAmount` of the channel in all. */
export interface SignedVoucher {
	readonly channelId: Hex;
	readonly maxClaimableAmount: bigint;
	readonly signature: Hex;
}

/** A voucher and the total that is claimed of it. */
export interface ClaimEntry {
	readonly channelId: Hex;
	readonly maxClaimableAmount: bigint;
	readonly totalClaimed: bigint;
}

/** Bounds that `Channels` sets on the notice, in seconds. */
export const withdrawDelayBounds = { min: 900, max: 2_592_000 } as const;

export const channelTypes = {
	Voucher: [
		{ name: "channelId", type: "bytes32" },
		{ name: "maxClaimableAmount", type: "uint128" },
	],
	ReceiveWithAuthorization: [
		{ name: "from", type: "address" },
		{ name: "to", type: "address" },
		{ name: "value", type: "uint256" },
		{ name: "validAfter", type: "uint256" },
		{ name: "validBefore", type: "uint256" },
		{ name: "nonce", type: "bytes32" },
	],
} as const;

const CONFIG_TYPE =
	"ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)";
const CLAIM_ENTRY_TYPE = "ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)";
const typeHash = (text: string): Uint8Array => defaultHashes.keccak256(utf8(text));

const DOMAIN_HASH = typeHash("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
const CHANNELS_NAME = typeHash("x402 Batch Settlement");
const CONFIG_HASH = typeHash(CONFIG_TYPE);
const VOUCHER_HASH = typeHash("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");
const REFUND_HASH = typeHash("Refund(bytes32 channelId,uint256 nonce,uint128 amount)");
const CLAIM_ENTRY_HASH = typeHash(CLAIM_ENTRY_TYPE);
const CLAIM_BATCH_HASH = typeHash(`ClaimBatch(ClaimEntry[] claims)${CLAIM_ENTRY_TYPE}`);
const VERSION_ONE = typeHash("1");

export function channelsDomain(chainId: number): { name: "x402 Batch Settlement"; version: "1"; chainId: number; verifyingContract: Hex } {
	return { name: "x402 Batch Settlement", version: "1", chainId, verifyingContract: contractAddresses.Channels };
}

const channelsSeparators = new Map<number, Uint8Array>();

function channelsSeparator(chainId: number): Uint8Array {
	const known = channelsSeparators.get(chainId);
	if (known !== undefined) return known;
	const separator = defaultHashes.keccak256(encodeWords([DOMAIN_HASH, CHANNELS_NAME, VERSION_ONE, chainId, contractAddresses.Channels]));
	if (channelsSeparators.size < 64) channelsSeparators.set(chainId, separator);
	return separator;
}

/** keccak256(0x1901 ‖ separator ‖ keccak256(words)). */
export function typedDigest(separator: Uint8Array, words: readonly Word[], hashes: Hashes): Uint8Array {
	const packed = new Uint8Array(66);
	packed[0] = 0x19;
	packed[1] = 0x01;
	packed.set(separator, 2);
	packed.set(hashes.keccak256(encodeWords(words)), 34);
	return hashes.keccak256(packed);
}

/** EIP-712 domain separator of a token with name, version, chain and address. */
export function tokenSeparator(token: { readonly name: string; readonly version: string; readonly address: Hex }, chainId: number, hashes: Hashes): Uint8Array {
	return hashes.keccak256(encodeWords([DOMAIN_HASH, hashes.keccak256(utf8(token.name)), hashes.keccak256(utf8(token.version)), chainId, token.address]));
}

/** Id of a channel on a chain. */
export function channelId(config: ChannelConfig, chainId: number, hashes: Hashes = defaultHashes): Hex {
	const { payer, payerAuthorizer, receiver, receiverAuthorizer, token, withdrawDelay, salt } = config;
	return toHex(
		typedDigest(channelsSeparator(chainId), [CONFIG_HASH, payer, payerAuthorizer, receiver, receiverAuthorizer, token, withdrawDelay, salt], hashes),
	);
}

/** What the payer's authorizer signs. */
export function voucherDigest(channel: Hex, maxClaimableAmount: bigint, chainId: number, hashes: Hashes = defaultHashes): Uint8Array {
	return typedDigest(channelsSeparator(chainId), [VOUCHER_HASH, channel, maxClaimableAmount], hashes);
}

/** What the receiver's authorizer signs to give back at once. */
export function refundDigest(channel: Hex, nonce: bigint, amount: bigint, chainId: number, hashes: Hashes = defaultHashes): Uint8Array {
	return typedDigest(channelsSeparator(chainId), [REFUND_HASH, channel, nonce, amount], hashes);
}

/** What the receiver's authorizer signs to claim many vouchers. */
export function claimBatchDigest(entries: readonly ClaimEntry[], chainId: number, hashes: Hashes = defaultHashes): Uint8Array {
	const encoded = entries.map((entry) => hashes.keccak256(encodeWords([CLAIM_ENTRY_HASH, entry.channelId, entry.maxClaimableAmount, entry.totalClaimed])));
	return typedDigest(channelsSeparator(chainId), [CLAIM_BATCH_HASH, hashes.keccak256(concatBytes(...encoded))], hashes);
}

/** Nonce of an EIP-3009 deposit: it commits to the channel, so that the deposit can go nowhere else. */
export function depositNonce(channel: Hex, salt: Hex, hashes: Hashes = defaultHashes): Hex {
	return toHex(hashes.keccak256(encodeWords([channel, salt])));
}

/** Salt of a lane: lanes of one payer are channels that differ in this only. Lane 0 is the reference client's default. */
export function laneSalt(lane: number): Hex {
	return toHex(encodeWords([lane]));
}

/** Where customers of a gateway pay: the CREATE2 address that `UsageLedger.till` gives. */
export function tillAddress(gateway: Hex, hashes: Hashes = defaultHashes): Hex {
	const words = encodeWords([contractAddresses.UsageLedger, gateway, tillInitCodeHash]);
	// 0xff ‖ deployer (20 bytes) ‖ salt ‖ code hash: the first word's padding is dropped.
	const packed = new Uint8Array(85);
	packed[0] = 0xff;
	packed.set(words.subarray(12), 1);
	return toHex(hashes.keccak256(packed).subarray(12));
}
