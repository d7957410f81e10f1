/**
 * The whole state after one consensus block, as a stream of records that another ledger can begin from. What it claims is checked against one hash that the
 * joining engine has proved: the hash of the newest EVM header. Header → state root → every account, slot and code; header → its parents.
 *
 * Not covered by that hash is the part below a second of the last EVM block's time. A wrong one makes the ledger stop at a later header that it cannot
 * reproduce; it never makes a wrong state.
 */
import { bigintToBytes, bytesToBigint, decodeEvmHeader, decodeRlp, type EvmHeader, encodeRlp, equalBytes, type RlpItem, rlpInteger } from "@freehold/protocol";
import { keccak256 } from "../state/keccak.js";
import type { AccountChange } from "../state/world-state.js";

/** Raised with every change of the records. */
export const SNAPSHOT_FORMAT = 1;
/** Headers before the newest: as far as BLOCKHASH reaches. */
export const SNAPSHOT_PARENTS = 256n;
/** Slots in one record. */
export const SLOTS_PER_RECORD = 1_000;

const KINDS = { progress: 0, header: 1, body: 2, code: 3, account: 4, slots: 5 } as const;

export interface SnapshotHead {
	readonly evmTimeNs: bigint;
	/** RLP of headers, the newest first. */
	readonly headers: readonly Uint8Array[];
	/** RLP of the newest block's body and receipts, as the store has them; undefined for a block without transactions. */
	readonly body: { readonly body: Uint8Array; readonly receipts: Uint8Array } | undefined;
}

export interface Snapshot extends SnapshotHead {
	readonly header: EvmHeader;
	readonly accounts: readonly AccountChange[];
	readonly codes: readonly { readonly hash: Uint8Array; readonly code: Uint8Array }[];
}

export interface SnapshotAccount {
	readonly address: Uint8Array;
	readonly nonce: bigint;
	readonly balance: bigint;
	readonly codeHash: Uint8Array;
}

export type SnapshotSlot = { readonly key: Uint8Array; readonly value: Uint8Array };

const record = (kind: number, ...items: readonly RlpItem[]): Uint8Array => {
	const encoded = encodeRlp([rlpInteger(BigInt(kind)), ...items]);
	return Buffer.concat([bigintToBytes(BigInt(encoded.length), 4), encoded]);
};

export const records = {
	progress: (evmTimeNs: bigint) => record(KINDS.progress, rlpInteger(evmTimeNs)),
	header: (rlp: Uint8Array) => record(KINDS.header, rlp),
	body: (body: Uint8Array, receipts: Uint8Array) => record(KINDS.body, body, receipts),
	code: (code: Uint8Array) => record(KINDS.code, code),
	account: ({ address, nonce, balance, codeHash }: SnapshotAccount) => record(KINDS.account, address, rlpInteger(nonce), rlpInteger(balance), codeHash),
	slots: (address: Uint8Array, slots: readonly SnapshotSlot[]) =>
		record(
			KINDS.slots,
			address,
			slots.map(({ key, value }) => [key, value]),
		),
} as const;

/** Throws `SyntaxError` for what is no snapshot whose newest header has this hash. The state root is checked where the tries are built. */
export function readSnapshot(chunks: readonly Uint8Array[], appHash: Uint8Array): Snapshot {
	const headers: Uint8Array[] = [];
	const codes: { readonly hash: Uint8Array; readonly code: Uint8Array }[] = [];
	const accounts = new Map<string, { readonly address: Uint8Array; readonly state: AccountChange["state"]; readonly slots: SnapshotSlot[] }>();
	let evmTimeNs: bigint | undefined;
	let body: SnapshotHead["body"];
	for (const [kind, items] of recordsOf(chunks)) {
		if (kind === KINDS.progress) evmTimeNs = bytesToBigint(bytes(items[0], 0, 16));
		else if (kind === KINDS.header) headers.push(bytes(items[0], 1, 2_048));
		else if (kind === KINDS.body) body = { body: bytes(items[0]), receipts: bytes(items[1]) };
		else if (kind === KINDS.code) {
			const code = bytes(items[0]);
			codes.push({ hash: keccak256(code), code });
		} else if (kind === KINDS.account) {
			const address = bytes(items[0], 20, 20);
			const name = nameOf(address);
			if (accounts.has(name)) throw new SyntaxError("an account comes twice");
			const state = { nonce: bytesToBigint(bytes(items[1], 0, 8)), balance: bytes(items[2], 0, 32), codeHash: bytes(items[3], 32, 32) };
			accounts.set(name, { address, state, slots: [] });
		} else if (kind === KINDS.slots) {
			const account = accounts.get(nameOf(bytes(items[0], 20, 20)));
			if (account === undefined) throw new SyntaxError("slots come before their account");
			for (const item of list(items[1])) {
				const [key, value] = list(item);
				const padded = new Uint8Array(32);
				const short = bytes(value, 1, 32);
				padded.set(short, 32 - short.length);
				account.slots.push({ key: bytes(key, 32, 32), value: padded });
			}
		} else throw new SyntaxError(`there is no record of kind ${kind}`);
	}
	const [newest] = headers;
	if (evmTimeNs === undefined || newest === undefined) throw new SyntaxError("the beginning is missing");
	const header = decodeEvmHeader(newest);
	requireChain(headers, appHash);
	if (evmTimeNs / 1_000_000_000n !== header.timestamp) throw new SyntaxError("the time is not the newest block's");
	return { evmTimeNs, headers, body, header, codes, accounts: [...accounts.values()].map((account) => ({ ...account, wiped: false })) };
}

function requireChain(headers: readonly Uint8Array[], appHash: Uint8Array): void {
	let expected = appHash;
	for (const rlp of headers) {
		if (!equalBytes(keccak256(rlp), expected)) throw new SyntaxError("a header is not the one that was proved");
		expected = decodeEvmHeader(rlp).parentHash;
	}
}

function* recordsOf(chunks: readonly Uint8Array[]): Iterable<readonly [number, readonly RlpItem[]]> {
	for (const chunk of chunks) {
		for (let at = 0; at < chunk.length; ) {
			const length = Number(bytesToBigint(chunk.subarray(at, at + 4)));
			if (at + 4 + length > chunk.length) throw new SyntaxError("a record does not end in its chunk");
			const [kind, ...items] = list(decodeRlp(chunk.subarray(at + 4, at + 4 + length)));
			yield [Number(bytesToBigint(bytes(kind, 0, 1))), items];
			at += 4 + length;
		}
	}
}

function bytes(item: RlpItem | undefined, least = 0, most = Number.POSITIVE_INFINITY): Uint8Array {
	if (!(item instanceof Uint8Array) || item.length < least || item.length > most) throw new SyntaxError("a record is not spelled as snapshots are");
	return item;
}

function list(item: RlpItem | undefined): readonly RlpItem[] {
	if (item === undefined || item instanceof Uint8Array) throw new SyntaxError("a record is not spelled as snapshots are");
	return item;
}

const nameOf = (address: Uint8Array): string => Buffer.from(address).toString("latin1");
