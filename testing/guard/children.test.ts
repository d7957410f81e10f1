/** The guard at work: a run of tests whose hooks fail leaves no program running. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const isAlive = (pid: number): boolean => {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
};

test("hooks that fail or time out leave no program running", () => {
	const folder = mkdtempSync(join(tmpdir(), "freehold-guard-"));
	try {
		const left = join(folder, "left");
		writeFileSync(left, "");
		const config = join(folder, "vitest.config.mjs");
		const settings = { root: here("./fixture"), include: ["leaves-running.ts"], setupFiles: [here("./children.ts")], pool: "forks" };
		writeFileSync(config, `export default ${JSON.stringify({ test: settings })};`);
		const { status, stdout, stderr } = spawnSync(process.execPath, [here("../../node_modules/vitest/vitest.mjs"), "run", "--config", config], {
			env: { ...process.env, FREEHOLD_LEFT: left },
			encoding: "utf8",
			timeout: 50_000,
		});
		const pids = readFileSync(left, "utf8").trim().split("\n").map(Number);
		expect(pids, stdout + stderr).toHaveLength(2);
		expect(status).toBe(1);
		expect(stdout + stderr).toContain("left running by this file, and ended");
		expect(pids.filter(isAlive)).toEqual([]);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}, 60_000);
