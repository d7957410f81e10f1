/** Blocks of an exported chain: `genesis.json`, `index.json`, and files of so many blocks each, named by their first height. They are checked as blocks of strangers are. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError, fromHex, isHex } from "@freehold/protocol";
import type { BlockSource, SentBlock } from "./source.js";

const MAX_BLOCKS = 64;

/** Throws `config.invalid` when the folder holds no exported chain. */
export async function folderSource(folder: string): Promise<BlockSource> {
	const refuse = (reason: string): FreeholdError => new FreeholdError("config.invalid", { option: "--replay", reason });
	const read = (name: string): Promise<string> =>
		readFile(join(folder, name), "utf8").catch(() => {
			throw refuse(`${join(folder, name)} cannot be read`);
		});
	const { version, height, blocksPerFile } = JSON.parse(await read("index.json")) as {
		readonly version?: unknown;
		readonly height?: unknown;
		readonly blocksPerFile?: unknown;
	};
	if (version !== 1 || typeof height !== "number" || typeof blocksPerFile !== "number" || !(blocksPerFile >= 1))
		throw refuse(`${folder} holds no exported chain`);
	let open: { readonly first: number; readonly lines: readonly string[] } | undefined;
	return {
		ends: true,
		genesis: () => read("genesis.json"),
		height: async () => BigInt(height),
		async blocks(from) {
			const first = Math.floor((Number(from) - 1) / blocksPerFile) * blocksPerFile + 1;
			if (from > BigInt(height)) return [];
			if (open?.first !== first)
				open = { first, lines: (await read(`blocks-${String(first).padStart(12, "0")}.jsonl`)).split("\n").filter((line) => line !== "") };
			const start = Number(from) - first;
			return open.lines.slice(start, start + MAX_BLOCKS).map(parseLine);
		},
		waitForBlock: (_, signal) =>
			new Promise((resolve) => {
				if (signal.aborted) resolve();
				else signal.addEventListener("abort", () => resolve(), { once: true });
			}),
		submit: async () => {
			throw new FreeholdError("chain.readOnly");
		},
	};
}

function parseLine(line: string): SentBlock {
	const { block, commit } = JSON.parse(line) as { readonly block?: unknown; readonly commit?: unknown };
	if (!isHex(block) || !isHex(commit))
		throw new FreeholdError("config.invalid", { option: "--replay", reason: "a block file holds something else than blocks" });
	return { block: fromHex(block), commit: fromHex(commit) };
}
