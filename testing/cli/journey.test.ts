/** The whole loop by the command line alone: a stranger's model is published, asked by another stranger, checked by anyone, and paid for. */
import { copyFile, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linear } from "../onnx/models.ts";
import { type Ran, shell } from "./command.ts";
import { startTestNetwork, type TestNetwork, UP_DEADLINE_MS } from "./network.ts";

let network: TestNetwork;
const path = (name: string): string => network.path(name);
const good = (...args: string[]): Promise<Ran> => network.good(...args);
const run = (...args: string[]): Promise<Ran> => network.freehold.run(...args);

beforeAll(async () => {
	network = await startTestNetwork("--batch-age", "200");
	await writeFile(path("thing.onnx"), linear([1, 0, 0, 1], [10, 20]));
	await writeFile(path("question.json"), JSON.stringify({ X: [[1, 2]] }));
}, UP_DEADLINE_MS);
afterAll(() => network.remove());

describe("a stranger with a model", () => {
	it("makes a wallet, gets money for trying, and looks into the file", async () => {
		const { address } = (await good("wallet", "create", "ada", "--json")).json() as { address: string };
		expect(address).toMatch(/^0x[0-9a-f]{40}$/);
		await good("faucet", "--account", "ada");
		expect((await good("wallet", "balance", "ada")).out).toBe("100.00 OPG\n");
		expect((await good("model", "inspect", path("thing.onnx"))).out).toContain("takes X: float32 [batch, 2]");
	});

	it("publishes it, and anyone finds it", async () => {
		const published = (
			await good("model", "publish", path("thing.onnx"), "--name", "ada/thing", "--price", "1", "--title", "A thing", "--account", "ada", "--json")
		).json() as {
			model: string;
			claimedNamespace: boolean;
		};
		expect(published).toMatchObject({ model: "ada/thing@1.0", claimedNamespace: true });
		const again = (
			await good("model", "publish", path("thing.onnx"), "--name", "ada/thing", "--price", "1", "--title", "A thing", "--account", "ada", "--json")
		).json();
		expect(again).not.toHaveProperty("transaction");
		expect((await good("model", "list", "thing")).out).toContain("ada/thing");
		expect((await good("model", "show", "ada/thing")).out).toContain("1.00 OPG a call");
	});

	it("is told what is wrong before anything is sent", async () => {
		await writeFile(path("not-a-model.onnx"), "hello");
		const refused = await run("model", "publish", path("not-a-model.onnx"), "--name", "ada/other", "--price", "1", "--account", "ada");
		expect([refused.status, refused.out]).toEqual([1, ""]);
		expect(refused.err).toContain("refused");
		const taken = await run("model", "publish", path("thing.onnx"), "--name", "base/mine", "--price", "1", "--account", "ada");
		expect(taken.err).toContain("The namespace base belongs to");
	});
});

describe("another stranger", () => {
	const receipt = (): string => path("answer.receipt.json");

	it("sees the price, and pays nothing without agreeing", async () => {
		await good("wallet", "create", "bob");
		await good("faucet", "--account", "bob", "--amount", "50");
		expect((await good("infer", "ada/thing", "--quote")).out).toContain("you pay  1.08 OPG");
		const declined = await run("infer", "ada/thing", "--input", path("question.json"), "--account", "bob");
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
		const verify = (...args: string[]): Promise<Ran> => run("receipt", "verify", ...args);
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

describe("checking a receipt", () => {
	it("opens no connection", async () => {
		// Any attempt to connect ends the process with another status.
		const guard = "import { Socket } from 'node:net'; Socket.prototype.connect = () => process.exit(99);";
		const alone = shell({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(guard)}` });
		const checkpoint = join(network.data, "checkpoint.json");
		expect(await alone.run("receipt", "verify", path("answer.receipt.json"), "--checkpoint", checkpoint)).toMatchObject({ status: 0 });
		expect((await alone.run("--network", join(network.data, "network.json"), "model", "list")).status).toBe(99);
	});
});

describe("the owner", () => {
	it("sees the income and takes it out", async () => {
		const earnings = (await good("earnings", "show", "--account", "ada", "--json")).json() as { claimable: string; byModel: object[]; reconciled: boolean };
		expect(earnings).toMatchObject({
			claimable: "4000000000000000000",
			reconciled: true,
			byModel: [{ model: "ada/thing", calls: 4, net: "4000000000000000000" }],
		});
		expect((await good("earnings", "claim", "--account", "ada")).out).toBe("4.00 OPG claimed\n");
		expect((await good("earnings", "claim", "--account", "ada")).out).toBe("Nothing is claimable now.\n");
		expect(Number((await good("wallet", "balance", "ada")).out.split(" ")[0])).toBeGreaterThan(103.99);
	});

	it("changes the price, and retires the release", async () => {
		expect((await good("model", "price", "ada/thing", "0.5", "--account", "ada")).out).toContain("from now on");
		expect((await good("infer", "ada/thing", "--quote")).out).toContain("you pay  0.58 OPG");
		expect((await good("model", "price", "ada/thing", "2", "--account", "ada")).out).toContain("until then the old price holds");
		await good("model", "retire", "ada/thing", "--account", "ada");
		const asked = await run("infer", "ada/thing", "--input", path("question.json"), "--account", "bob", "--yes", "--json");
		expect(asked.status).toBe(1);
		expect(asked.json()).toMatchObject({ error: { code: "model.retired" } });
	});
});

describe("everyone", () => {
	it("can see it all in one command", async () => {
		const report = (await good("demo", "--json")).json() as {
			checks: { name: string; ok: boolean }[];
			calls: { charge: string }[];
			splits: { amount: string }[];
		};
		expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
		expect(report.checks.map(({ name }) => name)).toEqual(
			expect.arrayContaining(["signed", "request", "answer", "price", "anchored", "sum", "cheat-pixel", "cheat-charge", "cheat-retired"]),
		);
		const sum = (amounts: readonly string[]): bigint => amounts.reduce((total, amount) => total + BigInt(amount), 0n);
		expect(sum(report.calls.map(({ charge }) => charge))).toBe(sum(report.splits.map(({ amount }) => amount)));
	});

	it("can check a copied receipt when the network is gone", async () => {
		await copyFile(join(network.data, "network.json"), path("trusted.json"));
		expect(await network.stop()).toBe(0);
		await expect(stat(join(network.data, "network.json"))).rejects.toThrow();
		await copyFile(path("answer.receipt.json"), path("copy.receipt.json"));
		expect((await good("receipt", "verify", path("copy.receipt.json"))).out).toContain("Genuine.");
		await good("receipt", "verify", path("copy.receipt.json"), "--checkpoint", path("trusted.json"));
		const asked = await run("infer", "ada/thing", "--input", path("question.json"), "--account", "bob");
		expect(asked.err).toContain("npm start");
	});
});
