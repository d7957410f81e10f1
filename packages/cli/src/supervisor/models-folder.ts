/** The models of this repository: real ones, with the account that owns each on a local network. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FreeholdError, parseOpg } from "@freehold/protocol";
import type { ParentShare, PublishParameters } from "@freehold/sdk";

/** Beside `packages/`; a packed command line has none. */
const FOLDER = fileURLToPath(new URL("../../../../models", import.meta.url));

/** In the order of their publication: parents before children. */
const SEEDS = [
	{ folder: "base-digits", owner: "dev-1" },
	{ folder: "plus-digits", owner: "dev-2" },
	{ folder: "clinic-tumour", owner: "dev-3" },
	{ folder: "freehold-chat", owner: "dev-4" },
] as const;

export interface SeedModel {
	/** `namespace/name`. */
	readonly name: string;
	/** Name of a development account. */
	readonly owner: string;
	readonly parameters: PublishParameters;
}

interface ModelFile {
	readonly name: string;
	readonly release: string;
	readonly title: string;
	readonly task: string;
	readonly tags: readonly string[];
	readonly licence: string;
	/** For a call. */
	readonly priceOpg: string;
	/** Of language models. */
	readonly priceInputTokenOpg?: string;
	readonly priceOutputTokenOpg?: string;
	readonly parents: readonly ParentShare[];
	readonly files: { readonly model: string; readonly card: string };
}

/** Undefined where the command line runs without the repository. */
export async function modelsFolder(): Promise<string | undefined> {
	const found = await stat(join(FOLDER, SEEDS[0].folder, "model.json")).catch(() => undefined);
	return found === undefined ? undefined : FOLDER;
}

export async function readSeedModels(folder: string): Promise<readonly SeedModel[]> {
	const there = await Promise.all(
		SEEDS.map(async (seed) => ((await stat(join(folder, seed.folder, "model.json")).catch(() => undefined)) === undefined ? [] : [seed])),
	);
	return Promise.all(
		there.flat().map(async ({ folder: name, owner }) => {
			const file = JSON.parse(await readFile(join(folder, name, "model.json"), "utf8")) as ModelFile;
			const price = {
				perCall: opg(name, "priceOpg", file.priceOpg),
				perInputUnit: opg(name, "priceInputTokenOpg", file.priceInputTokenOpg ?? "0"),
				perOutputUnit: opg(name, "priceOutputTokenOpg", file.priceOutputTokenOpg ?? "0"),
			};
			const parameters: PublishParameters = {
				name: file.name,
				version: file.release,
				model: new Uint8Array(await readFile(join(folder, name, file.files.model))),
				card: await readFile(join(folder, name, file.files.card), "utf8"),
				price,
				parents: file.parents,
				licence: file.licence,
				title: file.title,
				task: file.task,
				tags: file.tags,
			};
			return { name: file.name, owner, parameters };
		}),
	);
}

function opg(folder: string, key: string, text: string): bigint {
	const amount = parseOpg(text);
	if (amount === undefined) throw new FreeholdError("request.invalid", { field: `${folder}/model.json`, reason: `${key} must be an amount of OPG` });
	return amount;
}
