/** Starting programs for a scenario, on loopback, and ending them by their id. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../../packages/cli/bin/freehold.js", import.meta.url));
const READY_MS = 60_000;

/** A folder that is gone when `work` has ended. */
export async function withFolder(work) {
	const folder = mkdtempSync(join(tmpdir(), "freehold-bench-"));
	try {
		return await work(folder);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

export function start(file, args, options = {}) {
	const [program, rest] = others === undefined ? [file, args] : ["taskset", ["-c", others, file, ...args]];
	const child = spawn(program, rest, { stdio: ["pipe", "ignore", "inherit"], ...options });
	const ended = new Promise((resolve) => child.once("exit", resolve));
	return {
		pid: child.pid,
		async stop() {
			child.kill("SIGTERM");
			await ended;
		},
	};
}

export const startFreehold = (args, options) => start(process.execPath, [command, ...args], options);

/**
 * Gives this process, which makes the load, a processor of its own and leaves the others to what it starts from here on, as if the load came from another machine.
 * True where that could be done (Linux with `taskset`, two processors or more).
 */
export function standAside() {
	const last = availableParallelism() - 1;
	if (last < 1) return false;
	const pin = (list) => spawnSync("taskset", ["-acp", list, String(process.pid)], { stdio: "ignore" }).status === 0;
	if (!pin(String(last))) return false;
	// A child inherits the processors of its parent: it is started with those that are left.
	others = last === 1 ? "0" : `0-${last - 1}`;
	return true;
}
let others;

export async function until(condition, what) {
	const deadline = performance.now() + READY_MS;
	while (performance.now() < deadline) {
		if (await condition().catch(() => false)) return;
		await new Promise((resolve) => setTimeout(resolve, 25));
	}
	throw new Error(`${what} did not happen within ${READY_MS / 1000} s`);
}

export function freePort() {
	return new Promise((resolve, reject) => {
		const probe = createServer();
		probe.once("error", reject);
		probe.listen(0, "127.0.0.1", () => {
			const { port } = probe.address();
			probe.close(() => resolve(port));
		});
	});
}

/** Processor milliseconds that a process has used, by the kernel's count; undefined where there is none. */
export function cpuMsOf(pid) {
	try {
		const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
		return (Number(fields[11]) + Number(fields[12])) * 10;
	} catch {
		return undefined;
	}
}
