/** The hub of a real network: a client that a generator made of its OpenAPI document works, and an index that was lost comes back the same. */
import { execFile, spawnSync } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type JourneyNetwork, repositoryModel, startJourney } from "../journey/network.js";
import { eventually } from "../journey/programs.js";

const run = promisify(execFile);
const GENERATOR = "openapi-python-client";
const hasGenerator = spawnSync(GENERATOR, ["--version"]).status === 0;

let network: JourneyNetwork;
let hub: string;

beforeAll(async () => {
	network = await startJourney();
	hub = network.network.hubUrl;
	const { model, example } = await repositoryModel("base-digits");
	const [owner, asker] = [network.person(0), network.person(1)];
	const terms = { price: { perCall: 10n ** 18n }, title: "Digits", tags: ["vision"], card: "# Digits\n\nReads a handwritten figure.\n" };
	await owner.publish({ name: "ana/digits", model, ...terms });
	const answer = await asker.infer("ana/digits", { inputs: await example("seven") });
	await asker.receipts.wait(answer.callId);
	await eventually(async () => ((await listed()).models[0]?.calls ?? 0) > 0 || undefined, "the hub to count the call");
});
afterAll(() => network?.stop());

async function listed(
	query = "",
): Promise<{ readonly models: readonly { readonly model: string; readonly calls: number; readonly tags: readonly string[] }[] }> {
	return (await (await fetch(`${hub}/v1/models?${query}`)).json()) as Awaited<ReturnType<typeof listed>>;
}

const PROGRAM = `
import json, sys
from freehold_hub_client import Client
from freehold_hub_client.api.default import models, model, facets, lineage, usage
client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)
found = models.sync(client=client, q="digts", tag=["vision"])
one = model.sync("ana", "digits", client=client)
print(json.dumps({
    "names": [m.model for m in found.models],
    "corrected": found.corrected.to_dict(),
    "calls": one.calls,
    "file": one.files[0].path,
    "lineage": lineage.sync(one.releases[0].release, client=client).complete,
    "days": len(usage.sync("ana", "digits", client=client).days),
    "tags": [t.value for t in facets.sync(client=client).tag],
}))
`;

describe("the hub", () => {
	it.skipIf(!hasGenerator)("has an OpenAPI document of which a generator makes a working client [openapi-python-client]", async () => {
		const out = join(network.folder, "client");
		await run(GENERATOR, ["generate", "--url", `${hub}/openapi.json`, "--output-path", out, "--meta", "none", "--fail-on-warning"]);
		// Its package folder is the output folder itself, so the parent is what Python looks in.
		const program = PROGRAM.replaceAll("freehold_hub_client", "client");
		const { stdout } = await run("python3", ["-c", program, hub], { cwd: network.folder });
		expect(JSON.parse(stdout)).toEqual({
			names: ["ana/digits"],
			corrected: { digts: ["digits"] },
			calls: 1,
			file: "model.onnx",
			lineage: true,
			days: 1,
			tags: ["vision"],
		});
	});

	// An id takes more than a second of one core for each file.
	it("names files as Walrus does", async () => {
		const files = await eventually(
			async () => {
				const model = (await (await fetch(`${hub}/v1/models/ana/digits`)).json()) as {
					readonly files: readonly { readonly sha256: string; readonly blobId?: string }[];
				};
				return model.files.every(({ blobId }) => blobId !== undefined) ? model.files : undefined;
			},
			"the names of the files on Walrus",
			30_000,
		);
		for (const { sha256, blobId } of files) {
			const [bySha256, byId] = await Promise.all(
				[`by-sha256/${sha256}`, blobId].map(async (name) => (await fetch(`${network.network.storageUrl}/v1/blobs/${name}`)).arrayBuffer()),
			);
			expect(Buffer.from(byId as ArrayBuffer)).toEqual(Buffer.from(bySha256 as ArrayBuffer));
		}
	}, 40_000);

	it("gives the same answers after its index was lost", async () => {
		const paths = ["/v1/models?sort=earnings", "/v1/models/ana/digits", "/v1/models/ana/digits/usage", "/v1/calls", "/v1/facets", "/feeds/releases.json"];
		const answers = (): Promise<readonly string[]> => Promise.all(paths.map(async (path) => (await fetch(`${hub}${path}`)).text()));
		const before = await answers();
		await network.role("hub").stop();
		await rm(join(network.folder, "hub"), { recursive: true });
		await network.restart("hub");
		const after = await eventually(async () => {
			const now = await answers().catch(() => undefined);
			return now?.join() === before.join() ? now : undefined;
		}, "the rebuilt index to agree");
		expect(after).toEqual(before);
	});

	it("says no more than that a copy is still good", async () => {
		const first = await fetch(`${hub}/v1/models`);
		const again = await fetch(`${hub}/v1/models`, { headers: { "if-none-match": first.headers.get("etag") ?? "" } });
		expect([first.status, again.status, await again.text()]).toEqual([200, 304, ""]);
	});
});
