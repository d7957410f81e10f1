/** A look at a network from outside, for `freehold status` and `freehold doctor`: what each process says of itself, the chain, open work, money and disk. */
import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { hubRoutes, type NetworkFile } from "@freehold/protocol";
import { fetchJson, isProcessAlive, type RoleName, roleNames } from "@freehold/service";
import type { CommandContext } from "../context.js";
import type { DataFolder } from "../supervisor/data-folder.js";

export interface ProcessLook {
	/** Its role; further processes of a role have a number, such as `ledger-2`. */
	readonly role: string;
	/** Undefined for a process of another machine, or one that does not run. */
	readonly pid: number | undefined;
	readonly url: string | undefined;
	readonly ready: boolean;
	/** What `/ready` says beside yes or no; undefined when it does not answer. */
	readonly detail: Readonly<Record<string, unknown>> | undefined;
	readonly version: string | undefined;
	/** This machine's clock less the process's, in milliseconds. */
	readonly skewMs: number | undefined;
	readonly startedAt: number | undefined;
	readonly restarts: number;
}

export interface ChainLook {
	/** Last EVM block and consensus height. */
	readonly block: number;
	readonly height: number;
	/** Time since a block was written, by the ledger's own steady clock. */
	readonly blockAgeMs: number;
}

export interface MoneyLook {
	readonly role: string;
	readonly address: string;
	/** Smallest unit; undefined where the ledger, or the hub, does not say. */
	readonly balance: bigint | undefined;
	readonly bond: bigint | undefined;
}

export interface NetworkLook {
	readonly supervisor: { readonly pid: number } | undefined;
	readonly network: NetworkFile | undefined;
	readonly processes: readonly ProcessLook[];
	readonly chain: ChainLook | undefined;
	readonly unanchored: { readonly calls: number; readonly ageMs: number } | undefined;
	readonly money: readonly MoneyLook[];
}

const DEADLINE_MS = 3_000;
const MAX_ANSWER_BYTES = 256 * 1024;
/** Files that are counted for the size of the data folder; beyond it is a least value. */
const MOST_FILES = 200_000;

/** Never throws for a network that is not well: that is what it is there to see. */
export async function lookAtNetwork({ folder, network: elsewhere }: CommandContext, network: NetworkFile | undefined, now: () => number): Promise<NetworkLook> {
	const supervisor = elsewhere === undefined ? await folder.livingSupervisor() : undefined;
	const known = network === undefined ? {} : { ledger: network.rpcUrl, gateway: network.gatewayUrl, hub: network.hubUrl, storage: network.storageUrl };
	// Further ledgers of a network with several validators.
	const others = Object.keys(supervisor?.restarts ?? {}).filter((name) => !(roleNames as readonly string[]).includes(name));
	const processes = await Promise.all(
		[...roleNames, ...others].map(async (role): Promise<ProcessLook> => {
			const run = elsewhere === undefined ? await folder.run(role) : undefined;
			const alive = run !== undefined && isProcessAlive(run.pid);
			const url = run?.url ?? (known as Readonly<Record<string, string | undefined>>)[role];
			const answers = url !== undefined && (alive || elsewhere !== undefined) ? await ask(url, now) : undefined;
			return {
				role,
				pid: alive ? run.pid : undefined,
				url,
				ready: answers?.ready ?? false,
				detail: answers?.detail,
				version: answers?.version,
				skewMs: answers?.skewMs,
				startedAt: alive ? run.startedAt : undefined,
				restarts: supervisor?.restarts[role] ?? 0,
			};
		}),
	);
	const detailOf = (role: RoleName): Readonly<Record<string, unknown>> => processes.find((process) => process.role === role)?.detail ?? {};
	const { consensusHeight: height, evmNumber: block, quietMs: blockAgeMs } = detailOf("ledger");
	const { unanchoredCalls: calls, unanchoredAgeMs: ageMs } = detailOf("gateway");
	return {
		supervisor: supervisor === undefined ? undefined : { pid: supervisor.pid },
		network,
		processes,
		chain: isNumber(height) && isNumber(block) && isNumber(blockAgeMs) ? { height, block, blockAgeMs } : undefined,
		unanchored: isNumber(calls) && isNumber(ageMs) ? { calls, ageMs } : undefined,
		money: await lookAtMoney(processes, network),
	};
}

export interface DiskLook {
	readonly freeBytes: number;
	/** Of the data folder. */
	readonly usedBytes: number;
}

export async function lookAtDisk({ root }: DataFolder): Promise<DiskLook> {
	const { bavail, bsize } = await statfs(root);
	let usedBytes = 0;
	let left = MOST_FILES;
	const visit = async (folder: string): Promise<void> => {
		for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
			if (left-- <= 0) return;
			const path = join(folder, entry.name);
			if (entry.isDirectory()) await visit(path);
			// Blocks, not length: a store's file is mostly hole.
			else if (entry.isFile()) usedBytes += ((await stat(path).catch(() => undefined))?.blocks ?? 0) * 512;
		}
	};
	await visit(root);
	return { freeBytes: bavail * bsize, usedBytes };
}

interface Answers {
	readonly ready: boolean;
	readonly detail: Readonly<Record<string, unknown>> | undefined;
	readonly version: string | undefined;
	readonly skewMs: number | undefined;
}

/** Undefined when nothing answers. */
async function ask(url: string, now: () => number): Promise<Answers | undefined> {
	try {
		const [ready, health] = await Promise.all([get(`${url}/ready`, now), get(`${url}/health`, now)]);
		const { detail } = ready.body as { detail?: Readonly<Record<string, unknown>> };
		const { version } = health.body as { version?: unknown };
		const date = Date.parse(health.date);
		return {
			ready: ready.status === 200,
			detail,
			version: typeof version === "string" ? version : undefined,
			// A Date header is cut to its second, so the middle of it is the best guess.
			skewMs: Number.isNaN(date) ? undefined : health.at - (date + 500),
		};
	} catch {
		return undefined;
	}
}

interface Got {
	readonly status: number;
	readonly date: string;
	readonly body: unknown;
	/** Middle of the time between question and answer. */
	readonly at: number;
}

async function get(url: string, now: () => number): Promise<Got> {
	const askedAt = now();
	const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
	const text = await response.text();
	if (text.length > MAX_ANSWER_BYTES) throw new Error("a longer answer than a program of ours gives");
	return { status: response.status, date: response.headers.get("date") ?? "", body: JSON.parse(text), at: (askedAt + now()) / 2 };
}

/** Of the operators that the processes name. */
async function lookAtMoney(processes: readonly ProcessLook[], network: NetworkFile | undefined): Promise<readonly MoneyLook[]> {
	const operators = processes.flatMap(({ role, detail }) => (typeof detail?.["operator"] === "string" ? [{ role, address: detail["operator"] }] : []));
	if (network === undefined || operators.length === 0) return [];
	const bonds = await fetchJson(new URL(hubRoutes.nodes.path, network.hubUrl).href, { what: "The hub", deadlineMs: DEADLINE_MS })
		.then((body) => (body as { nodes: readonly { operator: string; bond: string }[] }).nodes)
		.catch(() => []);
	return Promise.all(
		operators.map(async ({ role, address }) => {
			const bond = bonds.find((node) => node.operator === address)?.bond;
			return { role, address, balance: await balanceOf(network.rpcUrl, address), bond: bond === undefined ? undefined : BigInt(bond) };
		}),
	);
}

async function balanceOf(rpcUrl: string, address: string): Promise<bigint | undefined> {
	try {
		const json = { jsonrpc: "2.0", id: 1, method: "eth_getBalance", params: [address, "latest"] };
		const { result } = (await fetchJson(rpcUrl, { what: "The ledger", deadlineMs: DEADLINE_MS, json })) as { result: string };
		return BigInt(result);
	} catch {
		return undefined;
	}
}

function isNumber(value: unknown): value is number {
	return typeof value === "number" && Number.isFinite(value);
}
