/** Accounts as the state trie holds them: RLP of nonce, balance, storage root and code hash (yellow paper, §4.1). */
import { bytesToBigint, decodeRlp, encodeRlp, type RlpItem, rlpInteger } from "@freehold/protocol";
import type { AccountState } from "../execution/types.js";
import { RecordError } from "./record-error.js";

/** Keccak-256 of no code. */
export const EMPTY_CODE_HASH: Uint8Array = Uint8Array.from(Buffer.from("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470", "hex"));

/** RLP of an account. `balance` is big-endian, any length. */
export function encodeAccount(nonce: bigint, balance: Uint8Array, storageRoot: Uint8Array, codeHash: Uint8Array): Uint8Array {
	return encodeRlp([rlpInteger(nonce), trimZeros(balance), storageRoot, codeHash]);
}

/** Inverse of `encodeAccount`. */
export function decodeAccount(rlp: Uint8Array): AccountState {
	const { nonce, balance, storageRoot, codeHash } = accountFields(rlp);
	return { nonce: bytesToBigint(nonce), balance: bytesToBigint(balance), storageRoot, codeHash };
}

/** The four strings of an account, integers in shortest big-endian form. */
export function accountFields(rlp: Uint8Array): { nonce: Uint8Array; balance: Uint8Array; storageRoot: Uint8Array; codeHash: Uint8Array } {
	const item = decodeRlp(rlp);
	if (item instanceof Uint8Array || item.length !== 4) throw new RecordError("an account");
	const [nonce, balance, storageRoot, codeHash] = item;
	if (!isInteger(nonce, 8) || !isInteger(balance, 32) || !isHash(storageRoot) || !isHash(codeHash)) throw new RecordError("an account");
	return { nonce, balance, storageRoot, codeHash };
}

function isInteger(item: RlpItem | undefined, width: number): item is Uint8Array {
	return item instanceof Uint8Array && item.length <= width && item[0] !== 0;
}

function isHash(item: RlpItem | undefined): item is Uint8Array {
	return item instanceof Uint8Array && item.length === 32;
}

/** Without leading zero bytes. */
export function trimZeros(bytes: Uint8Array): Uint8Array {
	let start = 0;
	while (start < bytes.length && bytes[start] === 0) start++;
	return bytes.subarray(start);
}
