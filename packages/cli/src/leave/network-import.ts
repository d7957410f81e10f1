/** What an exported network has in its blobs folder: manifests, and the files that they name. */
import { readFile } from "node:fs/promises";
import { FreeholdError, fromUtf8, type Hex, parseManifest } from "@freehold/protocol";
import type { ExportFolder, ExportIndex } from "./export-folder.js";

/** Each once. Throws `request.invalid` when a manifest is missing. */
export async function filesOfNetwork(folder: ExportFolder, index: ExportIndex): Promise<readonly Hex[]> {
	const found = new Set<Hex>();
	for (const { model, manifest } of index.releases) {
		const bytes = await readFile(folder.blob(manifest)).catch(() => {
			throw new FreeholdError("request.invalid", { field: model, reason: `its manifest ${manifest} is not in the export` });
		});
		found.add(manifest);
		for (const { sha256 } of parseManifest(fromUtf8(bytes)).files) found.add(sha256);
	}
	return [...found];
}
