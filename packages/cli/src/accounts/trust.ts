/** What a command trusts: the checkpoint of `--checkpoint`, else the one that the data folder kept at its first start. */
import { readFile } from "node:fs/promises";
import { type Checkpoint, FreeholdError, isHex } from "@freehold/protocol";
import type { CommandContext } from "../context.js";

export interface Trust {
	readonly checkpoint: Checkpoint;
	readonly chainId: number;
}

/** A checkpoint file and a `network.json` have the same two members. */
export async function readTrust(context: CommandContext, option: unknown): Promise<Trust> {
	const path = typeof option === "string" ? option : context.folder.checkpointFile;
	const bad = (reason: string): FreeholdError => new FreeholdError("config.invalid", { option: "--checkpoint", reason });
	const text = await readFile(path, "utf8").catch(() => {
		throw bad(typeof option === "string" ? `${path} cannot be read` : `there is no ${path}; say which checkpoint you trust`);
	});
	let value: Partial<Trust> | null;
	try {
		value = JSON.parse(text) as Partial<Trust> | null;
	} catch {
		throw bad(`${path} is not JSON`);
	}
	const checkpoint = value?.checkpoint;
	const good =
		typeof value?.chainId === "number" &&
		typeof checkpoint === "object" &&
		checkpoint !== null &&
		Number.isSafeInteger(checkpoint.height) &&
		isHex(checkpoint.hash, 32) &&
		(checkpoint.kind === "sequencer" ? isHex(checkpoint.signer, 32) : checkpoint.kind === "validators" && isHex(checkpoint.validatorsHash, 32));
	if (!good) throw bad(`${path} holds no checkpoint`);
	return { checkpoint: checkpoint as Checkpoint, chainId: value?.chainId as number };
}
