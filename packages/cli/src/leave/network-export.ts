/** Taking a whole network along: its chain block by block, and every blob that its releases name. A ledger, a storage and a hub made from it answer as the network did. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError, fromUtf8, type Hex, parseManifest } from "@freehold/protocol";
import type { Freehold } from "@freehold/sdk";
import { contracts, followEvents } from "@freehold/sdk/chain";
import { atomicWriteFile } from "@freehold/service";
import { writeJson } from "../supervisor/data-folder.js";
import { downloadBlob } from "./blobs.js";
import type { ExportFolder, ExportIndex } from "./export-folder.js";
import { writeText } from "./write.js";

export interface NetworkExportOptions {
	readonly freehold: Freehold;
	readonly folder: ExportFolder;
	readonly signal: AbortSignal;
	readonly note: (text: string) => void;
	readonly now: () => number;
}

const BLOCKS_PER_FILE = 1_000;
const BLOCKS_PER_ANSWER = 64;

export interface ExportedNetwork extends ExportIndex {
	/** Height of the last consensus block. */
	readonly height: number;
	readonly blobs: number;
}

export async function exportNetwork(options: NetworkExportOptions): Promise<ExportedNetwork> {
	const { freehold, folder, signal, note, now } = options;
	const { network } = freehold.client;
	const { version, chainId, contracts: addresses, checkpoint } = network;
	await writeJson(await inFolder(folder.root, "checkpoint.json"), { version, chainId, contracts: addresses, checkpoint });
	const height = await exportBlocks(options);
	const releases = await publishedReleases(freehold, signal);
	let blobs = 0;
	for (const { manifest } of releases) {
		await downloadBlob(network.storageUrl, manifest, folder.blob(manifest), signal);
		const { files, release } = parseManifest(fromUtf8(await readFile(folder.blob(manifest))));
		note(`${release} …`);
		for (const { sha256 } of files) await downloadBlob(network.storageUrl, sha256, folder.blob(sha256), signal);
		blobs += 1 + files.length;
	}
	const index: ExportIndex = { version: 1, kind: "freehold-network", chainId, network: network.name, exportedAt: now(), checkpoint, releases, receipts: [] };
	await writeJson(folder.index, index);
	return { ...index, height, blobs };
}

async function inFolder(root: string, name: string): Promise<string> {
	await mkdir(root, { recursive: true });
	return join(root, name);
}

/** `chain/genesis.json`, `chain/blocks-<first height>.jsonl` and, last, `chain/index.json`. Gives the height. */
async function exportBlocks({ freehold, folder, signal, note }: NetworkExportOptions): Promise<number> {
	const { chain } = freehold.client;
	const genesis = await chain.request("freehold_genesis", [], { signal });
	if (typeof genesis !== "string") throw new FreeholdError("upstream.failed", { what: "The ledger", reason: "no genesis file" });
	await writeText(join(folder.chain, "genesis.json"), genesis);
	let next = 1;
	for (;;) {
		const first = next;
		const lines: string[] = [];
		while (lines.length < BLOCKS_PER_FILE) {
			const most = Math.min(BLOCKS_PER_ANSWER, BLOCKS_PER_FILE - lines.length);
			const blocks = (await chain.request("freehold_getBlocks", [String(next), most], { signal, batch: false })) as readonly { readonly height: string }[];
			if (blocks.length === 0) break;
			for (const block of blocks) lines.push(JSON.stringify(block));
			next += blocks.length;
		}
		if (lines.length === 0) break;
		await atomicWriteFile(join(folder.chain, `blocks-${String(first).padStart(12, "0")}.jsonl`), `${lines.join("\n")}\n`);
		note(`${next - 1} blocks …`);
		if (lines.length < BLOCKS_PER_FILE) break;
	}
	const height = next - 1;
	await writeJson(join(folder.chain, "index.json"), { version: 1, height, blocksPerFile: BLOCKS_PER_FILE });
	return height;
}

/** Every release that the registry ever announced, oldest first. */
async function publishedReleases(freehold: Freehold, signal: AbortSignal): Promise<ExportIndex["releases"]> {
	const found: { readonly release: Hex; readonly manifest: Hex; readonly modelId: bigint; readonly version: string }[] = [];
	const names = new Map<bigint, string>();
	const stop = new AbortController();
	await followEvents({
		client: freehold.client.chain,
		contracts: [contracts.ModelRegistry],
		cursor: undefined,
		signal: AbortSignal.any([signal, stop.signal]),
		onBlock: (events, block) => {
			for (const { name, args } of events) {
				if (name === "ModelCreated") names.set(args["modelId"] as bigint, `${args["namespace"] as string}/${args["name"] as string}`);
				if (name !== "ReleasePublished") continue;
				const { manifest, major, minor } = args["data"] as { readonly manifest: Hex; readonly major: number; readonly minor: number };
				found.push({ release: args["release"] as Hex, manifest, modelId: args["modelId"] as bigint, version: `${major}.${minor}` });
			}
			if (block.atHead) stop.abort();
		},
	}).catch((error: unknown) => {
		if (!stop.signal.aborted) throw error;
	});
	return found.map(({ release, manifest, modelId, version }) => ({ model: `${names.get(modelId) ?? ""}@${version}`, release, manifest }));
}
