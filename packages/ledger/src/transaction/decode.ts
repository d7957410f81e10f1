/**
 * Transactions from their bytes: EIP-2718 envelopes of type 1 (EIP-2930), 2 (EIP-1559) and 4 (EIP-7702), and legacy ones with and without EIP-155.
 * Strict: one spelling per transaction, low s (EIP-2), fields within their widths. Blob transactions (EIP-4844) are refused.
 */
import { type Crypto, decodeRlp, encodeRlp, type Hex, limits, type RlpItem } from "@freehold/protocol";
import type { AccessListItem, Authorization } from "../execution/types.js";
import { keccak256 } from "../state/keccak.js";
import { type Transaction, TransactionError } from "./transaction.js";

type Recover = Pick<Crypto, "recover">;

const EMPTY = new Uint8Array(0);
const HALF_ORDER = Buffer.from("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0", "hex");
const MAX_NONCE = 0xffff_ffff_ffff_fffen;

const badSignature = (): TransactionError => new TransactionError("invalid sender: invalid transaction v, r, s values");

/**
 * Transaction of its bytes, sender recovered unless given (by a store that recovered it before). Throws `TransactionError`. `chainId` is this chain's: anything
 * signed for another one is refused.
 */
export function decodeTransaction(raw: Uint8Array, chainId: bigint, crypto: Recover, sender?: Uint8Array): Transaction {
	if (raw.length > limits.transactionBytes) {
		throw new TransactionError(`oversized data: transaction size ${raw.length}, limit ${limits.transactionBytes}`);
	}
	const first = raw[0];
	if (first === undefined) throw new TransactionError("typed transaction too short");
	if (first >= 0xc0) return legacy(raw, chainId, crypto, sender);
	if (first === 1 || first === 2 || first === 4) return typed(raw, first, chainId, crypto, sender);
	throw new TransactionError(first === 3 ? "transaction type not supported: this chain has no blobs (EIP-4844)" : "transaction type not supported");
}

function legacy(raw: Uint8Array, chainId: bigint, crypto: Recover, sender: Uint8Array | undefined): Transaction {
	const fields = listOf(raw, 9);
	const v = integer(fields[6], 8, "v");
	const isProtected = v !== 27n && v !== 28n;
	if (isProtected && v < 35n) throw badSignature();
	const signedFor = isProtected ? (v - 35n) / 2n : undefined;
	if (signedFor !== undefined) checkChain(signedFor, chainId);
	const parity = isProtected ? Number((v - 35n) % 2n) : Number(v - 27n);
	const r = scalar(fields[7]);
	const s = scalar(fields[8]);
	// The signed text is the list without its last three fields, followed under EIP-155 by (chain id, 0, 0).
	const body = unsignedBody(raw, 0, fields);
	const suffix = signedFor === undefined ? EMPTY : encodeRlp([minimal(signedFor), EMPTY, EMPTY]).subarray(1);
	const gasPrice = integer(fields[1], 32, "gas price");
	return complete(raw, crypto, sender, {
		type: 0,
		chainId: signedFor,
		nonce: nonce(fields[0]),
		maxFeePerGas: gasPrice,
		maxPriorityFeePerGas: 0n,
		gasLimit: integer(fields[2], 8, "gas limit"),
		to: recipient(fields[3]),
		value: integer(fields[4], 32, "value"),
		data: bytes(fields[5], "data"),
		accessList: [],
		authorizationList: [],
		v,
		r,
		s,
		parity,
		digest: () => keccak256(listWith(EMPTY, body, suffix)),
	});
}

function typed(raw: Uint8Array, type: 1 | 2 | 4, chainId: bigint, crypto: Recover, sender: Uint8Array | undefined): Transaction {
	const fields = listOf(raw.subarray(1), type === 1 ? 11 : type === 2 ? 12 : 13);
	const signedFor = integer(fields[0], 32, "chain id");
	checkChain(signedFor, chainId);
	const [tip, fee] = type === 1 ? [0n, integer(fields[2], 32, "gas price")] : [integer(fields[2], 32, "max priority fee"), integer(fields[3], 32, "max fee")];
	const at = type === 1 ? 3 : 4;
	const to = recipient(fields[at + 1]);
	if (type === 4 && to === undefined) throw new TransactionError("set code transaction must not be a create transaction");
	const signature = fields.length - 3;
	const v = integer(fields[signature], 8, "y parity");
	if (v > 1n) throw badSignature();
	return complete(raw, crypto, sender, {
		type,
		chainId: signedFor,
		nonce: nonce(fields[1]),
		maxFeePerGas: fee,
		maxPriorityFeePerGas: tip,
		gasLimit: integer(fields[at], 8, "gas limit"),
		to,
		value: integer(fields[at + 2], 32, "value"),
		data: bytes(fields[at + 3], "data"),
		accessList: accessList(fields[at + 4]),
		authorizationList: type === 4 ? authorizations(fields[at + 5], crypto) : [],
		v,
		r: scalar(fields[signature + 1]),
		s: scalar(fields[signature + 2]),
		parity: Number(v),
		digest: () => keccak256(listWith(raw.subarray(0, 1), unsignedBody(raw, 1, fields), EMPTY)),
	});
}

type Parts = Omit<Transaction, "raw" | "hash" | "id" | "sender" | "from"> & { readonly parity: number; readonly digest: () => Uint8Array };

function complete(raw: Uint8Array, crypto: Recover, known: Uint8Array | undefined, parts: Parts): Transaction {
	const { parity, digest, ...fields } = parts;
	const sender = known ?? recoverSigner(digest(), parity, fields.r, fields.s, crypto);
	if (sender === undefined) throw badSignature();
	const hash = keccak256(raw);
	return { ...fields, raw, hash, id: hexOf(hash), sender, from: hexOf(sender) };
}

/** Signer's address, or undefined: for high s (EIP-2), zero scalars, and points that do not exist. */
function recoverSigner(digest: Uint8Array, parity: number, r: Uint8Array, s: Uint8Array, crypto: Recover): Uint8Array | undefined {
	if (parity > 1 || r.length === 0 || s.length === 0) return undefined;
	const signature = new Uint8Array(65);
	signature.set(r, 32 - r.length);
	signature.set(s, 64 - s.length);
	if (HALF_ORDER.compare(signature, 32, 64) < 0) return undefined;
	signature[64] = 27 + parity;
	return crypto.recover(digest, signature);
}

function checkChain(signedFor: bigint, chainId: bigint): void {
	if (signedFor !== chainId) throw new TransactionError(`invalid sender: invalid chain id for signer: have ${signedFor} want ${chainId}`);
}

/** The encoded fields before the signature: everything after the list's own prefix, less the last three items. */
function unsignedBody(raw: Uint8Array, envelope: number, fields: readonly RlpItem[]): Uint8Array {
	const first = raw[envelope] as number;
	const start = envelope + 1 + (first > 0xf7 ? first - 0xf7 : 0);
	let end = raw.length;
	for (const item of fields.slice(-3)) {
		const value = bytes(item, "signature");
		end -= value.length === 1 && (value[0] as number) < 0x80 ? 1 : 1 + value.length;
	}
	return raw.subarray(start, end);
}

/** `prefix ‖ RLP list whose payload is body ‖ suffix`. */
function listWith(prefix: Uint8Array, body: Uint8Array, suffix: Uint8Array): Uint8Array {
	const length = body.length + suffix.length;
	const size = length < 56 ? EMPTY : minimal(BigInt(length));
	const text = new Uint8Array(prefix.length + 1 + size.length + length);
	text.set(prefix);
	text[prefix.length] = length < 56 ? 0xc0 + length : 0xf7 + size.length;
	text.set(size, prefix.length + 1);
	text.set(body, text.length - length);
	text.set(suffix, text.length - suffix.length);
	return text;
}

function listOf(encoded: Uint8Array, length: number): readonly RlpItem[] {
	let item: RlpItem;
	try {
		item = decodeRlp(encoded);
	} catch (cause) {
		throw new TransactionError(`rlp: ${cause instanceof Error ? cause.message : "malformed"}`);
	}
	if (item instanceof Uint8Array) throw new TransactionError("rlp: expected input list for transaction");
	if (item.length !== length) throw new TransactionError(`rlp: a transaction of this type has ${length} fields, given ${item.length}`);
	return item;
}

function bytes(item: RlpItem | undefined, name: string): Uint8Array {
	if (item instanceof Uint8Array) return item;
	throw new TransactionError(`rlp: expected input string or byte for ${name}`);
}

/** Canonical unsigned integer of at most `width` bytes. */
function integer(item: RlpItem | undefined, width: number, name: string): bigint {
	const value = bytes(item, name);
	if (value.length > width) throw new TransactionError(`rlp: input string too long for ${name}`);
	if (value[0] === 0) throw new TransactionError(`rlp: non-canonical integer (leading zero bytes) for ${name}`);
	return integerOf(value);
}

/** Integer of big-endian bytes; short ones, the common case, without a detour over text. */
export function integerOf(value: Uint8Array): bigint {
	if (value.length > 6) return BigInt(hexOf(value));
	let number = 0;
	for (let index = 0; index < value.length; index++) number = number * 256 + (value[index] as number);
	return BigInt(number);
}

function nonce(item: RlpItem | undefined): bigint {
	const value = integer(item, 8, "nonce");
	if (value > MAX_NONCE) throw new TransactionError("nonce has max value");
	return value;
}

function scalar(item: RlpItem | undefined): Uint8Array {
	const value = bytes(item, "signature");
	if (value.length > 32 || value[0] === 0) throw badSignature();
	return value;
}

function recipient(item: RlpItem | undefined): Uint8Array | undefined {
	const value = bytes(item, "to");
	if (value.length === 0) return undefined;
	return fixed(value, 20, "to");
}

function fixed(item: RlpItem | undefined, length: number, name: string): Uint8Array {
	const value = bytes(item, name);
	if (value.length !== length) throw new TransactionError(`rlp: ${name} must have ${length} bytes, given ${value.length}`);
	return value;
}

function list(item: RlpItem | undefined, name: string): readonly RlpItem[] {
	if (item === undefined || item instanceof Uint8Array) throw new TransactionError(`rlp: expected list for ${name}`);
	return item;
}

function accessList(item: RlpItem | undefined): readonly AccessListItem[] {
	return list(item, "access list").map((entry) => {
		const [address, keys, ...rest] = list(entry, "access list entry");
		if (rest.length > 0) throw new TransactionError("rlp: an access list entry has two fields");
		return { address: fixed(address, 20, "access list address"), storageKeys: list(keys, "storage keys").map((key) => fixed(key, 32, "storage key")) };
	});
}

function authorizations(item: RlpItem | undefined, crypto: Recover): readonly Authorization[] {
	const entries = list(item, "authorization list");
	if (entries.length === 0) throw new TransactionError("set code transaction must have at least one authorization tuple");
	return entries.map((entry) => {
		const fields = list(entry, "authorization");
		if (fields.length !== 6) throw new TransactionError("rlp: an authorization has six fields");
		return new SignedAuthorization(
			{
				chainId: integer(fields[0], 32, "authorization chain id"),
				address: fixed(fields[1], 20, "authorization address"),
				nonce: integer(fields[2], 8, "authorization nonce"),
				yParity: integer(fields[3], 1, "authorization y parity"),
				r: integer(fields[4], 32, "authorization r"),
				s: integer(fields[5], 32, "authorization s"),
			},
			crypto,
		);
	});
}

export interface AuthorizationFields {
	readonly chainId: bigint;
	readonly address: Uint8Array;
	readonly nonce: bigint;
	readonly yParity: bigint;
	readonly r: bigint;
	readonly s: bigint;
}

/** EIP-7702 tuple. The authority is recovered when it is first asked for: a transaction that is refused for its funds or gas never costs that. */
export class SignedAuthorization implements Authorization {
	readonly chainId: bigint;
	readonly address: Uint8Array;
	readonly nonce: bigint;
	readonly yParity: bigint;
	readonly r: Uint8Array;
	readonly s: Uint8Array;
	readonly #crypto: Recover;
	#authority: { readonly address: Uint8Array | undefined } | undefined;

	constructor(fields: AuthorizationFields, crypto: Recover) {
		this.chainId = fields.chainId;
		this.address = fields.address;
		this.nonce = fields.nonce;
		this.yParity = fields.yParity;
		this.r = minimal(fields.r);
		this.s = minimal(fields.s);
		this.#crypto = crypto;
	}

	get authority(): Uint8Array | undefined {
		if (this.#authority === undefined) {
			const text = encodeRlp([minimal(this.chainId), this.address, minimal(this.nonce)]);
			const message = new Uint8Array(1 + text.length);
			message[0] = 5;
			message.set(text, 1);
			this.#authority = { address: recoverSigner(keccak256(message), Number(this.yParity), this.r, this.s, this.#crypto) };
		}
		return this.#authority.address;
	}
}

function minimal(value: bigint): Uint8Array {
	if (value === 0n) return EMPTY;
	const text = value.toString(16);
	return Uint8Array.from(Buffer.from(text.length % 2 === 0 ? text : `0${text}`, "hex"));
}

/** Lower-case 0x hex through the runtime's own encoder: several times faster than a loop for 20 bytes and more. */
export function hexOf(value: Uint8Array): Hex {
	return `0x${Buffer.from(value.buffer, value.byteOffset, value.length).toString("hex")}`;
}
