/** Publishing what an export holds on another network: the same bytes under the same ids, in the order of their publication. */
import { readFile } from "node:fs/promises";
import { FreeholdError, type Hex } from "@freehold/protocol";
import { type Freehold, publicationOf, type ReleaseRecordFile, sendPublication } from "@freehold/sdk";
import { contracts } from "@freehold/sdk/chain";
import { type ExportFolder, type ExportIndex, parseIndex } from "./export-folder.js";

export interface ImportedRelease {
	readonly model: string;
	readonly release: Hex;
	readonly manifest: Hex;
	/** False when the network had it already. */
	readonly published: boolean;
	readonly retired: boolean;
}

export interface AccountImportOptions {
	readonly freehold: Freehold;
	readonly folder: ExportFolder;
	readonly signal: AbortSignal;
	readonly note: (text: string) => void;
}

export async function importAccount({ freehold, folder, signal, note }: AccountImportOptions): Promise<readonly ImportedRelease[]> {
	const index: ExportIndex = parseIndex(await read(folder.index), "freehold-account");
	const imported: ImportedRelease[] = [];
	for (const { model, release, manifest } of index.releases) {
		note(`${model} …`);
		const record = parseRecord(await read(folder.release(model, "registry.json")), model);
		const text = await read(folder.release(model, "manifest.json"));
		const bytesOf = async (path: string): Promise<Uint8Array> => new Uint8Array(await readFile(folder.release(model, "files", ...path.split("/"))));
		const publication = await publicationOf(freehold.client, record, text, bytesOf);
		if (publication.release !== release || publication.manifestDigest !== manifest)
			throw new FreeholdError("request.invalid", { field: model, reason: "is not the release that export.json lists" });
		const retired = record.retiredAt !== undefined;
		if (retired && (await isRetired(freehold, release, manifest, signal))) {
			imported.push({ model, release, manifest, published: false, retired });
			continue;
		}
		const sent = await sendPublication(freehold.client, publication, { signal });
		if (retired) await freehold.models.retire(model, { signal });
		imported.push({ model, release, manifest, published: sent.transaction !== undefined, retired });
	}
	return imported;
}

/** Whether this network has the release already, and its end. */
async function isRetired({ client }: Freehold, release: Hex, manifest: Hex, signal: AbortSignal): Promise<boolean> {
	if (!(await client.chain.read(contracts.ModelRegistry, "releaseExists", [release], { signal }))) return false;
	const stored = await client.chain.read(contracts.ModelRegistry, "releaseOf", [release], { signal });
	return stored.manifest === manifest && stored.retiredAt !== 0n;
}

function parseRecord(text: string, model: string): ReleaseRecordFile {
	const record = JSON.parse(text) as ReleaseRecordFile;
	if (record.version !== 1 || record.model !== model || typeof record.terms !== "object" || typeof record.price !== "object")
		throw new FreeholdError("request.invalid", { field: "registry.json", reason: `is not the record of ${model}` });
	return record;
}

async function read(path: string): Promise<string> {
	return readFile(path, "utf8").catch(() => {
		throw new FreeholdError("request.invalid", { field: "export", reason: `${path} cannot be read` });
	});
}
