import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/execution-kit.js";
import { StateStore } from "./state-store.js";

let folder: ReturnType<typeof temporaryFolder>;
let store: StateStore;
const open = () => new StateStore({ dir: folder.dir, historyBlocks: 4, mapSizeBytes: 64 * 1024 ** 2 });
beforeEach(() => {
	folder = temporaryFolder();
	store = open();
});
afterEach(async () => {
	await store.close();
	folder.remove();
});

const bytes = (...values: readonly number[]) => Uint8Array.from(values);
const root = new Uint8Array(32).fill(7);
const commit = (number: bigint, tables: Parameters<StateStore["commit"]>[0]["tables"]) => store.commit({ number, root, changes: [], codes: [], tables });

describe("the tables of a store", () => {
	test("a write is read after its commit and after a restart; undefined deletes", async () => {
		await commit(0n, [
			{ table: "block", key: bytes(1), value: bytes(10) },
			{ table: "meta", key: bytes(1), value: bytes(11) },
			{ table: "log", key: bytes(0), value: new Uint8Array(0) },
		]);
		expect(store.get("block", bytes(1))).toEqual(bytes(10));
		expect(store.get("meta", bytes(1))).toEqual(bytes(11));
		expect(store.get("log", bytes(0))).toEqual(new Uint8Array(0));
		expect(store.get("consensus", bytes(1))).toBeUndefined();
		await store.commitTables([{ table: "block", key: bytes(1), value: undefined }]);
		await store.close();
		store = open();
		expect(store.get("block", bytes(1))).toBeUndefined();
		expect(store.head).toEqual({ number: 0n, stateRoot: root });
	});

	test("a scan gives what lies between its bounds, in either order, however long it is", async () => {
		const key = (index: number) => bytes(index >> 8, index & 255);
		await commit(
			0n,
			Array.from({ length: 1000 }, (_, index) => ({ table: "log" as const, key: key(index), value: key(index) })),
		);
		const scan = (start: number, end: number, options = {}) =>
			[...store.scan("log", key(start), key(end), options)].map(({ value }) => (value[0] ?? 0) * 256 + (value[1] ?? 0));
		const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
		expect(scan(0, 1000)).toEqual(range(0, 1000));
		expect(scan(5, 700)).toEqual(range(5, 700));
		expect(scan(5, 700, { reverse: true })).toEqual(range(5, 700).reverse());
		expect(scan(5, 700, { limit: 300 })).toEqual(range(5, 305));
		expect(scan(5, 700, { reverse: true, limit: 2 })).toEqual([699, 698]);
		expect(scan(7, 7)).toEqual([]);
		expect(scan(8, 7)).toEqual([]);
		expect(scan(999, 5000, { reverse: true })).toEqual([999]);
	});

	test("a scan may go on while blocks are committed", async () => {
		await commit(
			0n,
			Array.from({ length: 600 }, (_, index) => ({ table: "log" as const, key: bytes(index >> 8, index & 255), value: bytes(1) })),
		);
		let seen = 0;
		for (const _ of store.scan("log", bytes(0), bytes(255))) {
			seen++;
			if (seen % 250 === 0) await commit(BigInt(seen), [{ table: "meta", key: bytes(seen & 255), value: bytes(1) }]);
		}
		expect(seen).toBe(600);
	});

	test("a second writer's block is not written over", async () => {
		await commit(0n, []);
		const second = open();
		await second.commit({ number: 1n, root, changes: [], codes: [], tables: [] });
		await expect(commit(1n, [{ table: "meta", key: bytes(1), value: bytes(1) }])).rejects.toThrow("another process has written");
		expect(second.get("meta", bytes(1))).toBeUndefined();
		await second.close();
	});

	test("a failing write leaves nothing of its block", async () => {
		await commit(0n, []);
		const tooLong = new Uint8Array(5000);
		await expect(
			commit(1n, [
				{ table: "meta", key: bytes(1), value: bytes(1) },
				{ table: "meta", key: tooLong, value: bytes(1) },
			]),
		).rejects.toThrow();
		expect(store.head?.number).toBe(0n);
		expect(store.get("meta", bytes(1))).toBeUndefined();
		await commit(1n, [{ table: "meta", key: bytes(2), value: bytes(2) }]);
		expect(store.get("meta", bytes(2))).toEqual(bytes(2));
	});
});
