import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDigestSigner, openStore } from "@freehold/service";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { gatewayEvents } from "../program/events.js";
import { type BatchRecord, type GatewayStore, pack, seqKey, tables } from "../store/tables.js";
import { Anchorer, type AnchorerModules } from "./anchorer.js";
import { BatchLog } from "./batch-log.js";
import { TracedCalls } from "./traced-calls.js";

let dir: string;
let store: GatewayStore;
let storage: Server;
beforeEach(async () => {
	dir = await mkdtemp(join(tmpdir(), "freehold-anchorer-"));
	store = openStore(dir, tables);
	storage = createServer().listen(0, "127.0.0.1");
	await once(storage, "listening");
});
afterEach(async () => {
	storage.closeAllConnections();
	storage.close();
	await store.close();
	await rm(dir, { recursive: true });
});

it("seals in time what came while storage took the leaves of an earlier batch", async () => {
	const done: BatchRecord = {
		seq: 1,
		state: "final",
		sealedAt: 0,
		lines: [],
		refunds: [],
		claims: "0x",
		root: `0x${"11".repeat(32)}`,
		data: `0x${"22".repeat(32)}`,
		dataStored: false,
		flowed: true,
	};
	await store.transact((writer) => writer.put("batches", seqKey(1), pack(done)));
	const batches = new BatchLog(store, 2, () => performance.now());
	const life = new AbortController();
	const sealed = new Promise<number>((resolve) => {
		const events = { ...gatewayEvents({ info() {}, warn() {}, error() {} } as never, new Registry()), batchSealed: resolve };
		const { port } = storage.address() as AddressInfo;
		// What follows the sealing needs a chain, which is not there: it is tried again until the end of the test.
		const noChain = { read: () => Promise.reject(new Error("no chain")) };
		const modules = {
			gateway: `0x${"33".repeat(20)}`,
			chainId: 10741,
			signer: createDigestSigner(new Uint8Array(32).fill(7)),
			store,
			batches,
			tracedCalls: new TracedCalls(() => 0),
			client: noChain,
			storageUrl: `http://127.0.0.1:${port}`,
			batchAgeMs: 50,
			events,
			crashPoint: () => undefined,
			now: () => performance.now(),
			jitter: () => 0,
		};
		void new Anchorer(modules as unknown as AnchorerModules).run(life.signal);
	});
	const [request, response] = (await once(storage, "request")) as [IncomingMessage, ServerResponse];
	await store.transact((writer) => batches.placeRefund({ payer: `0x${"44".repeat(20)}`, amount: 5n, payment: "p" }, writer));
	storage.on("request", (later: IncomingMessage, answer: ServerResponse) => later.resume().on("end", () => answer.writeHead(201).end()));
	request.resume().on("end", () => response.writeHead(201).end());
	expect(await sealed).toBe(2);
	life.abort();
});
