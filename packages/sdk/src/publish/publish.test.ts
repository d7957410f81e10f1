import { defaultCrypto } from "@freehold/proofs";
import { defaultHashes, FreeholdError, type Hex, limits, planUpload, toHex } from "@freehold/protocol";
import { privateKeyToAccount } from "viem/accounts";
import { beforeEach, describe, expect, it } from "vitest";
import { tinyLlama } from "../../../../testing/gguf/tiny-llama.js";
import { allocationBomb, linear, weighty } from "../../../../testing/onnx/models.ts";
import { OPG, ScriptedNetwork } from "../../test/scripted-network.js";
import { connect, type Freehold } from "../connect.js";
import { preparePublication } from "./prepare.js";
import type { PublishOptions, PublishProgress } from "./publish.js";

const ada = privateKeyToAccount("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const bob = privateKeyToAccount("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d");
const thing: PublishOptions = { name: "ada/thing", model: linear(), card: "# A thing", price: { perCall: OPG } };

let network: ScriptedNetwork;
let freehold: Freehold;
beforeEach(() => {
	network = new ScriptedNetwork();
	freehold = connect({ network: network.file, account: ada, fetch: network.fetch });
});

const transactions = (): number => network.node.blocks.flatMap((block) => block.transactions).length;
const puts = (): number => network.asked.filter((line) => line.startsWith("PUT")).length;

describe("publishing", () => {
	it("uploads model, card and manifest, registers them in one transaction, and waits for a quote", async () => {
		const steps: PublishProgress[] = [];
		const published = await freehold.publish({ ...thing, progress: (step) => steps.push(step) });
		expect(published).toMatchObject({ model: "ada/thing@1.0", owner: ada.address.toLowerCase(), claimedNamespace: true });
		expect(published.quote.release).toBe(published.release);
		expect([puts(), transactions()]).toEqual([3, 1]);
		expect(network.blobs.has(published.manifest)).toBe(true);
		expect([...new Set(steps.map(({ step }) => step))]).toEqual(["checking", "uploading", "sending", "waiting"]);
		const last = steps.filter((step) => step.step === "uploading").at(-1);
		expect(last?.doneBytes).toBe(last?.totalBytes);
	});

	it("goes on after an upload that broke off, sending only what is missing", async () => {
		let uploads = 0;
		network.interrupt = (_, { method }) => (method === "PUT" && ++uploads === 2 ? "down" : undefined);
		await expect(freehold.publish(thing)).rejects.toMatchObject({ code: "network.down" });
		expect(transactions()).toBe(0);
		network.interrupt = undefined;
		await freehold.publish(thing);
		expect([puts(), transactions()]).toEqual([3, 1]);
	});

	it("sends a large file in parts, and after a broken line only the parts that are missing", async () => {
		const large = { ...thing, model: weighty(9 * 1024 * 1024) };
		let parts = 0;
		network.interrupt = (url, { method }) => (method === "PUT" && url.pathname.includes("/parts/") && ++parts === 2 ? "down" : undefined);
		await expect(freehold.publish(large)).rejects.toMatchObject({ code: "network.down" });
		network.interrupt = undefined;
		network.asked.length = 0;
		// Another tab, which remembers nothing.
		const again = connect({ network: network.file, account: ada, fetch: network.fetch });
		const done: number[] = [];
		const { uploadedBytes } = await again.publish({ ...large, progress: (step) => step.step === "uploading" && done.push(step.doneBytes) });
		expect(network.asked.filter((line) => line.includes("/parts/")).map((line) => line.split("/").at(-1))).toEqual(["1", "2"]);
		expect(done.find((bytes) => bytes > 0)).toBe(4 * 1024 * 1024);
		expect(uploadedBytes).toBeLessThan(6 * 1024 * 1024);
		expect(network.blobs.get(toHex(defaultHashes.sha256(large.model)))).toHaveLength(large.model.length);
		expect(transactions()).toBe(1);
	});

	it("is read a part at a time from a file that is not held, and is the same release", async () => {
		const partBytes = limits.uploadPartLeastBytes;
		// What stands behind the last tensor is of no matter.
		const bytes = new Uint8Array(2.5 * partBytes);
		bytes.set(tinyLlama());
		const { parts, sha256 } = planUpload(bytes, { partBytes });
		const reads: number[] = [];
		const source = {
			head: bytes.subarray(0, 100_000),
			sizeBytes: bytes.length,
			sha256,
			partBytes,
			parts,
			read: async (start: number, end: number) => {
				reads.push(end - start);
				return bytes.subarray(start, end);
			},
		};
		const words = { name: "ada/words", price: { perCall: 1n } };
		const { manifest } = await freehold.publish({ ...words, model: source });
		expect(manifest).toBe(preparePublication({ ...words, model: bytes }, defaultCrypto).manifestDigest);
		expect(Buffer.from(network.blobs.get(sha256) ?? []).equals(bytes)).toBe(true);
		expect([Math.max(...reads), reads.reduce((sum, read) => sum + read, 0)]).toEqual([partBytes, bytes.length]);
		await expect(freehold.publish({ ...words, name: "ada/others", model: { ...source, parts: parts.slice(1) } })).rejects.toThrow(
			"SHA-256 of the whole and of each part",
		);
	});

	it("is done once, however often it is asked for", async () => {
		const first = await freehold.publish(thing);
		const again = await connect({ network: network.file, account: ada, fetch: network.fetch }).publish(thing);
		expect(again).toMatchObject({ release: first.release, transaction: undefined, uploadedBytes: 0, claimedNamespace: false });
		expect(transactions()).toBe(1);
	});

	it("tells the progress within a file where streams can be sent", async () => {
		const streaming = connect({ network: network.file, account: ada, fetch: network.fetch, streamUploads: true });
		const sizes = new Set<number>();
		await streaming.publish({ ...thing, progress: (step) => step.step === "uploading" && sizes.add(step.doneBytes) });
		expect(puts()).toBe(3);
		expect(sizes.size).toBeGreaterThan(3);
	});

	it("says that the model is there when the gateway does not offer it in time", async () => {
		network.interrupt = (url) =>
			url.pathname.startsWith("/v1/quotes") ? Response.json({ error: { code: "node.unavailable", message: "none" } }, { status: 503 }) : undefined;
		await expect(freehold.publish({ ...thing, readyTimeoutMs: 200 })).rejects.toMatchObject({ code: "publish.notServed" });
	});
});

describe("publishing refuses, before anything is sent,", () => {
	const refused = async (options: Partial<PublishOptions>): Promise<FreeholdError> => {
		const error: unknown = await freehold.publish({ ...thing, ...options }).catch((reason: unknown) => reason);
		expect([puts(), transactions()]).toEqual([0, 0]);
		if (error instanceof FreeholdError) return error;
		throw new Error(`not refused: ${String(error)}`);
	};

	it.each([
		["a name that is none", { name: "Ada/Thing" }, "name"],
		["a version in the name", { name: "ada/thing@1.0" }, "name"],
		["a release that is none", { version: "one" }, "release"],
		["a price below zero", { price: { perCall: -1n } }, "price"],
		["a price beyond 128 bits", { price: { perCall: 1n << 128n } }, "price"],
		["a tag that is none", { tags: ["Not A Tag"] }, "tags"],
		["a parent without a version", { parents: [{ release: "base/digits", bps: 1 }] }, "release"],
		[
			"shares beyond the whole",
			{
				parents: [
					{ release: "a/b@1.0", bps: 6_000 },
					{ release: "a/c@1.0", bps: 6_000 },
				],
			},
			"parents",
		],
		["a share that is none", { parents: [{ release: "a/b@1.0", bps: 1.5 }] }, "share of a/b@1.0"],
		["an empty licence", { licence: "" }, "licence"],
	] as const)("%s", async (_, options, field) => {
		const error = await refused(options as Partial<PublishOptions>);
		expect(error).toMatchObject({ code: "request.invalid", detail: { field } });
	});

	it("a file that is no model", async () => {
		expect(await refused({ model: new TextEncoder().encode("hello") })).toMatchObject({ code: "engine.modelInvalid" });
		expect((await refused({ model: new TextEncoder().encode("GGUF and more") })).message).toContain("GGUF file of version");
	});

	it("a namespace or a model of somebody else", async () => {
		network.namespaces.set("ada", bob.address.toLowerCase() as Hex);
		expect(await refused({})).toMatchObject({ code: "namespace.taken" });
	});

	it("another content under a number that is taken", async () => {
		await freehold.publish(thing);
		const before = [puts(), transactions()];
		await expect(freehold.publish({ ...thing, model: allocationBomb() })).rejects.toMatchObject({ code: "model.exists" });
		expect([puts(), transactions()]).toEqual(before);
	});

	it("a model of another owner", async () => {
		await freehold.publish(thing);
		const other = connect({ network: network.file, account: bob, fetch: network.fetch });
		await expect(other.publish({ ...thing, version: "1.1" })).rejects.toMatchObject({ code: "model.notOwner" });
	});

	it("a parent that does not exist", async () => {
		expect(await refused({ parents: [{ release: "nobody/nothing@1.0", bps: 100 }] })).toMatchObject({ code: "model.notFound" });
	});

	it("less than a parent asks of its descendants", async () => {
		await freehold.publish({ ...thing, terms: { leastBps: 1_000, leastPerCall: OPG / 5n } });
		const child = { ...thing, name: "ada/child" };
		await expect(freehold.publish({ ...child, parents: [{ release: "ada/thing@1.0", bps: 999 }] })).rejects.toThrow(/asks for 1000 basis points/);
		await expect(freehold.publish({ ...child, parents: [{ release: "ada/thing@1.0", bps: 1_000 }] })).rejects.toThrow(/asks for 0\.20 OPG for a call/);
		expect(transactions()).toBe(1);
		await freehold.publish({ ...child, parents: [{ release: "ada/thing@1.0", bps: 2_000 }] });
		expect(transactions()).toBe(2);
	});

	it("an account without OPG for the fee", async () => {
		network.balance = 0n;
		expect(await refused({})).toMatchObject({ code: "account.noFunds" });
	});
});
