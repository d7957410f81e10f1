/** Engines in processes of their own, one lane for each mode. A call that crashes, hangs or eats memory costs itself only. */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { checkTensor, FreeholdError } from "@freehold/protocol";
import type { EngineMode, EnginePool } from "../engine.js";
import { Lane, type LaneOptions } from "./lane.js";
import { newStrikes } from "./strikes.js";

export interface EnginePoolOptions {
	/** Processes of the fast engine, started when needed. Default: one for each two cores, at least 2 (so that one that hangs does not hold up all) and at most 4. */
	readonly fastProcesses?: number;
	/** Processes of the bit-exact engine. Default 1. */
	readonly bitExactProcesses?: number;
	/** Threads inside one call of the fast engine. Default 1. */
	readonly threads?: number;
	/** Resident memory of one process, in bytes. Default 1 GiB. */
	readonly memoryBytes?: number;
	readonly startTimeoutMs?: number;
	/** Default 30 s. */
	readonly loadTimeoutMs?: number;
	/** Wall-clock limit of one run. Default 10 s. */
	readonly runTimeoutMs?: number;
	/** Calls that may wait for each mode. Default 256. */
	readonly maxWaiting?: number;
	/** Releases loaded in one process. Default 16. */
	readonly maxSessions?: number;
	/** Calls after which a process is replaced. Default 20,000. */
	readonly recycleAfter?: number;
	/** Default 500 ms. */
	readonly abortGraceMs?: number;
	/** Default 5 min. */
	readonly idleMs?: number;
	readonly now?: () => number;
	/** Folders of model files: the processes may then read nothing else beside their own program. Default: whatever their user may. */
	readonly modelFolders?: readonly string[];
}

const GIB = 1024 ** 3;

export async function createEnginePool(options: EnginePoolOptions = {}): Promise<EnginePool> {
	const folder = await mkdtemp(join(tmpdir(), "freehold-engine-"));
	const strikes = newStrikes(options.now ?? Date.now);
	const common = {
		folder,
		threads: options.threads ?? 1,
		memoryBytes: options.memoryBytes ?? GIB,
		startTimeoutMs: options.startTimeoutMs ?? 20_000,
		loadTimeoutMs: options.loadTimeoutMs ?? 30_000,
		runTimeoutMs: options.runTimeoutMs ?? 10_000,
		maxWaiting: options.maxWaiting ?? 256,
		maxSessions: options.maxSessions ?? 16,
		recycleAfter: options.recycleAfter ?? 20_000,
		abortGraceMs: options.abortGraceMs ?? 500,
		idleMs: options.idleMs ?? 300_000,
		modelFolders: options.modelFolders,
	} satisfies Partial<LaneOptions>;
	const fastProcesses = options.fastProcesses ?? Math.min(4, Math.max(2, Math.floor(availableParallelism() / 2)));
	const lanes: { readonly [mode in EngineMode]: Lane } = {
		fast: new Lane({ ...common, mode: "fast", engine: "native", processes: fastProcesses }, strikes),
		"bit-exact": new Lane({ ...common, mode: "bit-exact", engine: "wasm", processes: options.bitExactProcesses ?? 1 }, strikes),
	};
	const all = Object.values(lanes);
	return {
		async run(files, mode, inputs, signal) {
			for (const [name, tensor] of Object.entries(inputs)) checkTensor(name, tensor);
			const { engine, outputs } = await lanes[mode].submit(files, inputs, signal);
			if (outputs === undefined) throw new FreeholdError("engine.crashed", { reason: "it gave no outputs" });
			return { outputs, engine };
		},
		async load(files, mode, signal) {
			return (await lanes[mode].submit(files, undefined, signal)).schema;
		},
		describe: (mode) => lanes[mode].describe(),
		get depth() {
			return { waiting: all.reduce((sum, { waiting }) => sum + waiting, 0), running: all.reduce((sum, { running }) => sum + running, 0) };
		},
		get pids() {
			return all.flatMap(({ pids }) => pids);
		},
		async close() {
			await Promise.all(all.map((lane) => lane.close()));
			await rm(folder, { recursive: true, force: true });
		},
	};
}
