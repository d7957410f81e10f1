import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { utf8 } from "@freehold/protocol";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { folderHolder } from "./folder-lock.js";
import { type DurableStore, openStore, translate } from "./store.js";

type Table = "a" | "ab";

let folder: string;
let open: DurableStore<Table>[] = [];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "freehold-store-"));
});
afterEach(async () => {
	await Promise.all(open.map((store) => store.close()));
	open = [];
	rmSync(folder, { recursive: true, force: true });
});

function openHere(): DurableStore<Table> {
	const store = openStore(folder, ["a", "ab"]);
	open.push(store);
	return store;
}

const text = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : Buffer.from(bytes).toString("utf8"));
const put = (store: DurableStore<Table>, table: Table, key: string, value: string): Promise<void> =>
	store.transact((writer) => writer.put(table, key, utf8(value)));

describe("a transaction", () => {
	it("is there after the store was closed and opened again", async () => {
		const store = openHere();
		await put(store, "a", "k", "v");
		await store.close();
		open = [];
		expect(text(openHere().get("a", "k"))).toBe("v");
	});

	it("whose work throws writes nothing", async () => {
		const store = openHere();
		const failing = store.transact((writer) => {
			writer.put("a", "k", utf8("v"));
			throw new Error("changed my mind");
		});
		const other = put(store, "a", "other", "v");
		await expect(failing).rejects.toThrow("changed my mind");
		await other;
		expect(store.get("a", "k")).toBeUndefined();
		expect(text(store.get("a", "other"))).toBe("v");
	});

	it("sees its own writes and those of transactions before it, while readers see only what is on disk", async () => {
		const store = openHere();
		const results = [
			store.transact((writer) => {
				writer.put("a", "n", utf8("1"));
				return text(writer.get("a", "n"));
			}),
			store.transact((writer) => {
				const seen = text(writer.get("a", "n"));
				writer.remove("a", "n");
				return [seen, writer.get("a", "n")];
			}),
			store.transact((writer) => writer.get("a", "n")),
		];
		expect(store.get("a", "n")).toBeUndefined();
		expect(await Promise.all(results)).toEqual(["1", ["1", undefined], undefined]);
	});

	it("counts exactly under many at once", async () => {
		const store = openHere();
		const lanes = Array.from({ length: 20 }, async () => {
			for (let index = 0; index < 25; index++) {
				await store.transact((writer) => writer.put("a", "n", utf8(String(Number(text(writer.get("a", "n")) ?? 0) + 1))));
			}
		});
		await Promise.all(lanes);
		expect(text(store.get("a", "n"))).toBe("500");
	});

	it("keeps the bytes it was given, whatever the caller does to them later", async () => {
		const store = openHere();
		const value = utf8("before");
		const done = store.transact((writer) => writer.put("a", "k", value));
		value.fill(0);
		await done;
		expect(text(store.get("a", "k"))).toBe("before");
	});

	it("after close is refused", async () => {
		const store = openHere();
		await store.close();
		await expect(put(store, "a", "k", "v")).rejects.toThrow(/closed/);
	});

	it("on its way when the store closes is finished first", async () => {
		const store = openHere();
		const writing = put(store, "a", "k", "v");
		await store.close();
		await writing;
		open = [];
		expect(text(openHere().get("a", "k"))).toBe("v");
	});
});

describe("a scan", () => {
	it("gives a table's entries in byte order, and no other table's", async () => {
		const store = openHere();
		const keys = ["", "a", "b", "ba", "z", "ä", "😀"];
		await store.transact((writer) => {
			for (const key of [...keys].reverse()) writer.put("a", key, utf8(key));
			writer.put("ab", "x", utf8("x"));
		});
		const scan = (range: Parameters<typeof store.scan>[1]): string[] => [...store.scan("a", range)].map(({ key }) => key);
		expect(scan({})).toEqual(keys);
		expect(scan({ start: "b", end: "z" })).toEqual(["b", "ba"]);
		expect(scan({ start: "b", end: "z", reverse: true })).toEqual(["ba", "b"]);
		expect(scan({ reverse: true, limit: 2 })).toEqual(["😀", "ä"]);
		expect(scan({ end: "b" })).toEqual(["", "a"]);
		expect(scan({ start: "b", limit: 1 })).toEqual(["b"]);
	});

	it("agrees with a sorted map after any sequence of changes", async () => {
		const store = openHere();
		const model = new Map<string, string>();
		const key = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
		const change = fc.record({ key, value: fc.option(fc.string(), { nil: undefined }) });
		await fc.assert(
			fc.asyncProperty(fc.array(change, { maxLength: 20 }), key, key, async (changes, start, end) => {
				await store.transact((writer) => {
					for (const { key: name, value } of changes) {
						if (value === undefined) writer.remove("a", name);
						else writer.put("a", name, utf8(value));
					}
				});
				for (const { key: name, value } of changes) {
					if (value === undefined) model.delete(name);
					else model.set(name, value);
				}
				const inRange = (name: string): boolean =>
					Buffer.compare(Buffer.from(name), Buffer.from(start)) >= 0 && Buffer.compare(Buffer.from(name), Buffer.from(end)) < 0;
				const expected = [...model].filter(([name]) => inRange(name)).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
				const found = [...store.scan("a", { start, end })].map(({ key: name, value }) => [name, text(value)]);
				expect(found).toEqual(expected);
				expect([...store.scan("a", { start, end, reverse: true })].map(({ key: name, value }) => [name, text(value)])).toEqual(expected.reverse());
			}),
			{ numRuns: 60 },
		);
	});
});

describe("a folder", () => {
	it("belongs to one store at a time", async () => {
		const store = openHere();
		expect(() => openStore(folder, ["a"])).toThrow(`${folder} is in use by process ${process.pid}`);
		await store.close();
		openHere();
	});

	it("says who has it", async () => {
		expect(folderHolder(folder)).toBeUndefined();
		const store = openHere();
		expect(folderHolder(folder)).toBe(process.pid);
		await store.close();
		expect(folderHolder(folder)).toBeUndefined();
		writeFileSync(join(folder, "lock"), JSON.stringify({ pid: process.pid, began: "another time" }));
		expect(folderHolder(folder)).toBeUndefined();
	});

	it("locked by a process that has ended is free, also when its number was given to another", () => {
		writeFileSync(join(folder, "lock"), JSON.stringify({ pid: 2 ** 22 + 1, began: "1" }));
		openHere();
		open = [];
		const second = mkdtempSync(join(folder, "second-"));
		writeFileSync(join(second, "lock"), JSON.stringify({ pid: process.pid, began: "another time" }));
		open.push(openStore<Table>(second, ["a", "ab"]));
	});
});

describe("kill -9", () => {
	it("loses nothing that was promised, and never half a transaction", async () => {
		const script = fileURLToPath(new URL("../../test/fixtures/write-until-killed.mjs", import.meta.url));
		for (const promises of [1, 50, 400]) {
			const child = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "inherit"] });
			const ended = new Promise((resolve) => child.once("exit", resolve));
			const promised: string[] = [];
			for await (const line of createInterface({ input: child.stdout })) {
				promised.push(line);
				if (promised.length === promises) child.kill("SIGKILL");
			}
			await ended;
			const store = openStore(folder, ["left", "right"]);
			try {
				for (const key of promised) expect(text(store.get("left", key))).toBe(key);
				const left = [...store.scan("left", {})].map(({ key }) => key);
				expect([...store.scan("right", {})].map(({ key }) => key)).toEqual(left);
			} finally {
				await store.close();
			}
		}
	});
});

describe("a full disk", () => {
	const small = (): boolean => {
		try {
			execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], { stdio: "ignore" });
			return true;
		} catch {
			return false;
		}
	};

	it("is told as store.full before the work runs; what was there stays, and writing works again once there is room (needs the right to mount)", async (context) => {
		if (!small()) context.skip("cannot mount a small file system here");
		try {
			const ballast = join(folder, "ballast");
			const store = openStore(folder, ["a"]);
			let runs = 0;
			const big = (key: string): Promise<void> =>
				store.transact((writer) => {
					runs += 1;
					writer.put("a", key, new Uint8Array(20_000));
				});
			await big("k0");
			writeFileSync(ballast, new Uint8Array(13_000_000));
			const outcomes = await Promise.allSettled([big("x"), big("y"), big("z")]);
			expect(outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : "written"))).toEqual(
				outcomes.map(() => expect.objectContaining({ code: "store.full", detail: { path: folder } })),
			);
			expect([runs, store.get("a", "k0")?.length, store.get("a", "x")]).toEqual([1, 20_000, undefined]);
			rmSync(ballast);
			await big("again");
			expect(store.get("a", "again")?.length).toBe(20_000);
			await store.close();
		} finally {
			execFileSync("umount", ["--lazy", folder]);
		}
	});

	it("found out by a commit ends the store: nobody can tell what its callers hold in memory, and one that is opened anew can (needs the right to mount)", async (context) => {
		if (!small()) context.skip("cannot mount a small file system here");
		try {
			const told: unknown[] = [];
			const store = openStore(folder, ["a"], { onFailure: (error) => told.push(error) });
			await store.transact((writer) => writer.put("a", "before", utf8("v")));
			const first = store.transact((writer) => writer.put("a", "big", new Uint8Array(6_000_000)));
			const second = Promise.resolve().then(() => store.transact((writer) => writer.put("a", "meanwhile", utf8("v"))));
			const outcomes = await Promise.allSettled([first, second]);
			expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
			await expect(store.transact((writer) => writer.put("a", "small", utf8("v")))).rejects.toMatchObject({
				code: "store.failed",
				cause: { code: "store.full" },
			});
			expect(told).toEqual([expect.objectContaining({ code: "store.failed" })]);
			expect(text(store.get("a", "before"))).toBe("v");
			await store.close();
			const again = openStore(folder, ["a"]);
			expect(["before", "big", "meanwhile", "small"].map((key) => text(again.get("a", key)))).toEqual(["v", undefined, undefined, undefined]);
			await again.transact((writer) => writer.put("a", "small", utf8("v")));
			await again.close();
		} finally {
			execFileSync("umount", ["--lazy", folder]);
		}
	});

	it("is recognised in every spelling", () => {
		const codes = [
			Object.assign(new Error("x"), { code: "ENOSPC" }),
			Object.assign(new Error("x"), { code: 28 }),
			new Error("MDB_MAP_FULL: Environment mapsize limit reached"),
		];
		for (const cause of codes) expect(translate(new Error("Commit failed", { cause }), "/data")).toMatchObject({ code: "store.full" });
		const other = new Error("other");
		expect(translate(other, "/data")).toBe(other);
	});
});
