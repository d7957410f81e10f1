/** Places where a test may end a process, as a power cut would, to see that nothing is lost between two durable effects. */
import { writeSync } from "node:fs";
import { networkOf } from "@freehold/protocol";

export interface CrashPoints {
	readonly enable: (chainId: number) => void;
	readonly reach: (name: string) => void;
}

/**
 * `setting` is `name` or `name:nth` (the nth time it is reached), or several of these with commas between, of which the first that is reached counts, as
 * `FREEHOLD_CRASH_AT` has it. Only names in `known` may be reached; a setting that names none of them belongs to another program. Nothing happens before `enable`
 * was given a development network.
 */
export function crashPoints(setting: string | undefined, known: readonly string[], kill: (name: string) => void): CrashPoints {
	const names = new Set(known);
	const left = new Map((setting ?? "").split(",").map((armed) => [armed.split(":", 1)[0], Number.parseInt(armed.split(":")[1] ?? "1", 10)]));
	let enabled = false;
	return {
		enable: (chainId) => {
			enabled = networkOf(chainId)?.development === true;
		},
		reach: (reached) => {
			if (!names.has(reached)) throw new Error(`${reached} is not among the program's crash points`);
			const times = left.get(reached);
			if (!enabled || times === undefined) return;
			left.set(reached, times - 1);
			if (times === 1) kill(reached);
		},
	};
}

/** Ends this process at once; nothing after this line runs. Its last words, on standard error, name the crash point. */
export function killThisProcess(name: string): void {
	writeSync(2, `crash point ${name}\n`);
	process.kill(process.pid, "SIGKILL");
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
