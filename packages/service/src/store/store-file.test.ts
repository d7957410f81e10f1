/** What a store does about a file that is not as it was left: torn, cut off, changed, or of another time. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "./store.js";
import { sealValue, unsealValue } from "./store-file.js";

const RECORDS = 60;
const PAGE = 4096;
let folder: string;
let whole: string;
const expected: Record<string, string> = {};

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), "freehold-store-file-"));
	whole = join(folder, "whole");
	const store = openStore(whole, ["a"]);
	for (let index = 0; index < RECORDS; index++) {
		const value = new Uint8Array(900 + index).fill(index);
		expected[`k${index}`] = Buffer.from(value).toString("hex");
		await store.transact((writer) => writer.put("a", `k${index}`, value));
	}
	await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let copies = 0;
/** A copy of the store whose file `change` has spoilt. */
function spoilt(change: (data: string) => void): string {
	const copy = join(folder, `copy-${copies++}`);
	cpSync(whole, copy, { recursive: true });
	change(join(copy, "data.mdb"));
	return copy;
}

/** A process of its own: where the check fails, reading ends the process. */
function read(dir: string): { readonly found?: Record<string, string>; readonly code?: string } | string {
	const script = fileURLToPath(new URL("../../test/fixtures/read-all.mjs", import.meta.url));
	const { stdout, status, signal } = spawnSync(process.execPath, [script, dir], { encoding: "utf8" });
	return status === 0 ? (JSON.parse(stdout) as { readonly code?: string }) : `ended by ${signal ?? status}`;
}

describe("a file that was cut off", () => {
	it.each([1, PAGE, PAGE + 7, 20 * PAGE])("by %i bytes at its end is read whole or refused, and never ends the process", (bytes) => {
		const found = read(spoilt((data) => truncateSync(data, statSync(data).size - bytes)));
		expect([{ found: expected }, { code: "store.damaged" }]).toContainEqual(found);
	});

	it("to its first bytes is refused", () => {
		expect(read(spoilt((data) => truncateSync(data, 100)))).toEqual({ code: "store.damaged" });
	});
});

describe("a value", () => {
	it("that has changed by one bit is refused", () => {
		const changed = spoilt((data) => {
			const bytes = readFileSync(data);
			// All bytes of record 7's value are 7; several of them stand together nowhere else.
			const at = bytes.indexOf(Buffer.alloc(500, 7));
			bytes[at + 250] = 6;
			writeFileSync(data, bytes);
		});
		expect(read(changed)).toEqual({ code: "store.damaged" });
	});

	it("of any length comes back as it was, and not with one byte less or changed", () => {
		for (const length of [0, 1, 3, 4, 5, 1_000]) {
			const value = new Uint8Array(length).fill(length);
			const sealed = sealValue(value);
			expect(Buffer.compare(unsealValue(sealed), value)).toBe(0);
			expect(() => unsealValue(sealed.subarray(0, -1))).toThrow(/damaged/);
			sealed[0] = (sealed[0] ?? 0) ^ 1;
			expect(() => unsealValue(sealed)).toThrow(/damaged/);
		}
	});
});

describe("a folder of another time", () => {
	it("older than the stamp is refused, and is as it was afterwards", () => {
		const old = spoilt((data) => rmSync(join(data, "..", "format")));
		const before = readFileSync(join(old, "data.mdb"));
		expect(() => openStore(old, ["a"])).toThrow(`${old} holds data of format freehold-store 1, this program keeps freehold-store 2`);
		expect(readFileSync(join(old, "data.mdb")).equals(before)).toBe(true);
	});

	it("newer, or of another program, is refused, and is as it was afterwards", () => {
		for (const stamp of ["freehold-store 3\n", "freehold-ledger 2\n", "", "x".repeat(10_000)]) {
			const other = spoilt((data) => writeFileSync(join(data, "..", "format"), stamp));
			const before = readFileSync(join(other, "data.mdb"));
			expect(() => openStore(other, ["a"])).toThrow(/holds data of format/);
			expect(readFileSync(join(other, "data.mdb")).equals(before)).toBe(true);
		}
	});
});
