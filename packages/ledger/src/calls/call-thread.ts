/** A thread that reads: its own engine over its own view of the ledger's store. Started by `CallPool` only. */
import { parentPort, workerData } from "node:worker_threads";
import { nativeCrypto } from "@freehold/service";
import { ChainStore, headerKey } from "../block/chain-store.js";
import { StateReader } from "../execution/state-reader.js";
import { RpcError } from "../rpc/rpc-error.js";
import { keccak256 } from "../state/keccak.js";
import { StateStore } from "../state/state-store.js";
import { type Job, type Loaded, perform, type Reply, type ThreadData } from "./jobs.js";

const { dir, chainId, historyBlocks, mapSizeBytes, cacheEntries } = workerData as ThreadData;
const store = new StateStore({ dir, historyBlocks, mapSizeBytes, readOnly: true });
const chain = new ChainStore(
	{ head: () => store.head, get: (table, key) => store.get(table, key), scan: (...range) => store.scan(...range) },
	chainId,
	nativeCrypto,
);
store.release();
const reader = new StateReader(store, {
	cacheEntries,
	blockHash: (number) => {
		const header = store.get("block", headerKey(number));
		return header === undefined ? undefined : keccak256(header);
	},
});

parentPort?.on("message", (job: Job | undefined) => {
	if (job === undefined) void close();
	else parentPort?.postMessage(answer(job));
});

parentPort?.postMessage({ kind: "loaded" } satisfies Loaded);

function answer(job: Job): Reply {
	const startedAt = performance.now();
	const tookMs = (): number => performance.now() - startedAt;
	try {
		// One snapshot for the whole job; between jobs none, so that the store can reuse its pages.
		store.refresh();
		return { kind: "done", output: perform({ reader, chain }, job), tookMs: tookMs() };
	} catch (error) {
		if (error instanceof RpcError) return { kind: "error", code: error.code, reason: error.message, data: error.data, tookMs: tookMs() };
		if (error instanceof RangeError) return { kind: "refused", reason: error.message, tookMs: tookMs() };
		return { kind: "failed", reason: error instanceof Error ? (error.stack ?? error.message) : String(error), tookMs: tookMs() };
	} finally {
		store.release();
	}
}

async function close(): Promise<void> {
	await store.close();
	parentPort?.close();
}
