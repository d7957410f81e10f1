/** `freehold validator …`: the keys of a validator and the genesis that a network of several shares. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { engineGenesis, joinBySnapshot, parseGenesisFile, prepareHome } from "@freehold/ledger";
import { FreeholdError, fromHex, isHex, networkOf, toHex } from "@freehold/protocol";
import { atomicWriteFile } from "@freehold/service";
import type { Action } from "../main.js";

const DEFAULT_POWER = "10";
const MOST_MEMBERS = 100;
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** What an operator shows the others. */
interface Member {
	readonly name: string;
	readonly publicKey: string;
	readonly nodeId: string;
	readonly power: string;
}

/** Makes keys and settings in a folder, where they are missing. */
export const init: Action = async ({ output }, [home], { name }) => {
	if (typeof name !== "string" || !NAME.test(name)) throw refuse("--name", "must be of lower-case letters, digits and dashes");
	const { publicKey, nodeId } = await prepareHome(resolve(home as string), "public");
	const member: Member = { name, publicKey: toHex(publicKey), nodeId, power: DEFAULT_POWER };
	// One JSON value in any case: it is a file for the others.
	output.result(member, () => JSON.stringify(member, null, 2));
	return 0;
};

/** Joins members to the ledger's genesis: the file that all of them must have, byte for byte. */
export const genesis: Action = async ({ output }, _args, { genesis: source, member, out }) => {
	const files = (member ?? []) as readonly string[];
	if (files.length === 0 || files.length > MOST_MEMBERS) throw refuse("--member", `must be given 1 to ${MOST_MEMBERS} times`);
	if (typeof source !== "string") throw refuse("--genesis", "must name the ledger's genesis file");
	if (typeof out !== "string") throw refuse("--out", "must say where to write it");
	const text = await read("--genesis", source);
	const { chainId, timestamp } = parseGenesisFile(text);
	const members = await Promise.all(files.map(async (file) => parseMember(file, await read("--member", file))));
	if (new Set(members.map(({ publicKey }) => publicKey)).size !== members.length) throw refuse("--member", "names a key twice");
	const file = engineGenesis({
		chainId: networkOf(chainId)?.consensusChainId ?? `freehold-${chainId}`,
		timestamp,
		validators: members.map(({ name, publicKey, power }) => ({ name, publicKey: fromHex(publicKey as `0x${string}`), power: BigInt(power) })),
		appState: JSON.parse(text) as unknown,
	});
	await atomicWriteFile(resolve(out), file);
	output.result({ out: resolve(out), chainId, members }, () => `${out}: ${members.length} validators of chain ${chainId}. Everybody needs this same file.`);
	return 0;
};

/** Lets a home without blocks begin from a snapshot of its peers. */
export const join: Action = async ({ output }, [home], { snapshotFrom, trust }) => {
	const servers = String(snapshotFrom ?? "")
		.split(",")
		.filter((server) => server !== "");
	const isServer = (server: string): boolean => URL.canParse(server) && ["http:", "https:"].includes(new URL(server).protocol) && !/["\\]/.test(server);
	if (servers.length < 2 || servers.length > 16 || !servers.every(isServer)) throw refuse("--snapshot-from", "must be 2 to 16 addresses, separated by commas");
	const [, height, hash] = /^([1-9][0-9]{0,15}):(0x[0-9a-fA-F]{64})$/.exec(String(trust ?? "")) ?? [];
	if (height === undefined || hash === undefined) throw refuse("--trust", "must be HEIGHT:HASH, as a checkpoint has them");
	await joinBySnapshot(resolve(home as string), { servers, height: BigInt(height), hash: fromHex(hash.toLowerCase() as `0x${string}`) });
	output.result({ home: resolve(home as string), servers, height, hash }, () => `${home as string} begins from a snapshot when it is started without blocks.`);
	return 0;
};

function parseMember(file: string, text: string): Member {
	let value: Partial<Member>;
	try {
		value = JSON.parse(text) as Partial<Member>;
	} catch {
		throw refuse("--member", `${file} is not JSON`);
	}
	const { name, publicKey, nodeId, power } = value;
	if (typeof name !== "string" || !NAME.test(name)) throw refuse("--member", `${file} has no name`);
	if (!isHex(publicKey, 32)) throw refuse("--member", `${file} has no publicKey of 32 bytes`);
	if (typeof nodeId !== "string" || !/^[0-9a-f]{40}$/.test(nodeId)) throw refuse("--member", `${file} has no nodeId`);
	if (typeof power !== "string" || !/^[1-9][0-9]{0,14}$/.test(power)) throw refuse("--member", `${file} has no power`);
	return { name, publicKey, nodeId, power };
}

function read(option: string, path: string): Promise<string> {
	return readFile(resolve(path), "utf8").catch(() => {
		throw refuse(option, `${path} cannot be read`);
	});
}

const refuse = (option: string, reason: string): FreeholdError => new FreeholdError("config.invalid", { option, reason });
