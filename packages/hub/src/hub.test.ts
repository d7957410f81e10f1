import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	canonicalJson,
	concatBytes,
	defaultHashes,
	type EarningsBody,
	fromHex,
	type Hex,
	hubRoutes,
	type ModelBody,
	type ModelListBody,
	modelId,
	releaseId,
	toHex,
	utf8,
} from "@freehold/protocol";
import type { ChainEvent } from "@freehold/sdk/chain";
import { createDigestSigner, type Handler, type HttpRequest, nativeCrypto } from "@freehold/service";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Connection, openDatabase } from "./database/database.js";
import { applyEvent } from "./indexing/apply.js";
import type { Indexer, ReleaseContent } from "./indexing/indexer.js";
import { refreshShown } from "./indexing/shown.js";
import { openapiDocument } from "./openapi/openapi.js";
import { showDiff } from "./routes/diff.js";
import { listFacets } from "./routes/facets.js";
import { atomFeed, jsonFeed } from "./routes/feeds.js";
import { showLineage } from "./routes/lineage.js";
import { listModels, showCard, showModel } from "./routes/models.js";
import { listCalls, showEarnings } from "./routes/money.js";
import { takeHeartbeat } from "./routes/nodes.js";
import { withEtag } from "./routes/respond.js";
import { searchExpression } from "./search/search.js";

const NOW = Date.UTC(2026, 0, 2, 12);
const clock = { now: () => NOW };
const ana = `0x${"a1".repeat(20)}` as Hex;
const ben = `0x${"b2".repeat(20)}` as Hex;
const base = { model: modelId("base", "digits"), release: releaseId(modelId("base", "digits"), { major: 1, minor: 0 }) };
const plus = { model: modelId("plus", "digits"), release: releaseId(modelId("plus", "digits"), { major: 1, minor: 0 }) };

let folder = "";
let db: Connection;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "freehold-hub-"));
	db = openDatabase(folder);
});
afterEach(() => {
	db.close();
	rmSync(folder, { recursive: true });
});

function apply(name: string, args: Readonly<Record<string, unknown>>): void {
	const event: ChainEvent = { address: ana, name, args, transactionHash: `0x${"77".repeat(32)}`, transactionIndex: 0, logIndex: 0 };
	applyEvent(db, event, { block: 7n, time: NOW });
}

function publish(namespace: string, owner: Hex, ids: { readonly model: Hex; readonly release: Hex }, parents: readonly { release: Hex; bps: number }[]): void {
	apply("Transfer", { from: `0x${"00".repeat(20)}`, to: owner, tokenId: BigInt(ids.model) });
	apply("ModelCreated", { modelId: BigInt(ids.model), owner, namespace, name: "digits", saleRoyaltyBps: 0 });
	apply("ReleasePublished", {
		release: ids.release,
		modelId: BigInt(ids.model),
		publisher: owner,
		data: { major: 1, minor: 0, format: 1, modes: 3, manifest: `0x${"11".repeat(32)}`, licence: "Apache-2.0", parents },
	});
	apply("PriceSet", { release: ids.release, version: 1, perCall: 10n ** 18n, perInputUnit: 0n, perOutputUnit: 0n, validFrom: BigInt(NOW / 1000 - 10) });
}

/** One paid call of the child: 0.9 to its owner, 0.1 on its way to the base. */
function pay(): void {
	apply("LinePaid", {
		gateway: ben,
		seq: 1n,
		release: plus.release,
		index: 0n,
		priceVersion: 1,
		node: ben,
		calls: 1n,
		inputUnits: 64n,
		outputUnits: 11n,
		ownerAmount: 10n ** 18n,
		nodeFee: 5n * 10n ** 16n,
		gatewayFee: 3n * 10n ** 16n,
		protocolFee: 108n * 10n ** 14n,
	});
	apply("OwnerCredited", { release: plus.release, owner: ben, amount: 9n * 10n ** 17n, fromDescendants: false });
	apply("OwnerCredited", { release: base.release, owner: ana, amount: 10n ** 17n, fromDescendants: true });
}

async function ask<T>(handler: Handler, params: Readonly<Record<string, string>> = {}, query = ""): Promise<T> {
	const request: HttpRequest = {
		method: "GET",
		path: "/",
		params,
		query: new URLSearchParams(query),
		headers: {},
		remoteAddress: "127.0.0.1",
		remotePort: 1,
		signal: new AbortController().signal,
		bytes: () => Promise.reject(new Error("no body")),
		json: () => Promise.resolve(body),
		stream: process.stdin,
	};
	const response = await handler(request);
	return response.body === undefined ? (undefined as T) : (JSON.parse(String(response.body)) as T);
}
let body: unknown;

describe("the index", () => {
	beforeEach(() => {
		publish("base", ana, base, []);
		publish("plus", ben, plus, [{ release: base.release, bps: 1000 }]);
	});

	test("lists models newest first, by owner, and in pages", async () => {
		const all = await ask<ModelListBody>(listModels(db, clock));
		expect(all.models.map(({ model }) => model)).toEqual(["base/digits", "plus/digits"]);
		expect(all.models[0]?.latest).toEqual({
			release: base.release,
			version: "1.0",
			perCall: (10n ** 18n).toString(),
			perInputUnit: "0",
			perOutputUnit: "0",
		});
		expect((await ask<ModelListBody>(listModels(db, clock), {}, `owner=${ana}`)).models).toHaveLength(1);
		const first = await ask<ModelListBody>(listModels(db, clock), {}, "limit=1");
		expect(first).toMatchObject({ total: 2, cursor: "1" });
		const second = await ask<ModelListBody>(listModels(db, clock), {}, `limit=1&cursor=${first.cursor}`);
		expect(second.models.map(({ model }) => model)).toEqual(["plus/digits"]);
		expect(second.cursor).toBeUndefined();
	});

	test("finds words by their beginnings, and nothing for words that no model has", async () => {
		expect((await ask<ModelListBody>(listModels(db, clock), {}, "q=dig")).total).toBe(2);
		expect((await ask<ModelListBody>(listModels(db, clock), {}, "q=plus dig")).models[0]?.model).toBe("plus/digits");
		expect((await ask<ModelListBody>(listModels(db, clock), {}, "q=whale")).total).toBe(0);
	});

	test.each(['"', 'a" OR "b', "NEAR(", "*", "model:x", "-", "😀"])("takes %j as words, never as search syntax", async (query) => {
		expect((await ask<ModelListBody>(listModels(db, clock), {}, `q=${encodeURIComponent(query)}`)).total).toBeGreaterThanOrEqual(0);
		expect(searchExpression(db, query).match ?? "").toMatch(/^("[\p{L}\p{N}]+"\*( AND |$))*$/u);
	});

	test("refuses a page size out of bounds and an unknown order, naming the field", async () => {
		await expect(ask(listModels(db, clock), {}, "limit=1000")).rejects.toMatchObject({ code: "request.invalid", detail: { field: "limit", limit: 100 } });
		await expect(ask(listModels(db, clock), {}, "sort=random")).rejects.toMatchObject({ detail: { field: "sort" } });
	});

	test("shows a model with parents by name and price versions with their intervals", async () => {
		apply("PriceSet", {
			release: plus.release,
			version: 2,
			perCall: 2n * 10n ** 18n,
			perInputUnit: 0n,
			perOutputUnit: 0n,
			validFrom: BigInt(NOW / 1000 + 3600),
		});
		const model = await ask<ModelBody>(showModel(db, clock), { namespace: "plus", name: "digits" });
		const [release] = model.releases ?? [];
		expect(release?.parents).toEqual([{ release: base.release, model: "base/digits@1.0", bps: 1000 }]);
		expect(release?.prices.map(({ version, until }) => ({ version, until }))).toEqual([
			{ version: 1, until: NOW + 3_600_000 },
			{ version: 2, until: undefined },
		]);
		expect(model.latest?.perCall).toBe((10n ** 18n).toString());
	});

	test("moves a model to whoever holds its token, and takes a retired release out of the latest", async () => {
		apply("Transfer", { from: ben, to: ana, tokenId: BigInt(plus.model) });
		apply("ReleaseRetired", { release: plus.release, retiredAt: BigInt(NOW / 1000) });
		const model = await ask<ModelBody>(showModel(db, clock), { namespace: "plus", name: "digits" });
		expect(model.owner).toBe(ana);
		expect(model.latest).toBeUndefined();
	});

	test("knows no model that is not there", async () => {
		await expect(ask(showModel(db, clock), { namespace: "base", name: "whale" })).rejects.toMatchObject({ code: "model.notFound" });
	});

	test("walks the lineage both ways", async () => {
		const graph = await ask<{ edges: unknown[]; complete: boolean }>(showLineage(db), { release: base.release });
		expect(graph).toMatchObject({ edges: [{ child: plus.release, parent: base.release, bps: 1000 }], complete: true });
	});

	test("adds up earnings by source and says whether the chain agrees", async () => {
		pay();
		pay();
		apply("Claimed", { owner: ana, to: ana, amount: 10n ** 17n });
		const reads: string[] = [];
		const chain = (claimable: bigint) => ({
			read: (_contract: unknown, name: string) => {
				reads.push(name);
				return Promise.resolve(name === "claimable" ? claimable : 5n);
			},
		});
		const earnings = (claimable: bigint): Promise<EarningsBody> =>
			ask(showEarnings(db, chain(claimable) as never, { height: 7n } as Indexer), { address: ana });
		const agreed = await earnings(10n ** 17n);
		expect(agreed).toMatchObject({ claimable: (10n ** 17n).toString(), upstream: "5", claimed: (10n ** 17n).toString(), reconciled: true, height: 7 });
		expect(agreed.byModel).toEqual([
			{ model: "base/digits", calls: 0, gross: "0", net: (2n * 10n ** 17n).toString(), direct: "0", fromDescendants: (2n * 10n ** 17n).toString() },
		]);
		expect((await earnings(10n ** 17n + 1n)).reconciled).toBe(false);
	});

	test("lists paid lines newest first, each with its model", async () => {
		pay();
		pay();
		const calls = await ask<{ lines: { id: number; model: string }[]; cursor?: string }>(listCalls(db), {}, "limit=1");
		expect(calls).toMatchObject({ lines: [{ id: 2, model: "plus/digits@1.0" }], cursor: "2" });
		const model = await ask<ModelBody>(showModel(db, clock), { namespace: "plus", name: "digits" });
		expect(model).toMatchObject({ calls: 2, gross: (2n * 108n * 10n ** 16n).toString() });
	});

	test("is made anew when its form is another", () => {
		db.exec("PRAGMA user_version = 999");
		db.close();
		db = openDatabase(folder);
		expect(db.prepare("SELECT count(*) AS n FROM model").get()).toMatchObject({ n: 0 });
	});
});

/** What the indexer does when it has fetched a manifest and a card. */
function describeRelease(ids: { readonly model: Hex; readonly release: Hex }, content: Partial<ReleaseContent>, card: string): void {
	const all: ReleaseContent = { files: [{ path: "model.onnx", sha256: `0x${"55".repeat(32)}`, bytes: 1000 }], inputs: [], outputs: [], ...content };
	db.prepare("UPDATE release SET content = ?, card = ? WHERE id = ?").run(JSON.stringify(all), card, ids.release);
	refreshShown(db, ids.model);
}

describe("a search", () => {
	const find = (query: string): Promise<ModelListBody> => ask<ModelListBody>(listModels(db, clock), {}, query);
	const names = async (query: string): Promise<readonly string[]> => (await find(query)).models.map(({ model }) => model);

	beforeEach(() => {
		publish("base", ana, base, []);
		publish("plus", ben, plus, [{ release: base.release, bps: 1000 }]);
		describeRelease(base, { title: "Handwritten digits", task: "classification", tags: ["vision", "small"] }, "Reads a whale of a digit.");
		describeRelease(plus, { title: "Tumour finder", task: "detection", tags: ["vision"] }, "A card.");
	});

	test("forgives slips of the pen, and says what it looked for instead", async () => {
		expect(await find("q=tumuor")).toMatchObject({ total: 1, corrected: { tumuor: ["tumour"] }, models: [{ model: "plus/digits" }] });
		expect((await find("q=wahle")).models.map(({ model }) => model)).toEqual(["base/digits"]);
		expect(await names("q=hanwriten")).toEqual(["base/digits"]);
		expect(await find("q=tumour")).not.toHaveProperty("corrected");
		expect((await find("q=zzzzzz")).total).toBe(0);
	});

	test("of a language model's name says what it can be asked", async () => {
		const text = { contextTokens: 1_024, tasks: ["chat", "completion"], tools: true } as const;
		describeRelease(plus, { text }, "Talks.");
		expect(await ask<ModelBody>(showModel(db, clock), { namespace: "plus", name: "digits" })).toMatchObject({ text });
		expect(await ask<ModelBody>(showModel(db, clock), { namespace: "base", name: "digits" })).not.toHaveProperty("text");
	});

	test("ranks a name above a card", async () => {
		describeRelease(plus, { title: "Tumour finder", tags: [] }, "Better than base in every way, base being its parent: base, base.");
		expect(await names("q=base")).toEqual(["base/digits", "plus/digits"]);
	});

	test.each([
		["task=classification", ["base/digits"]],
		["tag=vision&tag=small", ["base/digits"]],
		["tag=VISION", ["base/digits", "plus/digits"]],
		["licence=apache-2.0", ["base/digits", "plus/digits"]],
		["licence=MIT", []],
		["format=gguf", []],
		["evidence=replayed", ["base/digits", "plus/digits"]],
		["evidence=proved", []],
		["minBytes=1001", []],
		["maxBytes=1000&namespace=plus", ["plus/digits"]],
		["maxPrice=999999999999999999", []],
		["maxPrice=1000000000000000000", ["base/digits", "plus/digits"]],
		["q=vision&task=detection", ["plus/digits"]],
	])("narrowed by %s finds %j", async (query, expected) => {
		expect(await names(`${query}&sort=name`)).toEqual(expected);
	});

	test.each(["owner=me", "maxPrice=-1", "minBytes=1e3", "format=exe", "evidence=faith", `tag=${Array(9).fill("a").join("&tag=")}`])(
		"refuses %s, naming the parameter",
		async (query) => {
			await expect(find(query)).rejects.toMatchObject({ code: "request.invalid", detail: { field: query.split("=")[0] } });
		},
	);

	test("offers what models have to filter by", async () => {
		expect(await ask(listFacets(db))).toMatchObject({
			task: [
				{ value: "classification", models: 1 },
				{ value: "detection", models: 1 },
			],
			format: [{ value: "onnx", models: 2 }],
			tag: [
				{ value: "vision", models: 2 },
				{ value: "small", models: 1 },
			],
		});
	});

	test("by a retired release's words goes on with the newest that is left", async () => {
		const next = { model: base.model, release: releaseId(base.model, { major: 1, minor: 1 }) };
		const data = { major: 1, minor: 1, format: 1, modes: 1, manifest: `0x${"12".repeat(32)}`, licence: "MIT", parents: [] };
		apply("ReleasePublished", { release: next.release, modelId: BigInt(base.model), publisher: ana, data });
		describeRelease(next, { title: "Numerals" }, "");
		expect(await names("q=numerals&licence=MIT")).toEqual(["base/digits"]);
		apply("ReleaseRetired", { release: next.release, retiredAt: BigInt(NOW / 1000) });
		expect(await names("q=numerals")).toEqual([]);
		expect(await names("q=handwritten&licence=Apache-2.0")).toEqual(["base/digits"]);
	});
});

describe("the order by use and by money", () => {
	const order = async (sort: string): Promise<readonly string[]> =>
		(await ask<ModelListBody>(listModels(db, clock), {}, `sort=${sort}`)).models.map(({ model }) => model);
	const line = (release: Hex, change: Readonly<Record<string, unknown>>): void =>
		apply("LinePaid", {
			gateway: `0x${"c3".repeat(20)}`,
			seq: 1n,
			release,
			index: 0n,
			priceVersion: 1,
			node: `0x${"d4".repeat(20)}`,
			calls: 1n,
			inputUnits: 1n,
			outputUnits: 1n,
			ownerAmount: 10n ** 18n,
			nodeFee: 5n * 10n ** 16n,
			gatewayFee: 3n * 10n ** 16n,
			protocolFee: 10n ** 16n,
			...change,
		});

	beforeEach(() => {
		publish("base", ana, base, []);
		publish("plus", ben, plus, []);
	});

	test("puts an owner who calls its own model through its own machines behind one that others pay", async () => {
		// Ben turns a hundred times the money, nearly all of it back to himself.
		line(plus.release, { node: ben, gateway: ben, calls: 2n, ownerAmount: 10n ** 20n, nodeFee: 10n ** 18n, gatewayFee: 10n ** 17n, protocolFee: 10n ** 15n });
		line(base.release, { calls: 2n });
		expect(await order("earnings")).toEqual(["base/digits", "plus/digits"]);
	});

	test("lets a steady stream of calls beat one burst of as many", async () => {
		line(plus.release, { calls: 16n, protocolFee: 16n });
		for (let day = 0; day < 4; day++) {
			const event: ChainEvent = { address: ana, name: "LinePaid", args: {}, transactionHash: `0x${"77".repeat(32)}`, transactionIndex: 0, logIndex: 0 };
			const args = { gateway: ben, seq: 1n, release: base.release, index: 0n, priceVersion: 1, node: ben, calls: 4n, inputUnits: 0n, outputUnits: 0n };
			const money = { ownerAmount: 1n, nodeFee: 0n, gatewayFee: 4n, protocolFee: 4n };
			applyEvent(db, { ...event, args: { ...args, ...money } }, { block: 8n, time: NOW - day * 86_400_000 });
		}
		expect(await order("calls")).toEqual(["base/digits", "plus/digits"]);
	});

	test("counts no call for which nobody but its owner was paid", async () => {
		line(plus.release, { node: ben, gateway: ben, calls: 1000n, nodeFee: 0n, gatewayFee: 0n, protocolFee: 0n });
		line(base.release, { calls: 1n });
		expect(await order("calls")).toEqual(["base/digits", "plus/digits"]);
	});
});

describe("releases", () => {
	const next = { model: base.model, release: releaseId(base.model, { major: 1, minor: 1 }) };

	beforeEach(() => {
		publish("base", ana, base, []);
		const data = { major: 1, minor: 1, format: 1, modes: 1, manifest: `0x${"12".repeat(32)}`, licence: "MIT", parents: [] };
		apply("ReleasePublished", { release: next.release, modelId: BigInt(base.model), publisher: ana, data });
		describeRelease(base, { title: "Digits", inputs: [{ name: "X", dtype: "float32", shape: [1, 64] }] }, "# Digits\n\nOld words.\n");
		describeRelease(
			next,
			{
				title: "Digits & <more>",
				tags: ["small"],
				files: [{ path: "model.onnx", sha256: `0x${"66".repeat(32)}`, bytes: 2 }],
				inputs: [{ name: "X", dtype: "float32", shape: ["n", 64] }],
			},
			"# Digits\n\nNew words.\n",
		);
	});

	test("are compared file by file, and their cards line by line", async () => {
		const diff = await ask<Record<string, unknown>>(showDiff(db), { release: next.release }, `from=${base.release}`);
		expect(diff).toMatchObject({
			from: { model: "base/digits@1.0" },
			to: { model: "base/digits@1.1" },
			files: [{ path: "model.onnx", change: "changed", from: { bytes: 1000 }, to: { bytes: 2 } }],
			inputs: { added: [{ shape: ["n", 64] }], removed: [{ shape: [1, 64] }] },
			licence: { from: "Apache-2.0", to: "MIT" },
		});
		expect(diff["card"]).toContain("-Old words.\n+New words.");
		await expect(ask(showDiff(db), { release: next.release })).rejects.toMatchObject({ detail: { field: "from" } });
	});

	test("show their cards as text that no browser runs", async () => {
		const response = await showCard(db)({ params: { release: base.release } } as unknown as HttpRequest);
		expect(response).toMatchObject({ status: 200, headers: { "content-type": "text/markdown; charset=utf-8", "content-security-policy": "sandbox" } });
	});

	test("are told to feed readers, newest first, harmless whatever they are called", async () => {
		const origin = (): string => "http://hub";
		const atom = await atomFeed(db, origin)({ path: "/feeds/releases.atom", query: new URLSearchParams("limit=2") } as unknown as HttpRequest);
		expect(String(atom.body)).toContain("<title>Digits &amp; &lt;more&gt;</title>");
		expect(String(atom.body).match(/<entry>/g)).toHaveLength(2);
		const feed = await ask<{ items: { id: string; tags: string[] }[] }>(jsonFeed(db, origin), {}, `namespace=base&owner=${ana}`);
		expect(feed.items).toContainEqual(expect.objectContaining({ id: `urn:freehold:release:${next.release}`, tags: ["small"] }));
		expect((await ask<{ items: unknown[] }>(jsonFeed(db, origin), {}, `owner=${ben}`)).items).toEqual([]);
	});

	test("are not sent again to who has them already", async () => {
		const handler = withEtag(showModel(db, clock));
		const request = { params: { namespace: "base", name: "digits" }, headers: {}, query: new URLSearchParams() } as unknown as HttpRequest;
		const first = await handler(request);
		const etag = first.headers?.["etag"] as string;
		expect(await handler({ ...request, headers: { "if-none-match": `"other", ${etag}` } })).toEqual({ status: 304, headers: first.headers });
		expect((await handler({ ...request, headers: { "if-none-match": '"other"' } })).status).toBe(200);
	});
});

describe("heartbeats", () => {
	const signer = createDigestSigner(new Uint8Array(32).fill(7));
	const operator = signer.address;

	function beat(change: Partial<Record<"operator" | "role" | "sentAt", unknown>> = {}): unknown {
		const heartbeat = { operator, role: "inference", endpoint: "http://127.0.0.1:1", releases: [base.release], sentAt: NOW, ...change };
		const message = utf8(canonicalJson(heartbeat));
		const digest = defaultHashes.keccak256(concatBytes(utf8(`\u0019Ethereum Signed Message:\n${message.length}`), message));
		return { heartbeat, signature: toHex(signer.signDigest(digest)) };
	}
	const send = (value: unknown): Promise<unknown> => {
		body = value;
		return ask(takeHeartbeat(db, nativeCrypto, clock));
	};

	beforeEach(() => {
		apply("Bonded", { operator, from: operator, amount: 1n, bond: 1000n });
		apply("Registered", { operator, roles: 1, endpoint: "http://127.0.0.1:1", nodeFee: 5n });
		apply("KeyAdded", { operator, key: operator, validFrom: BigInt(NOW / 1000) });
	});

	test("of a bonded operator's key are taken", async () => {
		await send(beat());
		expect(db.prepare("SELECT sentAt FROM heartbeat").get()).toMatchObject({ sentAt: NOW });
	});

	test.each([
		["for a role that it does not have", { role: "gateway" }],
		["of somebody else", { operator: ana }],
		["from long ago", { sentAt: NOW - 120_000 }],
	])("%s are refused", async (_name, change) => {
		await expect(send(beat(change))).rejects.toMatchObject({ code: "request.invalid" });
		expect(db.prepare("SELECT count(*) AS n FROM heartbeat").get()).toMatchObject({ n: 0 });
	});

	test("with a changed word are refused", async () => {
		const message = beat() as { heartbeat: { endpoint: string }; signature: Hex };
		await expect(send({ ...message, heartbeat: { ...message.heartbeat, endpoint: "http://127.0.0.1:2" } })).rejects.toMatchObject({
			detail: { field: "signature" },
		});
		expect(fromHex(message.signature)).toHaveLength(65);
	});

	test("by a revoked key are refused", async () => {
		apply("KeyRevoked", { operator, key: operator, validUntil: BigInt(NOW / 1000) });
		await expect(send(beat())).rejects.toMatchObject({ detail: { field: "signature" } });
	});
});

test("the OpenAPI document has every route", () => {
	const { paths } = openapiDocument("http://127.0.0.1") as { paths: Record<string, Record<string, unknown>> };
	for (const route of Object.values(hubRoutes)) expect(paths[route.path.replace(/:(\w+)/g, "{$1}")]?.[route.method.toLowerCase()]).toBeDefined();
});
