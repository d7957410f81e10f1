/** What the programs of a network hold, sample by sample: memory, file handles, queues, disk. And what the clients saw in between. */
import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { percentile } from "../lib/measure.mjs";

const ROLES = ["ledger", "storage", "inference", "gateway", "hub"];
/** Gauges that are queues. */
const QUEUES = {
	ledger: ["freehold_ledger_pool_transactions"],
	inference: ["freehold_node_waiting_calls", "freehold_node_running_calls"],
	gateway: ["freehold_gateway_unanchored_calls"],
	storage: ["freehold_storage_pending_walrus_ids"],
};

export function startWatch(local, { everyMs }) {
	const startedAt = performance.now();
	const samples = [];
	let times = [];
	let busy = false;
	const look = async () => {
		if (busy) return;
		busy = true;
		try {
			const seen = times.sort((a, b) => a - b);
			times = [];
			const at = performance.now() - startedAt;
			const programs = Object.fromEntries(await Promise.all(ROLES.map(async (role) => [role, await programOf(local, role)])));
			samples.push({ at, programs, answers: seen.length, p50: percentile(seen, 0.5), p99: percentile(seen, 0.99) });
		} finally {
			busy = false;
		}
	};
	const timer = setInterval(() => void look(), everyMs);
	void look();
	return {
		/** One answer, in milliseconds. */
		answered: (ms) => times.push(ms),
		stop() {
			clearInterval(timer);
			return { roles: ROLES, everyMs, steady: samples.filter(({ answers }, index) => index > 0 && answers > 0) };
		},
	};
}

async function programOf(local, role) {
	try {
		const { pid, url } = JSON.parse(readFileSync(join(local.folder, "run", `${role}.json`), "utf8"));
		const metrics = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) })).text();
		const gauge = (name) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+-]+)$`, "m").exec(metrics)?.[1] ?? Number.NaN);
		return {
			memory: memoryOf(pid),
			files: filesOf(pid, Number(new URL(url).port)),
			heap: gauge("nodejs_heap_size_used_bytes"),
			kept: gauge("nodejs_heap_size_used_bytes") + gauge("nodejs_external_memory_bytes"),
			lagP99: 1_000 * gauge("nodejs_eventloop_lag_p99_seconds"),
			disk: sizeOf(join(local.folder, role)),
			queues: Object.fromEntries((QUEUES[role] ?? []).map((name) => [name, gauge(name)])),
		};
	} catch {
		return undefined;
	}
}

const ESTABLISHED = "01";

/**
 * Files and sockets that a process holds, without the connections that clients keep open to it: how many those are is for the clients to say, and bounded by the
 * program. One whose client has gone is counted.
 */
function filesOf(pid, port) {
	const callers = new Set();
	for (const line of readFileSync(`/proc/${pid}/net/tcp`, "utf8").split("\n").slice(1)) {
		const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
		if (state === ESTABLISHED && Number.parseInt(local.split(":")[1], 16) === port) callers.add(`socket:[${inode}]`);
	}
	return readdirSync(`/proc/${pid}/fd`).filter((file) => !callers.has(linkOf(`/proc/${pid}/fd/${file}`))).length;
}

function linkOf(path) {
	try {
		return readlinkSync(path);
	} catch {
		// Closed in between.
		return undefined;
	}
}

/** Memory of the process's own: pages of mapped files belong to the system. */
function memoryOf(pid) {
	return 1024 * Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

/** Bytes that a folder takes on the disk. */
function sizeOf(folder) {
	let size = 0;
	for (const entry of readdirSync(folder, { withFileTypes: true })) {
		const path = join(folder, entry.name);
		try {
			size += entry.isDirectory() ? sizeOf(path) : statSync(path).blocks * 512;
		} catch {
			// Gone in between.
		}
	}
	return size;
}
