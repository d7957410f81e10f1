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
	/** One cell: 1 while a request runs. */
	readonly busy: Int32Array;
}

const BUSY_INTERVAL_MS = 20;
const IDLE_INTERVAL_MS = 1000;

/** Starts the thread; the returned function says whether a request is running. */
export function startWatchdog(parentPid: number, memoryBytes: number): (busy: boolean) => void {
	const busy = new Int32Array(new SharedArrayBuffer(4));
	const data: WatchdogData = { kind: "freehold-watchdog", parentPid, memoryBytes, busy };
	const thread = new Worker(new URL(import.meta.url), { workerData: data, resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 }, env: {} });
	thread.unref();
	thread.on("error", () => process.kill(process.pid, "SIGKILL"));
	return (value) => {
		Atomics.store(busy, 0, value ? 1 : 0);
		Atomics.notify(busy, 0);
	};
}

function watch({ parentPid, memoryBytes, busy }: WatchdogData): void {
	for (;;) {
		const working = Atomics.load(busy, 0);
		Atomics.wait(busy, 0, working, working === 1 ? BUSY_INTERVAL_MS : IDLE_INTERVAL_MS);
		if (process.ppid !== parentPid) process.kill(process.pid, "SIGKILL");
		if (process.memoryUsage.rss() > memoryBytes) {
			writeSync(2, memoryMarker);
			process.kill(process.pid, "SIGKILL");
		}
	}
}

if ((workerData as WatchdogData | null)?.kind === "freehold-watchdog") watch(workerData as WatchdogData);
