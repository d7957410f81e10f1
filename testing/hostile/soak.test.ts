/** Ten minutes of mixed load on a whole network, judged by its own report (`npm run soak`). In deep mode only. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { growth } from "../../bench/soak/slope.mjs";

const deep = process.env["FREEHOLD_DEEP"] === "1";
const script = fileURLToPath(new URL("../../bench/soak/soak.mjs", import.meta.url));

describe("a series", () => {
	const flat = (value: (index: number) => number): boolean => {
		const points = Array.from({ length: 120 }, (_, index) => ({ at: index * 5_000, value: value(index) }));
		return (growth as (points: unknown) => { readonly flat: boolean })(points).flat;
	};
	/** Neither chance nor rhythm, but uneven. */
	const breath = (index: number): number => 10 * Math.sin(index) + 7 * Math.sin(index * 2.7) + 5 * Math.cos(index * 0.31);

	it("that breathes is flat, one that leaks is not, and one that falls is", () => {
		expect(flat((index) => 100 + breath(index))).toBe(true);
		expect(flat((index) => 100 + breath(index) + 0.3 * index)).toBe(false);
		expect(flat((index) => 100 + breath(index) - 0.3 * index)).toBe(true);
	});
});

it.skipIf(!deep)("ten minutes of mixed load, then five times the capacity [FREEHOLD_DEEP=1]", { timeout: 1_200_000 }, async () => {
	const folder = await mkdtemp(join(tmpdir(), "freehold-soak-"));
	const out = join(folder, "soak.html");
	const child = spawn(process.execPath, [script, "--minutes", "10", "--json", "--out", out], { stdio: ["ignore", "pipe", "inherit"] });
	let text = "";
	child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
		text += chunk;
	});
	const [status] = (await once(child, "close")) as [number | null];
	const { checks } = JSON.parse(text) as { readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly detail: string }[] };
	expect(checks.filter(({ ok }) => !ok)).toEqual([]);
	expect(status).toBe(0);
	expect(await readFile(out, "utf8")).toContain("<svg");
	await rm(folder, { recursive: true });
});
