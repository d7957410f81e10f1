/** Accounts as the state trie holds them: RLP of nonce, balance, storage root and code hash (yellow paper, §4.1). */
import { bytesToBigint, decodeRlp, encodeRlp, rlpInteger } from "@freehold/protocol";
import type { AccountState } from "../execution/types.js";

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
	const [nonce, balance, storageRoot, codeHash] = decodeRlp(rlp) as readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
	return { nonce, balance, storageRoot, codeHash };
}

/** Without leading zero bytes. */
export function trimZeros(bytes: Uint8Array): Uint8Array {
	let start = 0;
	while (start < bytes.length && bytes[start] === 0) start++;
	return bytes.subarray(start);
}
