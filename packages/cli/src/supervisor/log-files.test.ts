import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { keepBounded, turnOver } from "./log-files.js";

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-logs-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("a log is turned over under the process that writes it, without losing a line, and only when it is large", async () => {
	const path = join(folder, "gateway.log");
	const log = await open(path, "a");
	await log.write("one\ntwo\n");
	expect(await turnOver(path, 8)).toBe(false);
	await log.write("three\n");
	expect(await turnOver(path, 8)).toBe(true);
	await log.write("four\n");
	expect(await readFile(`${path}.1`, "utf8")).toBe("one\ntwo\nthree\n");
	expect(await readFile(path, "utf8")).toBe("four\n");
	await log.write("five and more\n");
	expect(await turnOver(path, 8)).toBe(true);
	expect(await readFile(`${path}.1`, "utf8")).toBe("four\nfive and more\n");
	expect((await stat(path)).size).toBe(0);
	await log.close();
});

it("a log that cannot be turned over keeps every line, and no half copy stays behind", async () => {
	const path = join(folder, "gateway.log");
	await writeFile(path, "one and more\n");
	await mkdir(join(`${path}.1`, "in the way"), { recursive: true });
	await expect(turnOver(path, 8)).rejects.toThrow();
	expect(await readFile(path, "utf8")).toBe("one and more\n");
	expect((await readdir(folder)).sort()).toEqual(["gateway.log", "gateway.log.1"]);
});

it("all logs of a folder stay bounded", async () => {
	const paths = ["ledger", "hub"].map((name) => join(folder, `${name}.log`));
	const logs = await Promise.all(paths.map((path) => open(path, "a")));
	const end = keepBounded(folder, { mostBytes: 1_000, lookEveryMs: 5 });
	for (const log of logs) await log.write("x".repeat(5_000));
	for (const path of paths) await expect.poll(async () => (await stat(path)).size, { timeout: 20_000 }).toBe(0);
	await end();
	for (const path of paths) expect((await stat(`${path}.1`)).size).toBe(5_000);
	for (const log of logs) await log.close();
});
