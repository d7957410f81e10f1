/** `freehold validator …`: the keys of a validator and the genesis that a network of several shares. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { engineGenesis, joinBySnapshot, parseGenesisFile, possessionMessage, prepareHome, readValidatorKey } from "@freehold/ledger";
import { FreeholdError, fromHex, type Hex, isHex, networkOf, toHex } from "@freehold/protocol";
import { atomicWriteFile } from "@freehold/service";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";

/** Power of a member that bonds nothing, in a set that never changes. */
const FIXED_POWER = "10";
const DEFAULT_BOND = "10000";
const POWER_UNIT = 10n ** 18n;
const LOCAL_CHAIN_ID = 10741;
const MOST_MEMBERS = 100;
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** What an operator shows the others. */
interface Member {
	readonly name: string;
	readonly publicKey: string;
	readonly nodeId: string;
	/** Whole OPG of its bond. */
	readonly power: string;
	/** Whose bond it is; absent in a network whose set never changes. */
	readonly stake?: Stake;
}

interface Stake {
	readonly operator: Hex;
	readonly chainId: number;
	/** Smallest unit. */
	readonly bond: string;
	/** The consensus key's signature over chain and operator. */
	readonly possession: Hex;
}

/** Makes keys and settings in a folder, where they are missing. */
export const init: Action = async ({ output }, [home], { name, operator, bond, chainId }) => {
	if (typeof name !== "string" || !NAME.test(name)) throw refuse("--name", "must be of lower-case letters, digits and dashes");
	const { publicKey, nodeId } = await prepareHome(resolve(home as string), "public");
	const stake = operator === undefined ? undefined : await stakeOf(resolve(home as string), String(operator), String(bond ?? DEFAULT_BOND), chainId);
	const power = stake === undefined ? FIXED_POWER : (BigInt(stake.bond) / POWER_UNIT).toString();
	const member: Member = { name, publicKey: toHex(publicKey), nodeId, power, ...(stake === undefined ? {} : { stake }) };
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
	const appState = bonded(JSON.parse(text) as Readonly<Record<string, unknown>>, members, chainId);
	// What the ledger would refuse at its start is refused here.
	parseGenesisFile(JSON.stringify(appState));
	const file = engineGenesis({
		chainId: networkOf(chainId)?.consensusChainId ?? `freehold-${chainId}`,
		timestamp,
		validators: members.map(({ name, publicKey, power }) => ({ name, publicKey: fromHex(publicKey as `0x${string}`), power: BigInt(power) })),
		appState,
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

async function stakeOf(home: string, operator: string, bond: string, chainId: unknown): Promise<Stake> {
	const address = operator.toLowerCase();
	if (!isHex(address, 20)) throw refuse("--operator", "must be an address: whose bond it is");
	const id = Number(chainId ?? LOCAL_CHAIN_ID);
	if (!Number.isSafeInteger(id) || id < 1) throw refuse("--chain-id", "must be a whole number");
	const amount = parseOpg(bond, "--bond");
	if (amount < POWER_UNIT) throw refuse("--bond", "must be at least 1 OPG");
	const key = await readValidatorKey(home);
	return { operator: address, chainId: id, bond: amount.toString(), possession: toHex(key.sign(possessionMessage(BigInt(id), fromHex(address)))) };
}

/** The ledger's genesis with its first validators bonded. Throws `config.invalid` where some bond and others do not, or an operator has not what it bonds. */
function bonded(appState: Readonly<Record<string, unknown>>, members: readonly Member[], chainId: number): Readonly<Record<string, unknown>> {
	const stakes = members.flatMap(({ stake, publicKey }) => (stake === undefined ? [] : [{ ...stake, publicKey }]));
	if (stakes.length === 0) return appState;
	if (stakes.length !== members.length) throw refuse("--member", "names some with an operator and some without: a set is bonded as a whole or not at all");
	const balances = new Map(
		(appState["balances"] as readonly { readonly address: string; readonly amount: string }[]).map(({ address, amount }) => [
			address.toLowerCase(),
			BigInt(amount),
		]),
	);
	for (const { operator, bond, chainId: signedFor } of stakes) {
		if (signedFor !== chainId) throw refuse("--member", `${operator} signed for chain ${signedFor}, the genesis is of ${chainId}`);
		if ((balances.get(operator) ?? 0n) < BigInt(bond)) throw refuse("--genesis", `gives the operator ${operator} less than its bond`);
	}
	return { ...appState, validators: stakes.map(({ operator, publicKey, possession, bond }) => ({ operator, publicKey, possession, bond })) };
}

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
	const stake = value.stake === undefined ? undefined : parseStake(file, value.stake, power);
	return { name, publicKey, nodeId, power, ...(stake === undefined ? {} : { stake }) };
}

function parseStake(file: string, value: Partial<Stake>, power: string): Stake {
	const { operator, chainId, bond, possession } = value;
	if (!isHex(operator, 20)) throw refuse("--member", `${file} has no stake.operator`);
	if (typeof chainId !== "number" || !Number.isSafeInteger(chainId)) throw refuse("--member", `${file} has no stake.chainId`);
	if (typeof bond !== "string" || !/^[1-9][0-9]{0,30}$/.test(bond)) throw refuse("--member", `${file} has no stake.bond`);
	if (!isHex(possession, 64)) throw refuse("--member", `${file} has no stake.possession`);
	if ((BigInt(bond) / POWER_UNIT).toString() !== power) throw refuse("--member", `${file} has another power than its bond gives`);
	return { operator, chainId, bond, possession };
}

function read(option: string, path: string): Promise<string> {
	return readFile(resolve(path), "utf8").catch(() => {
		throw refuse(option, `${path} cannot be read`);
	});
}

const refuse = (option: string, reason: string): FreeholdError => new FreeholdError("config.invalid", { option, reason });
