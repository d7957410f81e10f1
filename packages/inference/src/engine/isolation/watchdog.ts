/**
 * A thread beside the engine that ends the process when it grows too large or its parent is gone. Native code can hold the main thread for ever;
 * it cannot hold this one.
 */
import { writeSync } from "node:fs";
import { Worker, workerData } from "node:worker_threads";

/** Stands in the process's last words when memory was the reason. */
export const memoryMarker = "freehold: over the memory limit";

interface WatchdogData {
	readonly kind: "freehold-watchdog";
	readonly parentPid: number;
	readonly memoryBytes: number;
	/** Changes: odd while a request runs. Asleep: 1 while the thread must be woken. Never: nobody notifies it. */
	readonly cells: Int32Array;
}

const CHANGES = 0;
const ASLEEP = 1;
const NEVER = 2;
const BUSY_INTERVAL_MS = 20;
const IDLE_INTERVAL_MS = 1000;

/** Starts the thread; the returned function is told when a request begins and ends. It wakes the thread only after a rest, not on each call. */
export function startWatchdog(parentPid: number, memoryBytes: number): (busy: boolean) => void {
	const cells = new Int32Array(new SharedArrayBuffer(12));
	const data: WatchdogData = { kind: "freehold-watchdog", parentPid, memoryBytes, cells };
	const thread = new Worker(new URL(import.meta.url), {
		workerData: data,
		resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
		env: {},
	});
	thread.unref();
	thread.on("error", () => process.kill(process.pid, "SIGKILL"));
	return (busy) => {
		Atomics.add(cells, CHANGES, 1);
		if (busy && Atomics.load(cells, ASLEEP) === 1) Atomics.notify(cells, CHANGES);
	};
}

function watch({ parentPid, memoryBytes, cells }: WatchdogData): void {
	let seen = -1;
	for (;;) {
		const changes = Atomics.load(cells, CHANGES);
		if (changes === seen && changes % 2 === 0) {
			Atomics.store(cells, ASLEEP, 1);
			Atomics.wait(cells, CHANGES, seen, IDLE_INTERVAL_MS);
			Atomics.store(cells, ASLEEP, 0);
		} else Atomics.wait(cells, NEVER, 0, BUSY_INTERVAL_MS);
		seen = changes;
		if (process.ppid !== parentPid) process.kill(process.pid, "SIGKILL");
		if (process.memoryUsage.rss() > memoryBytes) {
			writeSync(2, memoryMarker);
			process.kill(process.pid, "SIGKILL");
		}
	}
}

if ((workerData as WatchdogData | null)?.kind === "freehold-watchdog") watch(workerData as WatchdogData);
