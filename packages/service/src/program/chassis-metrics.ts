/** Metrics that every program has beside its own, Node's own `process_*` and `nodejs_*` among them. */
import { statfs } from "node:fs/promises";
import { collectDefaultMetrics, type Registry } from "prom-client";
import { gauge, histogram, type MetricTable, registerMetrics } from "./metrics.js";
import { programVersion } from "./version.js";

const REQUEST_BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export const chassisMetrics = {
	ready: gauge("freehold_ready", "1 while /ready says yes, else 0."),
	build: gauge("freehold_build_info", "Always 1; the labels say what runs.", { version: "one a process", node: "one a process" }),
	dataFree: gauge("freehold_data_free_bytes", "Room left on the disk of the data folder."),
	requests: histogram("freehold_http_request_seconds", "Time from the request's head to the end of the answer.", REQUEST_BUCKETS, {
		route: "patterns of the program's routes, and none",
		method: "methods of the program's routes, and none",
		status: ["1xx", "2xx", "3xx", "4xx", "5xx"],
	}),
} as const satisfies MetricTable;

export interface ChassisModules {
	readonly ready: () => Promise<boolean>;
	/** Undefined for a program without one. */
	readonly dataFolder: string | undefined;
}

export function startChassisMetrics(registry: Registry, { ready, dataFolder }: ChassisModules): void {
	collectDefaultMetrics({ register: registry });
	const { requests: _, ...table } = chassisMetrics;
	const metrics = registerMetrics(table, registry);
	metrics.ready.follow(async () => ((await ready()) ? 1 : 0));
	metrics.build.set(1, { version: programVersion, node: process.versions.node });
	metrics.dataFree.follow(() => (dataFolder === undefined ? undefined : freeBytes(dataFolder)));
}

/** Undefined where the folder is not there yet. */
async function freeBytes(folder: string): Promise<number | undefined> {
	try {
		const { bavail, bsize } = await statfs(folder);
		return bavail * bsize;
	} catch {
		return undefined;
	}
}
