/** Which network a command talks to: `--network FILE|URL`, else the one that runs in the data folder. */
import { readFile } from "node:fs/promises";
import { FreeholdError, isHex, type NetworkFile } from "@freehold/protocol";
import { fetchJson } from "@freehold/service";
import type { CommandContext } from "../context.js";

const DEADLINE_MS = 10_000;

export async function findNetwork(context: CommandContext): Promise<NetworkFile> {
	if (context.network !== undefined) return readNetwork(context.network, context.signal);
	const local = await context.folder.network();
	if (local !== undefined) return check(local, context.folder.networkFile);
	throw new FreeholdError("network.down", { what: "The local network", url: context.folder.networkFile });
}

/** A network's description from its file, or from its gateway. */
export async function readNetwork(where: string, signal?: AbortSignal): Promise<NetworkFile> {
	if (/^https?:\/\//.test(where)) {
		const url = new URL("/network.json", where).href;
		return check(await fetchJson(url, { what: "The gateway", deadlineMs: DEADLINE_MS, ...(signal === undefined ? {} : { signal }) }), url);
	}
	const text = await readFile(where, "utf8").catch(() => {
		throw new FreeholdError("config.invalid", { option: "--network", reason: `${where} cannot be read` });
	});
	return check(parse(text, where), where);
}

function parse(text: string, where: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw new FreeholdError("config.invalid", { option: "--network", reason: `${where} is not JSON` });
	}
}

function check(value: unknown, where: string): NetworkFile {
	const file = value as Partial<NetworkFile> | null;
	const good =
		typeof file === "object" &&
		file !== null &&
		file.version === 1 &&
		typeof file.chainId === "number" &&
		[file.rpcUrl, file.gatewayUrl, file.hubUrl, file.storageUrl].every((url) => typeof url === "string") &&
		typeof file.checkpoint === "object" &&
		isHex(file.checkpoint.hash, 32);
	if (!good) throw new FreeholdError("config.invalid", { option: "--network", reason: `${where} does not describe a network` });
	return file as NetworkFile;
}
