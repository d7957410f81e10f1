/** Places where a test may end a process, as a power cut would, to see that nothing is lost between two durable effects. */
import { networkOf } from "@freehold/protocol";

export interface CrashPoints {
	readonly enable: (chainId: number) => void;
	readonly reach: (name: string) => void;
}

/**
 * `setting` is `name` or `name:nth` (the nth time it is reached), as `FREEHOLD_CRASH_AT` has it. Only names in `known` may be reached; a setting that names
 * none of them belongs to another program. Nothing happens before `enable` was given a development network.
 */
export function crashPoints(setting: string | undefined, known: readonly string[], kill: () => void): CrashPoints {
	const names = new Set(known);
	const [name, nth] = (setting ?? "").split(":");
	let left = nth === undefined ? 1 : Number.parseInt(nth, 10);
	let enabled = false;
	return {
		enable: (chainId) => {
			enabled = networkOf(chainId)?.development === true;
		},
		reach: (reached) => {
			if (!names.has(reached)) throw new Error(`${reached} is not among the program's crash points`);
			if (!enabled || reached !== name) return;
			left -= 1;
			if (left === 0) kill();
		},
	};
}

/** Ends this process at once; nothing after this line runs. */
export function killThisProcess(): void {
	process.kill(process.pid, "SIGKILL");
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
