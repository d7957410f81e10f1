/**
 * Loaded before each file of tests: what the file started and left running, since a hook failed or timed out, is ended by its process id when the file is over, or when
 * its worker ends. Programs that a test ends itself are gone by then.
 */
import childProcess, { type ChildProcess, type SpawnOptions } from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
import { afterAll } from "vitest";

/** Time to drain before the end by force. */
const DRAIN_MS = 5_000;
const alive = new Map<ChildProcess, { readonly command: string; readonly hasGroup: boolean }>();

const spawn = childProcess.spawn;
childProcess.spawn = ((command: string, ...rest: readonly unknown[]) => {
	const child = (spawn as (...all: readonly unknown[]) => ChildProcess)(command, ...rest);
	if (child.pid === undefined) return child;
	const options = rest.find((item): item is SpawnOptions => typeof item === "object" && item !== null && !Array.isArray(item));
	alive.set(child, { command, hasGroup: options?.detached === true });
	child.once("exit", () => alive.delete(child));
	return child;
}) as typeof spawn;
syncBuiltinESMExports();

afterAll(async () => {
	if (alive.size === 0) return;
	const left = [...alive];
	process.stderr.write(`left running by this file, and ended: ${left.map(([{ pid }, { command }]) => `${command} (${pid})`).join(", ")}\n`);
	const ended = Promise.all(left.map(([child]) => new Promise((resolve) => child.once("exit", resolve))));
	for (const [child] of left) child.kill("SIGTERM");
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<void>((resolve) => {
		timer = setTimeout(resolve, DRAIN_MS);
	});
	await Promise.race([ended, late]);
	clearTimeout(timer);
	endAll();
}, 2 * DRAIN_MS);

process.once("exit", endAll);
// Without a listener a worker that is told to end does so without the event "exit".
process.once("SIGTERM", () => process.exit(143));

function endAll(): void {
	for (const [child, { hasGroup }] of alive) {
		try {
			if (hasGroup && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
			else child.kill("SIGKILL");
		} catch {
			// It has ended meanwhile.
		}
	}
	alive.clear();
}
