/** Journey 5, leaving: what somebody owns goes along in open formats and comes back on another network with the same digests; a whole network can be rebuilt from an export. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NetworkFile } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ran, type Shell, shell } from "../cli/command.js";
import { startTestNetwork, type TestNetwork } from "../cli/network.js";
import { freePort, type Machine, machine } from "../join/machine.js";
import { eventually } from "../journey/programs.js";
import { linear } from "../onnx/models.js";

/** Each command is a process of its own that opens a key by scrypt. */
const SLOW_MACHINE_MS = 300_000;

let old: TestNetwork;
let file: NetworkFile;
let there: Machine;
let fresh: TestNetwork | undefined;
let folder: string;
const at = (...path: string[]): string => join(folder, ...path);
const json = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, "utf8")) as T;

interface Release {
	readonly model: string;
	readonly release: string;
	readonly manifest: string;
}

/** What the hub says of everything, before the network is left. */
let answers: ReadonlyMap<string, unknown>;
let ana: `0x${string}`;

async function good(on: Shell, ...args: string[]): Promise<Ran> {
	const ran = await on.run(...args);
	if (ran.status !== 0) throw new Error(`freehold ${args.join(" ")} ended with ${ran.status}: ${ran.out}${ran.err}`);
	return ran;
}

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-leave-"));
	old = await startTestNetwork("--batch-age", "200");
	file = await json<NetworkFile>(join(old.data, "network.json"));
	there = await machine(file.gatewayUrl);
	ana = await there.account("ana", "300");
	await writeFile(at("one.onnx"), linear([1, 0, 0, 1], [10, 20]));
	await writeFile(at("two.onnx"), linear([2, 0, 0, 2], [1, 2]));
	await writeFile(at("licence.txt"), "Use it kindly.\n");
	await writeFile(at("card.md"), "# One\n");
	await writeFile(at("question.json"), JSON.stringify({ X: [[1, 2]] }));
	const publish = (path: string, name: string, ...more: string[]) => there.good("model", "publish", at(path), "--name", name, "--account", "ana", ...more);
	await publish(
		"one.onnx",
		"ana/one",
		"--price",
		"1",
		"--card",
		at("card.md"),
		"--licence-file",
		at("licence.txt"),
		"--descendant-share",
		"1000",
		"--tag",
		"tiny",
	);
	await publish("two.onnx", "ana/two", "--price", "2", "--parent", "ana/one@1.0:1500", "--title", "Two");
	await publish("two.onnx", "ana/one", "--release", "1.1", "--price", "3");
	await there.good("model", "retire", "ana/one@1.1", "--account", "ana");
	await there.good("infer", "ana/two", "--input", at("question.json"), "--receipt", at("kept.receipt.json"), "--account", "ana", "--yes");
	await eventually(
		async () => {
			const { claimable } = (await there.good("earnings", "show", "--account", "ana", "--json")).json() as { claimable: string };
			return claimable === (2n * 10n ** 18n).toString() ? true : undefined;
		},
		"the call was not paid",
		30_000,
	);
}, SLOW_MACHINE_MS);
afterAll(async () => {
	await there?.remove();
	await old?.remove();
	await fresh?.remove();
	await rm(folder, { recursive: true, force: true });
});

describe("an account", () => {
	it("takes everything along, in formats that need no Freehold to be read", async () => {
		const exported = (await there.good("export", at("ana"), "--account", "ana", "--json")).json() as {
			releases: Release[];
			receipts: string[];
			keystore: boolean;
		};
		expect(exported.releases.map(({ model }) => model)).toEqual(["ana/one@1.0", "ana/two@1.0", "ana/one@1.1"]);
		expect(exported).toMatchObject({ keystore: true, receipts: [expect.any(String)] });
		for (const { model, manifest } of exported.releases) {
			const root = at("ana", "models", ...model.replace("@", "/").split("/"));
			const text = await readFile(join(root, "manifest.json"));
			expect(`0x${createHash("sha256").update(text).digest("hex")}`).toBe(manifest);
			const { files } = JSON.parse(text.toString("utf8")) as { files: { path: string; sha256: string }[] };
			for (const { path, sha256 } of files)
				expect(
					`0x${createHash("sha256")
						.update(await readFile(join(root, "files", path)))
						.digest("hex")}`,
				).toBe(sha256);
			await good(shell({}), "certificate", "verify", join(root, "certificate.json"), "--checkpoint", at("ana", "checkpoint.json"));
		}
		expect(await json<{ owner: string; publisher: string }>(at("ana", "models", "ana", "two", "1.0", "registry.json"))).toMatchObject({
			owner: ana,
			publisher: ana,
			parents: [{ bps: 1500 }],
			price: { perCall: (2n * 10n ** 18n).toString() },
		});
		const csv = (await readFile(at("ana", "earnings.csv"), "utf8")).trim().split("\n");
		expect(csv[0]).toBe("day,release,source,amount,opg");
		expect(csv.some((line) => /^\d{4}-\d\d-\d\d,ana\/one@1\.0,descendants,300000000000000000,0\.30$/.test(line))).toBe(true);
		expect((await json<{ crypto: object; address: string }>(at("ana", "account.json"))).address).toBe(ana.slice(2));
		expect(JSON.stringify(await json(at("ana", "account.json")))).not.toContain("privateKey");
		expect(await readdir(at("ana", "licences"))).toHaveLength(1);
	});

	it("can be exported again into the same folder", async () => {
		const again = (await there.good("export", at("ana"), "--account", "ana", "--json")).json() as { receipts: string[] };
		expect(again.receipts).toHaveLength(1);
	});
});

describe("a whole network", () => {
	it("is exported, and what is rebuilt from it gives identical answers", { timeout: SLOW_MACHINE_MS }, async () => {
		const releases = (await json<{ releases: Release[] }>(at("ana", "export.json"))).releases;
		const paths = [
			"/v1/models?sort=name",
			"/v1/models?q=two",
			"/v1/models/ana/one",
			"/v1/models/ana/two",
			"/v1/models/plus/digits",
			"/v1/models/ana/two/usage",
			"/v1/calls",
			"/v1/namespaces/ana",
			...releases.map(({ release }) => `/v1/releases/${release}/lineage`),
			`/v1/earnings/${ana}`,
		];
		const ask = async (hub: string): Promise<ReadonlyMap<string, unknown>> =>
			new Map(await Promise.all(paths.map(async (path) => [path, withoutMoment(await (await fetch(`${hub}${path}`)).json())] as const)));
		answers = await ask(file.hubUrl);
		const exported = (await there.good("export", at("whole"), "--whole", "--json")).json() as { height: number; releases: number };
		// Those that every local network is seeded with too.
		const { models } = answers.get("/v1/models?sort=name") as { models: readonly { model: string }[] };
		const counts = await Promise.all(
			models.map(async ({ model }) => ((await (await fetch(`${file.hubUrl}/v1/models/${model}`)).json()) as { releases: unknown[] }).releases.length),
		);
		expect(exported.releases).toBe(counts.reduce((sum, count) => sum + count, 0));
		expect(await old.stop()).toBe(0);

		const [ledger, storage, hub] = [await freePort(), await freePort(), await freePort()];
		const url = (port: number): string => `http://127.0.0.1:${port}`;
		const alone = await machine(at("whole", "checkpoint.json"));
		try {
			const role = (name: string, port: number, ...args: string[]) =>
				alone.role(name, ["--port", String(port), "--data", alone.path(name), ...args], {}, false);
			await role("ledger", ledger, "--replay", at("whole", "chain"), "--checkpoint", at("whole", "checkpoint.json"));
			await role("storage", storage);
			await good(alone.freehold, "import", at("whole"), "--whole", "--storage-url", url(storage));
			await role("hub", hub, "--rpc-url", url(ledger), "--storage-url", url(storage));
			// Manifests and cards come from storage a moment after the chain.
			await eventually(async () => (JSON.stringify([...(await ask(url(hub)))]) === JSON.stringify([...answers]) ? true : undefined), "", 90_000).catch(
				() => undefined,
			);
			expect(await ask(url(hub))).toEqual(answers);
			const refused = (await (
				await fetch(url(ledger), {
					method: "POST",
					headers: { "content-type": "application/json" },
					body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_sendRawTransaction", params: ["0x02c0"] }),
				})
			).json()) as { error: { message: string } };
			expect(refused.error.message).toContain("takes no transactions");
		} finally {
			await alone.remove();
		}
	});
});

describe("on a fresh network", () => {
	it("the same owner publishes the same releases under the same ids, and old receipts stay genuine", { timeout: SLOW_MACHINE_MS }, async () => {
		fresh = await startTestNetwork("--batch-age", "200");
		const home = await machine(join(fresh.data, "network.json"));
		try {
			// The key comes with the export and opens with the passphrase that it had.
			await writeFile(home.path("password"), "another horse\n");
			await home.good("faucet", "--account", ana, "--amount", "100");
			const imported = (await home.good("import", at("ana"), "--account", "ana", "--json")).json() as {
				account: string;
				releases: (Release & { retired: boolean })[];
			};
			expect(imported.account).toBe(ana);
			const { releases } = await json<{ releases: Release[] }>(at("ana", "export.json"));
			expect(imported.releases.map(({ model, release, manifest }) => ({ model, release, manifest }))).toEqual(releases);
			expect(imported.releases.map(({ retired }) => retired)).toEqual([false, false, true]);
			await home.good("export", at("again"), "--account", "ana");
			for (const { model } of releases) {
				const path = ["models", ...model.replace("@", "/").split("/")];
				expect(await readFile(at("again", ...path, "manifest.json"), "utf8")).toBe(await readFile(at("ana", ...path, "manifest.json"), "utf8"));
				const files = await readdir(at("ana", ...path, "files"));
				expect(await readdir(at("again", ...path, "files"))).toEqual(files);
				for (const name of files) expect(await readFile(at("again", ...path, "files", name))).toEqual(await readFile(at("ana", ...path, "files", name)));
				const [before, after] = await Promise.all(["ana", "again"].map((root) => json<Record<string, unknown>>(at(root, ...path, "registry.json"))));
				expect({ ...after, publishedAt: 0, retiredAt: 0 }).toEqual({ ...before, publishedAt: 0, retiredAt: 0 });
			}
			const [receipt = ""] = await readdir(at("ana", "receipts"));
			await good(shell({}), "receipt", "verify", at("ana", "receipts", receipt), "--checkpoint", at("ana", "checkpoint.json"));
			expect((await shell({}).run("receipt", "verify", at("ana", "receipts", receipt), "--checkpoint", at("again", "checkpoint.json"))).status).toBe(1);
			const asked = (await home.good("infer", "ana/two", "--input", at("question.json"), "--account", "ana", "--yes", "--json")).json() as { outputs: object };
			expect(asked.outputs).toMatchObject({ Y: { data: [3, 6] } });
			// Once more changes nothing.
			expect((await home.good("import", at("ana"), "--account", "ana", "--json")).json()).toMatchObject({
				releases: [{ published: false }, { published: false }, { published: false }],
			});
		} finally {
			await home.remove();
		}
	});
});

/**
 * Two things that are not of chain and blobs but of the moment: the height of the last block, which goes on while nothing happens, and Walrus ids, which storage computes
 * in the background and the hub shows once it has asked again.
 */
function withoutMoment(body: unknown): unknown {
	const text = JSON.stringify(body, (key, value: unknown) => (key === "blobId" ? undefined : value));
	const value = JSON.parse(text) as unknown;
	return typeof value === "object" && value !== null && "height" in value ? { ...value, height: 0 } : value;
}
