/** What a role trusts of a network: its checkpoint, kept at the first start. A description that says something else later is another network, or a lie. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CheckpointFile, canonicalJson, FreeholdError, type NetworkFile } from "@freehold/protocol";
import { writeJson } from "../supervisor/data-folder.js";

/** Path of the checkpoint in a role's folder, written when it is not there. Throws `config.invalid` when it is another network's. */
export async function trustedCheckpoint(data: string, { version, chainId, contracts, checkpoint }: NetworkFile): Promise<string> {
	const path = join(data, "checkpoint.json");
	const text = await readFile(path, "utf8").catch(() => undefined);
	const file: CheckpointFile = { version, chainId, contracts, checkpoint };
	if (text === undefined) {
		await writeJson(path, file);
		return path;
	}
	const known = parse(text, path);
	if (known.chainId !== chainId || canonicalJson(known.checkpoint as never) !== canonicalJson(checkpoint as never))
		throw new FreeholdError("config.invalid", {
			option: "--network",
			reason: `the network's checkpoint is not the one in ${path}, which was trusted at the first start`,
		});
	return path;
}

function parse(text: string, path: string): CheckpointFile {
	try {
		return JSON.parse(text) as CheckpointFile;
	} catch {
		throw new FreeholdError("config.invalid", { option: "--checkpoint", reason: `${path} is not JSON` });
	}
}
