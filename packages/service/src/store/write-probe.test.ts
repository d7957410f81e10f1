import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeProbe } from "./write-probe.js";

let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "freehold-probe-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("says nothing while the folder takes writes, and leaves nothing behind", async () => {
	expect(await writeProbe(folder, { ticks: () => 0 })()).toBeUndefined();
	expect(readdirSync(folder)).toEqual([]);
});

it("names the reason when it does not, and looks again only after a while", async () => {
	let now = 0;
	const probe = writeProbe(join(folder, "gone"), { everyMs: 100, ticks: () => now });
	expect(await probe()).toBe("ENOENT");
	now = 99;
	const remembered = probe();
	expect(probe()).toBe(remembered);
	now = 100;
	expect(probe()).not.toBe(remembered);
});
