import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../test/fixtures/small-program.mjs", import.meta.url));

interface Started {
	readonly child: ChildProcess;
	readonly url: string;
	readonly output: () => string;
	readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

let folder: string;
const children: Started[] = [];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "freehold-program-"));
});
afterEach(async () => {
	for (const { child } of children) child.kill("SIGKILL");
	await Promise.all(children.splice(0).map(({ ended }) => ended));
	rmSync(folder, { recursive: true, force: true });
});

const runFile = (): string => join(folder, "run", "hub.json");

async function start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}, expectReady = true): Promise<Started> {
	const child = spawn(process.execPath, [SCRIPT, "--run-file", runFile(), ...args], { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
	let output = "";
	for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
	const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
		child.once("close", (code, signal) => resolve({ code, signal })),
	);
	const started: Started = { child, url: "", output: () => output, ended };
	if (!expectReady) {
		children.push(started);
		return started;
	}
	await expect.poll(() => existsSync(runFile()), { timeout: 20_000 }).toBe(true);
	const ready = { ...started, url: (JSON.parse(readFileSync(runFile(), "utf8")) as { url: string }).url };
	children.push(ready);
	return ready;
}

describe("a program", () => {
	it("says where it answers, is healthy and ready, counts, and ends with 0 on SIGTERM", async () => {
		const { child, url, ended } = await start(["--fee", "0.05"]);
		expect(JSON.parse(readFileSync(runFile(), "utf8"))).toMatchObject({ pid: child.pid, url });
		expect((await fetch(`${url}/health`)).status).toBe(200);
		const ready = await fetch(`${url}/ready`);
		expect([ready.status, await ready.json()]).toEqual([200, { ready: true, detail: { fee: "50000000000000000" } }]);
		expect(await (await fetch(`${url}/metrics`)).text()).toContain("process_cpu_seconds_total");
		child.kill("SIGTERM");
		expect(await ended).toEqual({ code: 0, signal: null });
		expect(existsSync(runFile())).toBe(false);
	});

	it("finishes a request that runs when it is told to stop, and tells nobody a secret", async () => {
		const { child, url, ended, output } = await start();
		const slow = fetch(`${url}/slow`).then((response) => response.json());
		await expect.poll(output).toContain("slow has begun");
		child.kill("SIGINT");
		expect(await slow).toBe("finished");
		expect((await ended).code).toBe(0);
		expect(output()).not.toContain("deadbeef");
	});

	it("takes a second signal within a second as the same one, a later one as an order to stop at once", async () => {
		const { child, ended, output } = await start(["--stuck"]);
		child.kill("SIGTERM");
		await expect.poll(output).toContain("draining");
		child.kill("SIGINT");
		await expect
			.poll(
				() => {
					child.kill("SIGTERM");
					return output();
				},
				{ interval: 200, timeout: 10_000 },
			)
			.toContain("stopping at once");
		expect((await ended).code).toBe(130);
	});

	it("gives up draining at its deadline", async () => {
		const { child, ended, output } = await start(["--stuck", "--drain-timeout", "50ms"]);
		child.kill("SIGTERM");
		expect((await ended).code).toBe(1);
		expect(output()).toContain("not drained within 0.05 s");
	});

	it("can be stopped while it starts", async () => {
		const { child, ended, output } = await start(["--slow-start", "--drain-timeout", "50ms"], {}, false);
		await expect.poll(output, { timeout: 20_000 }).toContain("starting for ever");
		child.kill("SIGTERM");
		expect((await ended).code).toBe(1);
	});

	it("drains when its supervisor is gone", async () => {
		const { child, ended, output } = await start([], { FREEHOLD_SUPERVISED: "1" });
		child.stdin?.end();
		expect((await ended).code).toBe(0);
		expect(output()).toContain("the supervisor is gone");
	});

	it("goes on without its traces when the collector is away, and says so once", async () => {
		const { child, url, ended, output } = await start(["--trace-url", "http://127.0.0.1:1"]);
		const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
		for (let call = 0; call < 3; call++) expect((await fetch(`${url}/work`, { method: "POST", headers })).status).toBe(200);
		await expect.poll(output, { timeout: 20_000 }).toContain("traces cannot be delivered");
		child.kill("SIGTERM");
		expect((await ended).code).toBe(0);
		expect(output().match(/traces cannot be delivered/g)).toHaveLength(1);
	});

	it("drains and ends with 1 after a fault that nobody caught", async () => {
		const { url, ended, output } = await start();
		await fetch(`${url}/fault`, { method: "POST" });
		expect((await ended).code).toBe(1);
		expect(output()).toContain("nobody catches this");
	});

	it("ends with 2 on a wrong option and 1 on a port that is taken, saying which", async () => {
		const wrong = await start(["--fee", "much"], {}, false);
		expect((await wrong.ended).code).toBe(2);
		expect(wrong.output()).toContain("Option --fee: much is no amount of OPG");
		const { url } = await start();
		const { port } = new URL(url);
		rmSync(runFile());
		const second = await start(["--port", port], {}, false);
		expect((await second.ended).code).toBe(1);
		expect(second.output()).toContain(`Option --port: ${port} on 127.0.0.1 is in use`);
	});
});

describe("a crash point", () => {
	it("kills the process the nth time it is reached", async () => {
		const { url, ended } = await start([], { FREEHOLD_CRASH_AT: "ledger.commit:3,small.after:2" });
		expect((await fetch(`${url}/work`, { method: "POST" })).status).toBe(200);
		await expect(fetch(`${url}/work`, { method: "POST" })).rejects.toThrow();
		expect(await ended).toEqual({ code: null, signal: "SIGKILL" });
	});

	it("is nothing on a production network, and nothing to a program that does not know it", async () => {
		const production = await start(["--production"], { FREEHOLD_CRASH_AT: "small.before" });
		expect((await fetch(`${production.url}/work`, { method: "POST" })).status).toBe(200);
		rmSync(runFile());
		const other = await start([], { FREEHOLD_CRASH_AT: "ledger.commit" });
		expect((await fetch(`${other.url}/work`, { method: "POST" })).status).toBe(200);
	});
});
