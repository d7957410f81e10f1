/** Writing a snapshot: everything is read from one view of the store, in slices between which blocks go on. */
import { createHash } from "node:crypto";
import { concatBytes } from "@freehold/protocol";
import { readProgress } from "../application/progress.js";
import { ChainStore } from "../block/chain-store.js";
import { decodeAccount, EMPTY_CODE_HASH } from "../state/account.js";
import type { StateStore } from "../state/state-store.js";
import { records, SLOTS_PER_RECORD, SNAPSHOT_PARENTS, type SnapshotSlot } from "./snapshot.js";

/** Half of what the engine takes as one message. */
export const CHUNK_BYTES = 8 * 1024 * 1024;
/** Accounts between two breaths. */
const SLICE = 256;

export interface TakenSnapshot {
	/** Consensus height whose state it is. */
	readonly height: bigint;
	/** SHA-256 of each chunk, joined. */
	readonly digests: Uint8Array;
}

/** `view` does not move while this runs. Each chunk is given away as soon as it is full. Undefined before the first block. */
export async function takeSnapshot(
	view: StateStore,
	write: (index: number, chunk: Uint8Array) => Promise<void>,
	breathe: () => Promise<void>,
): Promise<TakenSnapshot | undefined> {
	const progress = readProgress(view);
	const head = view.head;
	if (progress === undefined || progress.height === 0n || head === undefined) return undefined;
	const digests: Uint8Array[] = [];
	let parts: Uint8Array[] = [];
	let size = 0;
	const flush = async (): Promise<void> => {
		if (size === 0) return;
		const chunk = concatBytes(...parts);
		digests.push(sha256(chunk));
		await write(digests.length - 1, chunk);
		parts = [];
		size = 0;
	};
	const add = async (record: Uint8Array): Promise<void> => {
		if (size + record.length > CHUNK_BYTES) await flush();
		parts.push(record);
		size += record.length;
	};
	await add(records.progress(progress.evmTimeNs));
	const tables = ChainStore.tablesOf(view);
	for (let number = head.number; number >= 0n && head.number - number <= SNAPSHOT_PARENTS; number--) {
		const header = tables.headerRlp(number);
		if (header === undefined) break;
		await add(records.header(header));
	}
	const body = tables.body(head.number);
	if (body !== undefined) await add(records.body(body.body, body.receipts));
	const codes = new Set<string>();
	let count = 0;
	for (const { key: address, value } of view.accounts()) {
		const { nonce, balance, codeHash } = decodeAccount(value);
		await add(records.account({ address, nonce, balance, codeHash }));
		const name = Buffer.from(codeHash).toString("hex");
		if (Buffer.compare(codeHash, EMPTY_CODE_HASH) !== 0 && !codes.has(name)) {
			codes.add(name);
			const code = view.code(codeHash);
			if (code === undefined) throw new Error(`the store lacks the code ${name}`);
			await add(records.code(code));
		}
		let slots: SnapshotSlot[] = [];
		for (const { key, value: slot } of view.slots(address)) {
			slots.push({ key: key.slice(20), value: slot.slice() });
			if (slots.length < SLOTS_PER_RECORD) continue;
			await add(records.slots(address, slots));
			slots = [];
			await breathe();
		}
		if (slots.length > 0) await add(records.slots(address, slots));
		if (++count % SLICE === 0) await breathe();
	}
	await flush();
	return { height: progress.height, digests: concatBytes(...digests) };
}

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
