/** What an owner may do with what is theirs, by the command line: price, terms, certificate, licence, co-owners, namespaces, giving away. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { eventually } from "../journey/programs.ts";
import { linear } from "../onnx/models.ts";
import { type Ran, shell } from "./command.ts";
import { startTestNetwork, type TestNetwork, UP_DEADLINE_MS } from "./network.ts";

const OPG = 10n ** 18n;
/** Each command is a process of its own; on a busy machine these are slow. */
vi.setConfig({ testTimeout: 300_000 });

let network: TestNetwork;
/** Addresses of development accounts. */
let addresses: Record<string, string>;
const path = (name: string): string => network.path(name);
const good = (...args: string[]): Promise<Ran> => network.good(...args);
const run = (...args: string[]): Promise<Ran> => network.freehold.run(...args);
const json = async <T>(...args: string[]): Promise<T> => (await good(...args, "--json")).json() as T;
const ask = (model: string, account: string, ...more: string[]): Promise<Ran> =>
	good("infer", model, "--input", path("question.json"), "--account", account, "--yes", ...more);
const claimable = async (account: string): Promise<bigint> => BigInt((await json<{ claimable: string }>("earnings", "show", "--account", account)).claimable);
/** Waits until the account's income is in the chain. */
const earned = (account: string, amount: bigint): Promise<true> =>
	eventually(async () => ((await claimable(account)) === amount ? true : undefined), `${account} did not earn ${amount}`, 30_000);

beforeAll(async () => {
	network = await startTestNetwork("--batch-age", "200");
	const accounts = JSON.parse(await readFile(join(network.data, "accounts.json"), "utf8")) as { name: string; address: string }[];
	addresses = Object.fromEntries(accounts.map(({ name, address }) => [name, address]));
	await writeFile(path("thing.onnx"), linear([1, 0, 0, 1], [10, 20]));
	await writeFile(path("child.onnx"), linear([2, 0, 0, 2], [1, 2]));
	await writeFile(path("question.json"), JSON.stringify({ X: [[1, 2]] }));
	await writeFile(path("LICENSE.txt"), "Use it kindly.\n");
	await good(
		...["model", "publish", path("thing.onnx"), "--name", "ann/thing", "--price", "1", "--licence-file", path("LICENSE.txt")],
		...["--descendant-share", "500", "--descendant-floor", "0.2", "--account", "dev-4"],
	);
}, UP_DEADLINE_MS);
afterAll(() => network.remove());

describe("a licence", () => {
	const kept = async (): Promise<string[]> => readdir(join(path("home"), "licences", "10741", addresses["dev-6"] ?? "")).catch(() => []);

	it("is shown, and accepted before the first paid call; not without a yes", async () => {
		const refused = await run("infer", "ann/thing", "--input", path("question.json"), "--account", "dev-6", "--json");
		expect(refused.status).toBe(1);
		expect(refused.json()).toMatchObject({ error: { code: "licence.declined" } });
		expect(refused.err).toContain("Use it kindly.");
		expect(await kept()).toEqual([]);
		expect((await good("model", "licence", "ann/thing")).out).toBe("Use it kindly.\n");
	});

	it("is asked once, kept beside the keys, and recorded with the call", async () => {
		const asked = await ask("ann/thing", "dev-6", "--json");
		expect(asked.err).toContain("Use it kindly.");
		const { callId } = asked.json() as { callId: string };
		const [file = ""] = await kept();
		const accepted = JSON.parse(await readFile(join(path("home"), "licences", "10741", addresses["dev-6"] ?? "", file), "utf8")) as {
			text: string;
			signature: string;
		};
		const { gatewayUrl } = JSON.parse(await readFile(join(network.data, "network.json"), "utf8")) as { gatewayUrl: string };
		const call = (await (await fetch(`${gatewayUrl}/v1/calls/${callId}`)).json()) as { licence?: object };
		expect(call.licence).toEqual({ text: accepted.text, signature: accepted.signature });
		expect((await ask("ann/thing", "dev-6")).err).not.toContain("Use it kindly.");
	});

	it("is accepted for an API key when the key is made, or later; once", async () => {
		const made = await good("key", "create", "--budget", "1", "--models", "ann/thing", "--account", "dev-7", "--yes", "--json");
		expect(made.err).toContain("Use it kindly.");
		expect((made.json() as { licences: string[] }).licences).toHaveLength(1);
		const forAll = (await good("key", "create", "--budget", "1", "--account", "dev-7", "--yes", "--json")).json() as { id: string; licences: string[] };
		expect(forAll.licences).toEqual([]);
		const accepted = await good("key", "accept", forAll.id, "ann/thing", "--account", "dev-7", "--json");
		expect(accepted.err).not.toContain("Use it kindly.");
		expect((accepted.json() as { licences: string[] }).licences).toHaveLength(1);
		expect((await good("model", "licence", "ann/thing", "--accept", "--account", "dev-7")).out).toContain("Accepted");
	});

	it("cannot be forged: an acceptance that the payer did not sign is refused", async () => {
		const [file = ""] = await kept();
		const at = join(path("home"), "licences", "10741", addresses["dev-6"] ?? "", file);
		await writeFile(at, (await readFile(at, "utf8")).replace(/"text": "0x.{8}/, '"text": "0x00000000'));
		// The file proves nothing any more: the licence is asked for again.
		expect((await ask("ann/thing", "dev-6")).err).toContain("Use it kindly.");
	});
});

describe("prices and terms", () => {
	it("are versions: a cut counts at once, a rise waits for its notice, and all of it can be read", async () => {
		await good("model", "price", "ann/thing", "0.5", "--account", "dev-4");
		await good("model", "price", "ann/thing", "3", "--account", "dev-4");
		const { prices } = await json<{ prices: { perCall: string; state: string }[] }>("model", "price", "ann/thing");
		expect(prices.map(({ perCall, state }) => [perCall, state])).toEqual([
			[OPG.toString(), "ended"],
			[(OPG / 2n).toString(), "in force"],
			[(3n * OPG).toString(), "waits"],
		]);
	});

	it("say what descendants owe, and which share keeps them", async () => {
		const terms = await json<{ leastBps: number; leastPerCall: string; shareNeeded: number; licence: string }>(
			"model",
			"terms",
			"ann/thing",
			"--child-price",
			"0.5",
		);
		expect(terms).toMatchObject({ leastBps: 500, leastPerCall: (OPG / 5n).toString(), shareNeeded: 4_000, licence: "LicenseRef-LICENSE" });
		const parent = (share: number) => ["--parent", `ann/thing@1.0:${share}`, "--price", "0.5", "--name", "ben/child", "--account", "dev-5"];
		expect((await run("model", "publish", path("child.onnx"), ...parent(3_999))).status).toBe(1);
		await good("model", "publish", path("child.onnx"), ...parent(4_000));
	});
});

describe("a certificate", () => {
	it("proves, without a network, who published which bytes when, and who owns them", async () => {
		await good("model", "certificate", "ann/thing", "--out", path("thing.certificate.json"));
		const alone = shell({
			NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent("import { Socket } from 'node:net'; Socket.prototype.connect = () => process.exit(99);")}`,
		});
		const verify = (...args: string[]): Promise<Ran> =>
			alone.run("certificate", "verify", ...args, "--checkpoint", join(network.data, "checkpoint.json"), "--json");
		const verdict = await verify(path("thing.certificate.json"), "--file", path("thing.onnx"));
		expect(verdict.status).toBe(0);
		expect(verdict.json()).toMatchObject({
			outcome: "genuine",
			facts: { model: "ann/thing@1.0", publisher: addresses["dev-4"], owner: addresses["dev-4"] },
			file: { path: "model.onnx" },
		});
		expect((await verify(path("thing.certificate.json"), "--file", path("child.onnx"))).status).toBe(1);
		const text = await readFile(path("thing.certificate.json"), "utf8");
		const edits: readonly (readonly [RegExp, string])[] = [
			[/ann\/thing@1\.0/, "ann/thing@1.1"],
			[/\\"licence\\":\\"LicenseRef-LICENSE\\"/, '\\"licence\\":\\"MIT\\"'],
			[/"appHash": "0x../, '"appHash": "0x00'],
			[/"chainId": 10741/, '"chainId": 10740'],
			[/"signature": "0x../, '"signature": "0x00'],
		];
		for (const [from, to] of edits) {
			const edited = text.replace(from, to);
			expect(edited, String(from)).not.toBe(text);
			await writeFile(path("edited.json"), edited);
			expect((await verify(path("edited.json"))).status, String(from)).toBe(1);
		}
		expect((await verify(path("nothing.json"))).status).toBe(2);
	});
});

describe("a model that is given away", () => {
	it("leaves past income with the old owner, what descendants had booked included; future income is the new owner's", async () => {
		const before = await claimable("dev-4");
		await ask("ben/child", "dev-6");
		await earned("dev-4", before + OPG / 5n);
		const moved = await json<{ from: string; to: string }>("model", "transfer", "ann/thing", "dev-7", "--account", "dev-4");
		expect(moved).toMatchObject({ from: addresses["dev-4"], to: addresses["dev-7"] });
		await ask("ann/thing", "dev-6");
		await earned("dev-7", OPG / 2n);
		expect(await claimable("dev-4")).toBe(before + OPG / 5n);
		const refused = await run("model", "price", "ann/thing", "1", "--account", "dev-4", "--json");
		expect(refused.json()).toMatchObject({ error: { code: "model.notOwner" } });
		await good("model", "certificate", "ann/thing", "--out", path("moved.certificate.json"));
		const verdict = await json<{ facts: object }>("certificate", "verify", path("moved.certificate.json"));
		expect(verdict.facts).toMatchObject({ publisher: addresses["dev-4"], owner: addresses["dev-7"] });
	});

	it("shows its income by day, release and source", async () => {
		const { by } = await json<{ by: { source: string; release: string; amount: string }[] }>(
			"earnings",
			"show",
			"--by",
			"release,source",
			"--account",
			"dev-4",
		);
		expect(by).toEqual(
			expect.arrayContaining([
				{ release: "ann/thing@1.0", source: "descendants", amount: (OPG / 5n).toString() },
				expect.objectContaining({ release: "ann/thing@1.0", source: "calls" }),
			]),
		);
		const sum = (rows: readonly { amount: string }[]): bigint => rows.reduce((total, { amount }) => total + BigInt(amount), 0n);
		const days = await json<{ by: { day: string; amount: string }[] }>("earnings", "show", "--by", "day", "--account", "dev-4");
		expect(sum(days.by)).toBe(sum(by));
		expect(days.by.every(({ day }) => /^\d{4}-\d{2}-\d{2}$/.test(day))).toBe(true);
		expect((await run("earnings", "show", "--by", "moon", "--account", "dev-4")).status).toBe(1);
	});
});

describe("a model of several owners", () => {
	it("pays each by shares, and changes when enough of them agree", async () => {
		const opened = await json<{ account: string; threshold: string }>(
			...(["coowners", "open", "--member", "dev-7:60", "--member", "dev-8:40", "--threshold", "61", "--account", "dev-9"] as const),
		);
		await good("model", "transfer", "ann/thing", opened.account, "--account", "dev-7");
		const price = ["model", "price", "ann/thing", "0.25", "--as", opened.account];
		expect(await json<object>(...price, "--account", "dev-7")).toMatchObject({ done: false, agreedShares: "60", threshold: "61" });
		expect(await json<object>(...price, "--account", "dev-8")).toMatchObject({ done: true, agreedShares: "100" });
		expect((await run(...price, "--account", "dev-9")).status).toBe(1);
		await ask("ann/thing", "dev-6");
		await eventually(
			async () => ((await json<{ waiting: string }>("coowners", "show", opened.account)).waiting === (OPG / 4n).toString() ? true : undefined),
			"the call was not paid",
			30_000,
		);
		const { paid } = await json<{ paid: { member: string; amount: string }[] }>("coowners", "pay", opened.account, "--account", "dev-9");
		expect(paid).toEqual([
			{ member: addresses["dev-7"], amount: (((OPG / 4n) * 6n) / 10n).toString() },
			{ member: addresses["dev-8"], amount: (((OPG / 4n) * 4n) / 10n).toString() },
		]);
		expect((await run("coowners", "show", addresses["dev-9"] ?? "", "--json")).json()).toMatchObject({ error: { code: "account.notCommon" } });
	});
});

describe("a namespace", () => {
	it("is claimed with a warning when it looks like another, and can be given away", async () => {
		const claimed = await run("namespace", "claim", "p1us", "--account", "dev-8");
		expect([claimed.status, claimed.out]).toEqual([0, "p1us is yours\n"]);
		expect(claimed.err).toContain("It could be taken for plus of");
		expect(await json<object>("namespace", "show", "p1us")).toMatchObject({ owner: addresses["dev-8"], alike: [{ namespace: "plus" }] });
		expect((await run("namespace", "transfer", "p1us", "dev-9", "--account", "dev-7")).status).toBe(1);
		await good("namespace", "transfer", "p1us", "dev-9", "--account", "dev-8");
		expect(await json<object>("namespace", "show", "p1us")).toMatchObject({ owner: addresses["dev-9"] });
		const published = await run("model", "publish", path("thing.onnx"), "--name", "base-/x", "--price", "1", "--account", "dev-9");
		expect(published.err).toContain("It could be taken for base of");
	});
});
