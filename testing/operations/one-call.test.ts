/** One call seen from outside, on a real local network: one trace across processes, one trail through the logs, metrics that moved, and a status that knows it. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gatewayProgram } from "@freehold/gateway";
import { hubProgram } from "@freehold/hub";
import { inferenceProgram } from "@freehold/inference";
import { ledgerProgram } from "@freehold/ledger";
import type { NetworkFile } from "@freehold/protocol";
import { chassisMetrics, type MetricSpec } from "@freehold/service";
import { storageProgram } from "@freehold/storage";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestNetwork, type TestNetwork, UP_DEADLINE_MS } from "../cli/network.ts";
import { startOtlpReceiver } from "./otlp-receiver.ts";

const deep = process.env["FREEHOLD_DEEP"] === "1";
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const INPUT = fileURLToPath(new URL("../../models/plus-digits/examples/moved-seven.json", import.meta.url));
const PARENT = "b7ad6b7169203331";

let collector: Awaited<ReturnType<typeof startOtlpReceiver>>;
let network: TestNetwork;
let callId: string;

beforeAll(async () => {
	collector = await startOtlpReceiver();
	network = await startTestNetwork("--batch-age", "200", "--trace-url", collector.url);
}, UP_DEADLINE_MS + 20_000);
afterAll(async () => {
	await network?.remove();
	await collector?.close();
});

interface Status {
	readonly network: NetworkFile;
	readonly processes: readonly { readonly role: string; readonly url: string; readonly pid?: number }[];
}
const status = async (): Promise<Status> => (await network.good("status", "--json")).json() as Status;

describe("one call", () => {
	it("is asked, paid and anchored", async () => {
		const ran = await network.good("infer", "plus/digits", "--input", INPUT, "--account", "dev-3", "--yes", "--json", "--receipt", network.path("r.json"));
		callId = (ran.json() as { callId: string }).callId;
		expect(callId).toMatch(/^0x[0-9a-f]{64}$/);
	});

	it("is one trace: gateway, node, engine, and the ledger that anchors it", async () => {
		const called = () => collector.spans.filter(({ attributes }) => attributes["freehold.call_id"] === callId);
		await expect.poll(() => called().map(({ service }) => service), { timeout: 20_000 }).toContain("freehold-inference");
		const traceId = called()[0]?.traceId;
		const inTrace = () => collector.spans.filter((span) => span.traceId === traceId);
		await expect
			.poll(() => inTrace().map(({ service, name }) => `${service} ${name}`), { timeout: 20_000 })
			.toEqual(
				expect.arrayContaining([
					"freehold-gateway POST /v1/inference",
					"freehold-gateway accept payment",
					"freehold-gateway order",
					"freehold-gateway record",
					"freehold-gateway anchor",
					"freehold-inference POST /v1/orders",
					"freehold-inference run",
					"freehold-ledger POST /",
				]),
			);
		const byId = new Map(inTrace().map((span) => [span.spanId, span]));
		const parentOf = (name: string) => byId.get(inTrace().find((span) => span.name === name)?.parentSpanId ?? "")?.name;
		expect(parentOf("POST /v1/orders")).toBe("order");
		expect(parentOf("run")).toBe("POST /v1/orders");
		expect(parentOf("anchor")).toBe("POST /v1/inference");
		// Every span hangs on another one of the trace, but the first.
		expect(inTrace().filter(({ parentSpanId }) => parentSpanId === undefined || !byId.has(parentSpanId))).toHaveLength(1);
		expect(inTrace().find(({ name }) => name === "anchor")?.attributes).toMatchObject({
			"freehold.batch": 1,
			"freehold.transaction": expect.stringMatching(/^0x/),
		});
	});

	it("continues the trace that a caller brings", async () => {
		const { network: file } = await status();
		await fetch(`${file.gatewayUrl}/v1/inference`, {
			method: "POST",
			headers: { "content-type": "application/json", traceparent: `00-${TRACE}-${PARENT}-01` },
			body: JSON.stringify({ model: "plus/digits", inputs: JSON.parse(await readFile(INPUT, "utf8")) }),
		});
		await expect
			.poll(() => collector.spans.find((span) => span.traceId === TRACE), { timeout: 20_000 })
			.toMatchObject({
				service: "freehold-gateway",
				parentSpanId: PARENT,
				attributes: { "http.response.status_code": 402 },
			});
	});

	it("can be followed through the logs of all processes by its id", async () => {
		const { lines } = (await network.good("logs", "--call", callId, "--json")).json() as {
			lines: { process: string; msg: string; fields: Record<string, unknown> }[];
		};
		const told = lines.map(({ process, msg }) => `${process}: ${msg}`);
		for (const line of ["inference: order answered", "gateway: call answered", "gateway: batch sealed", "gateway: batch anchored", "ledger: block"])
			expect(told).toContain(line);
		const anchored = lines.find(({ msg }) => msg === "batch anchored")?.fields["transaction"];
		expect(lines.find(({ msg }) => msg === "block")?.fields["hashes"]).toContain(anchored);
		// Where there is a trace, the line names it.
		const traceId = collector.spans.find(({ attributes }) => attributes["freehold.call_id"] === callId)?.traceId;
		expect(lines.find(({ msg }) => msg === "call answered")?.fields["traceId"]).toBe(traceId);
		expect(lines.find(({ msg }) => msg === "order answered")?.fields["traceId"]).toBe(traceId);
	});

	it("is in the metrics of every program that it touched, and each has the metrics of its table", async () => {
		const { processes } = await status();
		const programs = [ledgerProgram, storageProgram, inferenceProgram, gatewayProgram, hubProgram];
		for (const { role, metrics } of programs) {
			const url = processes.find((process) => process.role === role)?.url;
			const text = await (await fetch(`${url}/metrics`)).text();
			const table = [
				...Object.values(metrics as Readonly<Record<string, MetricSpec>>),
				...Object.values(chassisMetrics as Readonly<Record<string, MetricSpec>>),
			];
			for (const { name, kind } of table) expect(text).toContain(`# TYPE ${name} ${kind}`);
			expect(text).toMatch(/^freehold_ready 1$/m);
			expect(text).toMatch(/^freehold_data_free_bytes \d+/m);
			if (role === "gateway") expect(text).toContain('freehold_gateway_calls_total{outcome="answered"} 1');
			if (role === "inference") expect(text).toContain('freehold_node_run_seconds_count{mode="fast"} 1');
		}
	});

	it("is told of at a glance: processes, chain, calls, money, disk", async () => {
		const told = (await network.good("status", "--json")).json() as Status & Readonly<Record<string, unknown>>;
		expect(told).toMatchObject({
			running: true,
			chain: { block: expect.any(Number), height: expect.any(Number), blockAgeMs: expect.any(Number) },
			unanchored: { calls: 0, ageMs: 0 },
			money: [
				{ role: "inference", balance: expect.stringMatching(/^\d{18,}$/), bond: "1000000000000000000000" },
				{ role: "gateway", balance: expect.stringMatching(/^\d{18,}$/), bond: "50000000000000000000000" },
			],
			disk: { freeBytes: expect.any(Number), usedBytes: expect.any(Number) },
		});
		expect((await network.good("status")).out).toMatch(
			/gateway +ready[\s\S]*chain +block \d+ at height \d+, \d+ s ago\n[\s\S]*calls +all anchored\n[\s\S]*disk +\d/,
		);
	});

	it("and doctor finds nothing wrong, here and by the gateway's address, until a process stands still", async () => {
		const { network: file, processes } = await status();
		expect((await network.good("doctor", "--json")).json()).toMatchObject({ ok: true });
		expect((await network.good("doctor", "--json", "--network", file.gatewayUrl)).json()).toMatchObject({ ok: true });
		const ledger = processes.find(({ role }) => role === "ledger")?.pid;
		if (ledger === undefined) throw new Error("no ledger runs");
		process.kill(ledger, "SIGSTOP");
		try {
			const ran = await network.freehold.run("doctor", "--json");
			const { findings } = ran.json() as { findings: { check: string; ok: boolean; detail: string }[] };
			expect(ran.status).toBe(1);
			expect(findings.filter(({ ok }) => !ok).map(({ check }) => check)).toEqual(expect.arrayContaining(["ledger", "height"]));
			expect(findings.find(({ check }) => check === "ledger")?.detail).toContain("freehold logs ledger");
		} finally {
			process.kill(ledger, "SIGCONT");
		}
	});

	it.skipIf(!deep)(
		"no program that follows the chain is ready while its height stands still, and all are again when it goes on [npm run test:deep]",
		async () => {
			const { processes } = await status();
			const followers = processes.filter(({ role }) => ["gateway", "hub", "inference"].includes(role));
			const readiness = () => Promise.all(followers.map(async ({ url }) => (await fetch(`${url}/ready`)).status));
			const ledger = processes.find(({ role }) => role === "ledger")?.pid;
			if (ledger === undefined) throw new Error("no ledger runs");
			process.kill(ledger, "SIGSTOP");
			try {
				await expect.poll(readiness, { timeout: 60_000, interval: 500 }).toEqual([503, 503, 503]);
			} finally {
				process.kill(ledger, "SIGCONT");
			}
			await expect.poll(readiness, { timeout: 60_000, interval: 500 }).toEqual([200, 200, 200]);
		},
	);
});
