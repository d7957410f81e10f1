/** The whole loop by the command line alone: a stranger's model is published, asked by another stranger, checked by anyone, and paid for. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linear } from "../onnx/models.ts";
import { freePortBase, type Ran, type Shell, shell } from "./command.ts";

const UP_DEADLINE_MS = 90_000;

let folder: string;
let data: string;
let freehold: Shell;
let network: ChildProcess;
const path = (name: string): string => join(folder, name);
/** Runs a command that must succeed. */
const good = async (...args: string[]): Promise<Ran> => {
	const ran = await freehold.run("--data", data, ...args);
	if (ran.status !== 0) throw new Error(`freehold ${args.join(" ")} ended with ${ran.status}: ${ran.out}${ran.err}`);
	return ran;
};

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-journey-"));
	data = path("network");
	await writeFile(path("password"), "correct horse\n");
	await writeFile(path("thing.onnx"), linear([1, 0, 0, 1], [10, 20]));
	await writeFile(path("question.json"), JSON.stringify({ X: [[1, 2]] }));
	freehold = shell({ FREEHOLD_HOME: path("home"), FREEHOLD_PASSWORD_FILE: path("password") });
	network = freehold.start("up", "--data", data, "--port-base", String(await freePortBase()), "--batch-age", "200");
	const ended = once(network, "exit").then(() => true);
	const deadline = performance.now() + UP_DEADLINE_MS;
	while ((await stat(join(data, "network.json")).catch(() => undefined)) === undefined) {
		if (performance.now() > deadline || (await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50))])) === true)
			throw new Error(`the network did not start: ${await readFile(join(data, "logs", "gateway.log"), "utf8").catch(() => "no log")}`);
	}
}, UP_DEADLINE_MS + 10_000);

afterAll(async () => {
	if (network.exitCode === null && network.signalCode === null) {
		network.kill("SIGTERM");
		await once(network, "exit");
	}
	await rm(folder, { recursive: true, force: true });
});

describe("a stranger with a model", () => {
	it("makes a wallet, gets money for trying, and looks into the file", async () => {
		const { address } = (await good("wallet", "create", "ada", "--json")).json() as { address: string };
		expect(address).toMatch(/^0x[0-9a-f]{40}$/);
		await good("faucet", "--account", "ada");
		expect((await good("wallet", "balance", "ada")).out).toBe("100.00 OPG\n");
		expect((await good("model", "inspect", path("thing.onnx"))).out).toContain("takes X: float32 [batch, 2]");
	});

	it("publishes it, and anyone finds it", async () => {
		const published = (await good("model", "publish", path("thing.onnx"), "--name", "ada/thing", "--price", "1", "--title", "A thing", "--account", "ada", "--json")).json() as {
			model: string;
			claimedNamespace: boolean;
		};
		expect(published).toMatchObject({ model: "ada/thing@1.0", claimedNamespace: true });
		const again = (await good("model", "publish", path("thing.onnx"), "--name", "ada/thing", "--price", "1", "--title", "A thing", "--account", "ada", "--json")).json();
		expect(again).not.toHaveProperty("transaction");
		expect((await good("model", "list", "thing")).out).toContain("ada/thing");
		expect((await good("model", "show", "ada/thing")).out).toContain("1.00 OPG a call");
	});

	it("is told what is wrong before anything is sent", async () => {
		await writeFile(path("not-a-model.onnx"), "hello");
		const refused = await freehold.run("--data", data, "model", "publish", path("not-a-model.onnx"), "--name", "ada/other", "--price", "1", "--account", "ada");
		expect([refused.status, refused.out]).toEqual([1, ""]);
		expect(refused.err).toContain("refused");
		const taken = await freehold.run("--data", data, "model", "publish", path("thing.onnx"), "--name", "base/mine", "--price", "1", "--account", "ada");
		expect(taken.err).toContain("The namespace base belongs to");
	});
});

describe("another stranger", () => {
	const receipt = (): string => path("answer.receipt.json");

	it("sees the price, and pays nothing without agreeing", async () => {
		await good("wallet", "create", "bob");
		await good("faucet", "--account", "bob", "--amount", "50");
		expect((await good("infer", "ada/thing", "--quote")).out).toContain("you pay  1.08 OPG");
		const declined = await freehold.run("--data", data, "infer", "ada/thing", "--input", path("question.json"), "--account", "bob");
		expect(declined.status).toBe(1);
		expect(declined.err).toContain("--yes");
		expect((await good("wallet", "balance", "bob")).out).toBe("50.00 OPG\n");
	});

	it("asks, and gets an answer with a complete receipt", async () => {
		const asked = await good("infer", "ada/thing", "--input", path("question.json"), "--receipt", receipt(), "--account", "bob", "--yes", "--json");
		const answer = asked.json() as { outputs: { Y: { data: number[] } }; usage: { charge: string }; callId: string; receiptFile: object };
		expect(answer.outputs.Y.data).toEqual([11, 22]);
		expect(answer.usage.charge).toBe("1080000000000000000");
		expect(Object.keys(answer).sort()).toEqual(["callId", "outputs", "receiptFile", "usage"]);
		expect((await stat(receipt())).size).toBeGreaterThan(5_000);
	});

	it("asks twice at the same time from one channel, and pays for both", async () => {
		await Promise.all([1, 2].map(() => good("infer", "ada/thing", "--input", path("question.json"), "--account", "bob")));
		const { channels } = (await good("channel", "show", "--account", "bob", "--json")).json() as { channels: { charged: string; balance: string }[] };
		expect(channels).toMatchObject([{ charged: "3240000000000000000", balance: "10800000000000000000" }]);
	});

	it("fills the channel, and gets back what is left", async () => {
		await good("channel", "open", "5", "--account", "bob");
		const closed = (await good("channel", "close", "--account", "bob", "--json")).json() as { channels: unknown[] };
		expect(closed.channels).toMatchObject([{ result: "returned", amount: "12560000000000000000" }]);
		expect((await good("channel", "close", "--account", "bob")).out).toContain("Nothing is left");
		const balance = Number((await good("wallet", "balance", "bob")).out.split(" ")[0]);
		// All but three calls and the fee of one transaction.
		expect(balance).toBeGreaterThan(46.75);
		expect(balance).toBeLessThanOrEqual(46.76);
	});

	it("checks the receipt: genuine, altered, misused, short of evidence, not anchored", async () => {
		const verify = (...args: string[]): Promise<Ran> => freehold.run("--data", data, "receipt", "verify", ...args);
		expect(await verify(receipt())).toMatchObject({ status: 0 });
		expect((await verify(receipt(), "--require", "replayed")).status).toBe(3);
		expect((await verify(receipt(), "--require", "magic")).status).toBe(2);
		expect((await verify(path("nothing.json"))).status).toBe(2);
		expect((await verify(receipt(), "--checkpoint", path("password"))).status).toBe(2);
		const text = await readFile(receipt(), "utf8");
		await writeFile(path("altered.json"), text.replace(/"charge": "1080/, '"charge": "2080'));
		expect((await verify(path("altered.json"))).status).toBe(1);
		await writeFile(path("cut.json"), text.slice(0, 1_000));
		expect((await verify(path("cut.json"), "--require", "replayed")).status).toBe(1);

		await good("infer", "ada/thing", "--input", path("question.json"), "--receipt", path("early.json"), "--no-wait", "--account", "bob", "--yes");
		expect((await verify(path("early.json"), "--require", "replayed")).status).toBe(4);
		// The batch is anchored within a moment; refreshing waits for it.
		await good("receipt", "refresh", path("early.json"));
		const verdict = (await verify(path("early.json"), "--json")).json() as { outcome: string; kinds: string[] };
		expect(verdict).toMatchObject({ outcome: "meets", kinds: ["signed"] });
		await good("receipt", "refresh", receipt(), "--out", path("newer.json"));
		expect((await verify(path("newer.json"))).status).toBe(0);
		expect((await good("receipt", "show", receipt())).out).toContain("ada/thing@1.0");
	});
});

describe("the owner", () => {
	it("sees the income and takes it out", async () => {
		const earnings = (await good("earnings", "show", "--account", "ada", "--json")).json() as { claimable: string; byModel: object[]; reconciled: boolean };
		expect(earnings).toMatchObject({ claimable: "4000000000000000000", reconciled: true, byModel: [{ model: "ada/thing", calls: 4, net: "4000000000000000000" }] });
		expect((await good("earnings", "claim", "--account", "ada")).out).toBe("4.00 OPG claimed\n");
		expect((await good("earnings", "claim", "--account", "ada")).out).toBe("Nothing is claimable now.\n");
		expect(Number((await good("wallet", "balance", "ada")).out.split(" ")[0])).toBeGreaterThan(103.99);
	});

	it("changes the price, and retires the release", async () => {
		expect((await good("model", "price", "ada/thing", "0.5", "--account", "ada")).out).toContain("from now on");
		expect((await good("infer", "ada/thing", "--quote")).out).toContain("you pay  0.58 OPG");
		expect((await good("model", "price", "ada/thing", "2", "--account", "ada")).out).toContain("until then the old price holds");
		await good("model", "retire", "ada/thing", "--account", "ada");
		const asked = await freehold.run("--data", data, "infer", "ada/thing", "--input", path("question.json"), "--account", "bob", "--yes", "--json");
		expect(asked.status).toBe(1);
		expect(asked.json()).toMatchObject({ error: { code: "model.retired" } });
	});
});

describe("everyone", () => {
	it("can see it all in one command", async () => {
		const report = (await good("demo", "--json")).json() as { checks: { name: string; ok: boolean }[]; calls: { charge: string }[]; splits: { amount: string }[] };
		expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
		expect(report.checks.map(({ name }) => name)).toEqual(
			expect.arrayContaining(["signed", "request", "answer", "price", "anchored", "sum", "cheat-pixel", "cheat-charge", "cheat-retired"]),
		);
		const sum = (amounts: readonly string[]): bigint => amounts.reduce((total, amount) => total + BigInt(amount), 0n);
		expect(sum(report.calls.map(({ charge }) => charge))).toBe(sum(report.splits.map(({ amount }) => amount)));
	});

	it("can check a copied receipt when the network is gone", async () => {
		await copyFile(join(data, "network.json"), path("trusted.json"));
		network.kill("SIGTERM");
		const [status] = (await once(network, "exit")) as [number];
		expect(status).toBe(0);
		await expect(stat(join(data, "network.json"))).rejects.toThrow();
		await copyFile(path("answer.receipt.json"), path("copy.receipt.json"));
		expect((await good("receipt", "verify", path("copy.receipt.json"))).out).toContain("Genuine.");
		await good("receipt", "verify", path("copy.receipt.json"), "--checkpoint", path("trusted.json"));
		const asked = await freehold.run("--data", data, "infer", "ada/thing", "--input", path("question.json"), "--account", "bob");
		expect(asked.err).toContain("npm start");
	});
});
