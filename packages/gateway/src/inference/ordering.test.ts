import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FreeholdError } from "@freehold/protocol";
import { createDigestSigner, openStore } from "@freehold/service";
import { Registry } from "prom-client";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Operators } from "../nodes/operators.js";
import { allowNeighbours } from "../nodes/reach.js";
import { Roster } from "../nodes/roster.js";
import type { Reservation } from "../payment/reservation.js";
import { gatewayEvents } from "../program/events.js";
import { type GatewayStore, type OperatorRecord, pack, tables } from "../store/tables.js";
import { Ordering } from "./ordering.js";
import type { CallPlan } from "./plan.js";

const DAY_MS = 86_400_000;
let dir: string;
let store: GatewayStore;
let node: Server;
beforeEach(async () => {
	dir = await mkdtemp(join(tmpdir(), "freehold-ordering-"));
	store = openStore(dir, tables);
	node = createServer().listen(0, "127.0.0.1");
	await once(node, "listening");
	allowNeighbours();
});
afterEach(async () => {
	node.closeAllConnections();
	node.close();
	await store.close();
	await rm(dir, { recursive: true });
});

it("gives up an order that its node refuses within the usual time, also when the clock jumps back meanwhile", async () => {
	let ahead = DAY_MS;
	let asked = 0;
	// A node whose clock is right finds the order's deadline far away; then the gateway's clock is set right as well.
	node.on("request", (request, response) => {
		asked += 1;
		ahead = 0;
		const body = JSON.stringify({ error: { code: "order.invalid", message: "order.deadline is more than an hour away", retryable: false } });
		request.resume().on("end", () => response.writeHead(422, { "content-type": "application/json" }).end(body));
	});
	const operator: OperatorRecord = {
		address: `0x${"aa".repeat(20)}`,
		roles: 1,
		endpoint: `http://127.0.0.1:${(node.address() as AddressInfo).port}`,
		nodeFee: 1n,
		bond: 10n,
		unbonding: 0n,
		keys: {},
	};
	await store.transact((writer) => writer.put("operators", operator.address, pack(operator)));
	const operators = new Operators(store, 1n);
	const events = gatewayEvents({ info() {}, warn() {}, error() {} } as never, new Registry());
	const steady = () => performance.now();
	const ordering = new Ordering({
		gateway: `0x${"bb".repeat(20)}`,
		chainId: 10741,
		signer: createDigestSigner(new Uint8Array(32).fill(7)),
		operators,
		roster: new Roster({ operators, maxCalls: 8, secondPrice: 0n, steady, events }),
		store,
		events,
		crashPoint: () => undefined,
		callTimeoutMs: 20_000,
		textTimeoutMs: 20_000,
		now: () => Date.now() + ahead,
		steady,
		gaveUp: () => undefined,
		isRouted: () => false,
		priceOf: () => ({ perCall: 1n, perInputUnit: 0n, perOutputUnit: 0n }),
	});
	const release = { record: { release: `0x${"cc".repeat(32)}` }, name: "ann/thing@1.0", price: { version: 0 } };
	const question = { inputs: {} };
	const plan = { nodes: [operator], amount: 3n, gatewayFee: 1n, salt: `0x${"dd".repeat(32)}`, request: `0x${"ee".repeat(32)}` };
	const units = { inputUnits: 1n, maxOutputUnits: 1n, mode: "fast", require: ["signed"] };
	const payment = { payer: `0x${"11".repeat(20)}`, allowed: 3n, reference: `0x${"22".repeat(32)}`, link: { kind: "exact", id: "p", amount: 3n } };
	const failed = ordering.run({ ...plan, ...units, release, question } as unknown as CallPlan, payment as unknown as Reservation, {
		answerKey: "k",
		requestDigest: `0x${"33".repeat(32)}`,
	});
	await expect(failed).rejects.toMatchObject({ code: "order.invalid" } satisfies Partial<FreeholdError>);
	expect(asked).toBeGreaterThan(2);
	expect([...store.scan("orders", {})]).toEqual([]);
});
