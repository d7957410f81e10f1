/** `freehold model publish --hf OWNER/NAME`, against a server that speaks the Hub's HTTP API. */
import { readdir, stat } from "node:fs/promises";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { eventually } from "../journey/programs.ts";
import { linear } from "../onnx/models.ts";
import type { Ran, Shell } from "./command.ts";
import { COMMIT, startHub, type TestHub } from "./hugging-face.ts";
import { startTestNetwork, type TestNetwork, UP_DEADLINE_MS } from "./network.ts";

vi.setConfig({ testTimeout: 300_000 });

const model = linear([1, 0, 0, 1], [10, 20]);
const other = linear([2, 0, 0, 2], [1, 2]);
const text = (words: string): Uint8Array => new TextEncoder().encode(words);
let network: TestNetwork;
let hub: TestHub;
let shell: Shell;

beforeAll(async () => {
	network = await startTestNetwork();
	const partOnDisk = async (): Promise<number> => {
		const [part] = (await downloads()).filter((name) => name.endsWith(".part"));
		return part === undefined ? 0 : ((await stat(network.path(`home/downloads/${part}`)).catch(() => undefined))?.size ?? 0);
	};
	const repositories = {
		"ann/thing": {
			licence: "mit",
			files: { "onnx/thing.onnx": model, "README.md": text("---\nlicense: mit\n---\n# Thing\n\nIt adds.\n"), "config.json": text("{}") },
			large: ["onnx/thing.onnx"],
		},
		"ann/several": { licence: "apache-2.0", files: { "a.onnx": model, "b.onnx": other }, large: [] },
		"ann/own": { licence: "other", files: { "own.onnx": other, LICENSE: text("Use it kindly.\n") }, large: ["own.onnx"] },
		"ann/silent": { files: { "silent.onnx": other }, large: [] },
		"ann/gated": { licence: "mit", files: { "gated.onnx": linear([3, 0, 0, 3], [0, 0]) }, large: ["gated.onnx"], token: "hf_development" },
		"ann/pictures": { licence: "mit", files: { "model.safetensors": text("x") }, large: [] },
	};
	hub = await startHub(repositories, partOnDisk);
	shell = network.shellWith({ HF_ENDPOINT: hub.endpoint });
}, UP_DEADLINE_MS);
afterAll(async () => {
	hub.close();
	await network.remove();
});

interface Shown {
	readonly card?: string;
	readonly releases: readonly { readonly licence: string; readonly format: string }[];
}

const publish = (with_: Shell, repository: string, name: string, ...more: string[]): Promise<Ran> =>
	with_.run("model", "publish", "--hf", repository, "--name", name, "--price", "1", "--account", "dev-4", "--json", ...more);
const downloads = async (): Promise<string[]> => readdir(network.path("home/downloads")).catch(() => []);
const refusal = (ran: Ran): { readonly code: string; readonly message: string } => {
	expect(ran.status).toBe(1);
	return (ran.json() as { error: { code: string; message: string } }).error;
};

it("shows the licence and asks before anything is published", async () => {
	const ran = await publish(shell, "ann/thing", "ann/thing");
	expect(ran.err).toContain("licence  MIT");
	expect(refusal(ran).code).toBe("licence.declined");
	expect(await downloads()).toEqual([]);
});

it("goes on where a download broke off, checks the digest, and publishes bytes, licence and card", async () => {
	hub.breakAfter.push(40, 40);
	const ran = await publish(shell, "ann/thing", "ann/thing", "--yes");
	expect([ran.status, ran.err]).toEqual([0, expect.stringContaining(COMMIT.slice(0, 12))]);
	const ranges = hub.asked.filter(({ path }) => path.includes("signature")).map(({ range }) => range);
	expect(ranges).toEqual([undefined, "bytes=40-", "bytes=80-"]);
	// The hub reads the card from storage, a moment after the chain has told of the release.
	const { card, releases } = await eventually(async () => {
		const model = (await network.good("model", "show", "ann/thing", "--json")).json() as Shown;
		return model.card === undefined ? undefined : model;
	}, "the card in the hub");
	expect(releases).toMatchObject([{ licence: "MIT", format: "onnx" }]);
	expect(card).toContain("It adds.");
	expect(card).toContain(`ann/thing at commit ${COMMIT}`);
	expect(card).not.toContain("license: mit");
});

it("does not ask for bytes again that it has", async () => {
	const before = hub.asked.filter(({ path }) => path.includes("signature")).length;
	const ran = await publish(shell, "ann/thing", "ann/thing-again", "--yes");
	expect(ran.status).toBe(0);
	expect(hub.asked.filter(({ path }) => path.includes("signature")).length).toBe(before);
});

it("refuses bytes that are others than the repository says, and keeps nothing of them", async () => {
	const before = await downloads();
	hub.spoil = true;
	const error = refusal(await publish(shell, "ann/own", "ann/own", "--yes"));
	hub.spoil = false;
	expect(error.code).toBe("blob.mismatch");
	expect(await downloads()).toEqual(before);
});

it("takes a licence without a public name with its text", async () => {
	const ran = await publish(shell, "ann/own", "ann/own", "--yes");
	expect([ran.status, ran.err]).toEqual([0, expect.stringContaining("Use it kindly.")]);
	expect((await network.good("model", "licence", "ann/own")).out).toBe("Use it kindly.\n");
});

it("needs a licence where the repository says none, and takes the publisher's", async () => {
	expect(refusal(await publish(shell, "ann/silent", "ann/silent", "--yes")).message).toContain("names no licence");
	expect((await publish(shell, "ann/silent", "ann/silent", "--licence", "CC0-1.0")).status).toBe(0);
});

it("asks which file where there are several, and says what there is", async () => {
	expect(refusal(await publish(shell, "ann/several", "ann/several", "--yes")).message).toMatch(/say which: a\.onnx .*b\.onnx/);
	expect((await publish(shell, "ann/several", "ann/several", "--yes", "--hf-file", "b.onnx")).status).toBe(0);
	expect(refusal(await publish(shell, "ann/pictures", "ann/pictures", "--yes")).message).toContain("no .onnx and no .gguf");
});

it("shows a gated repository to who has its token, which no other host is sent", async () => {
	expect(refusal(await publish(shell, "ann/gated", "ann/gated", "--yes")).message).toContain("HF_TOKEN");
	const from = hub.asked.length;
	expect((await publish(network.shellWith({ HF_ENDPOINT: hub.endpoint, HF_TOKEN: "hf_development" }), "ann/gated", "ann/gated", "--yes")).status).toBe(0);
	const { host } = new URL(hub.endpoint);
	const asked = hub.asked.slice(from);
	expect(asked.filter((request) => request.token).every((request) => request.host === host)).toBe(true);
	expect(asked.filter((request) => !request.token).map((request) => request.host)).not.toContain(host);
});

it("refuses names that would ask for something else", async () => {
	for (const name of ["../secrets", "ann/.."]) expect(refusal(await publish(shell, name, "ann/no", "--yes")).code).toBe("request.invalid");
	expect(refusal(await publish(shell, "ann/thing", "ann/no", "--yes", "--hf-revision", "../../x")).code).toBe("request.invalid");
	const both = await shell.run("model", "publish", "x.onnx", "--hf", "ann/thing", "--name", "ann/no", "--price", "1", "--account", "dev-4", "--json");
	expect(refusal(both).message).toContain("one of them");
});
