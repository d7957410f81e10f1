/** A network whose every process a test starts, arms and kills by itself: one folder, ports that stay, the clock of this machine. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Checkpoint, contractAddresses, type Hex, type NetworkFile } from "@freehold/protocol";
import { type ConnectOptions, connect, type Freehold } from "@freehold/sdk";
import { createChainClient } from "@freehold/sdk/chain";
import { nativeCrypto } from "@freehold/service";
import { freePortBase } from "../cli/command.js";
import { keyText, type TestAccount, testAccount } from "../journey/accounts.js";
import { type BegunProgram, beginProgram, eventually, type TestedRole, temporaryFolder } from "../journey/programs.js";

export const CHAIN_ID = 10741;
export const OPG = 10n ** 18n;
export const worldRoles = ["ledger", "storage", "inference", "gateway", "hub"] as const satisfies readonly TestedRole[];

/** Development accounts: operators first, then people. */
const operators = ["gateway", "faucet", "inference"] as const;
const FIRST_PERSON = 4;
const PEOPLE = 12;
const READY_DEADLINE_MS = 120_000;

export type Operator = (typeof operators)[number];

export interface WorldOptions {
	/** Options of a role beside those that make it part of this network. */
	/** Lets the clocks of all processes jump with what this file says, in milliseconds. */
	readonly clockFile?: string;
	readonly more?: Partial<Readonly<Record<TestedRole, Readonly<Record<string, string>>>>>;
}

export class World {
	readonly folder: string;
	readonly #remove: () => Promise<void>;
	readonly #options: WorldOptions;
	readonly #portBase: number;
	readonly #processes = new Map<TestedRole, BegunProgram>();
	readonly #earlier = new Map<TestedRole, BegunProgram>();
	#network: NetworkFile | undefined;

	private constructor(folder: string, remove: () => Promise<void>, portBase: number, options: WorldOptions) {
		this.folder = folder;
		this.#remove = remove;
		this.#portBase = portBase;
		this.#options = options;
	}

	/** Makes the folder; nothing runs yet. */
	static async make(options: WorldOptions = {}): Promise<World> {
		const { path, remove } = await temporaryFolder();
		const world = new World(path, remove, await freePortBase(), options);
		const balances = [...operators.map((_, index) => index), ...Array.from({ length: PEOPLE }, (_, index) => FIRST_PERSON + index)].map((index) => ({
			address: testAccount(index).address,
			amount: (100_000n * OPG).toString(),
		}));
		await writeFile(world.path("genesis.json"), JSON.stringify({ chainId: CHAIN_ID, timestamp: Math.floor(Date.now() / 1000) - 60, balances }));
		for (const name of operators) await writeFile(world.path(`${name}.key`), keyText(world.operator(name)), { mode: 0o600 });
		return world;
	}

	path(name: string): string {
		return join(this.folder, name);
	}

	urlOf(role: TestedRole): string {
		return `http://127.0.0.1:${this.#portBase + worldRoles.indexOf(role as (typeof worldRoles)[number])}`;
	}

	operator(name: Operator): TestAccount {
		return testAccount(operators.indexOf(name));
	}

	personAccount(index: number): TestAccount {
		return testAccount(FIRST_PERSON + index);
	}

	/** Known once the ledger ran. */
	get network(): NetworkFile {
		if (this.#network === undefined) throw new Error("the ledger never ran");
		return this.#network;
	}

	person(index: number, options: Omit<ConnectOptions, "network" | "account" | "crypto"> = {}): Freehold {
		const { account } = this.personAccount(index);
		return connect({ network: this.network, account: account as unknown as NonNullable<ConnectOptions["account"]>, crypto: nativeCrypto, ...options });
	}

	/** The process that runs as this role now, or ran last. */
	process(role: TestedRole): BegunProgram {
		const found = this.#processes.get(role);
		if (found === undefined) throw new Error(`${role} was never started`);
		return found;
	}

	/** Starts a role whose last process has ended, and does not wait. `crashAt` as `FREEHOLD_CRASH_AT` has it. */
	begin(role: TestedRole, crashAt?: string): BegunProgram {
		const running = this.#processes.get(role);
		if (running !== undefined && running.ending() === undefined) throw new Error(`${role} runs`);
		if (running !== undefined) this.#earlier.set(role, running);
		const begun = beginProgram(role, this.#optionsOf(role), {
			folder: this.folder,
			deadlineMs: READY_DEADLINE_MS,
			...(this.#options.clockFile === undefined ? {} : { clockFile: this.#options.clockFile }),
			...(crashAt === undefined ? {} : { env: { FREEHOLD_CRASH_AT: crashAt } }),
		});
		this.#processes.set(role, begun);
		return begun;
	}

	/** A second process of a role, on a port of its own: with the same folder, or another one. It is not one of this network's. */
	another(role: TestedRole, more: Readonly<Record<string, string>> = {}): BegunProgram {
		return beginProgram(role, { ...this.#optionsOf(role), port: "0", ...more }, { folder: this.folder, deadlineMs: READY_DEADLINE_MS });
	}

	/** Starts a role and waits until it is ready for others. */
	async start(role: TestedRole): Promise<BegunProgram> {
		const begun = this.begin(role);
		await begun.ready;
		await this.ready(role);
		return begun;
	}

	ready(role: TestedRole): Promise<true> {
		return eventually(
			async () => ((await fetch(`${this.urlOf(role)}/ready`, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined))?.ok === true ? true : undefined),
			() => `${role} to be ready:\n${this.process(role).output().split("\n").slice(-30).join("\n")}`,
			READY_DEADLINE_MS,
		);
	}

	/** Reads of the ledger what clients have to know. */
	async describe(): Promise<void> {
		const rpcUrl = this.urlOf("ledger");
		const status = (await createChainClient({ rpcUrl }).request("freehold_status")) as {
			readonly signer: Hex;
			readonly genesis: { readonly height: number; readonly hash: Hex };
		};
		const checkpoint: Checkpoint = { kind: "sequencer", signer: status.signer, ...status.genesis };
		this.#network = {
			version: 1,
			name: "local",
			chainId: CHAIN_ID,
			rpcUrl,
			wsUrl: rpcUrl.replace("http", "ws"),
			gatewayUrl: this.urlOf("gateway"),
			hubUrl: this.urlOf("hub"),
			storageUrl: this.urlOf("storage"),
			webUrl: this.urlOf("gateway"),
			contracts: contractAddresses,
			checkpoint,
		};
		await writeFile(this.path("network.json"), JSON.stringify(this.#network));
	}

	/** Everything that any process said, for a test that fails. */
	lastWords(lines = 25): string {
		const tail = (process: BegunProgram | undefined): string => process?.output().split("\n").slice(-lines).join("\n") ?? "";
		return [...this.#processes].map(([role, process]) => `--- ${role}, before\n${tail(this.#earlier.get(role))}--- ${role}\n${tail(process)}`).join("\n");
	}

	/** What the process of a role said that ran before the present one. */
	earlierWords(role: TestedRole): string {
		return this.#earlier.get(role)?.output().split("\n").slice(-20).join("\n") ?? "";
	}

	async stopAll(): Promise<void> {
		for (const role of ["gateway", "inference", "hub", "storage", "ledger"] as const) await this.#processes.get(role)?.stop();
	}

	async remove(): Promise<void> {
		await this.stopAll();
		await this.#remove();
	}

	#optionsOf(role: TestedRole): Readonly<Record<string, string>> {
		const port = new URL(this.urlOf(role)).port;
		const common = { data: this.path(role), port, ...this.#options.more?.[role] };
		const rpc = { "rpc-url": this.urlOf("ledger"), "storage-url": this.urlOf("storage") };
		switch (role) {
			case "ledger":
				return { genesis: this.path("genesis.json"), "sequencer-key": this.path("sequencer.key"), "block-interval": "20ms", ...common };
			case "storage":
				return { "walrus-shards": "10", "chain-id": String(CHAIN_ID), ...common };
			case "hub":
				return { ...rpc, ...common };
			case "inference":
				return { ...rpc, "hub-url": this.urlOf("hub"), "key-file": this.path("inference.key"), "public-url": this.urlOf("inference"), ...common };
			case "gateway":
				return {
					...rpc,
					"hub-url": this.urlOf("hub"),
					"key-file": this.path("gateway.key"),
					"faucet-key-file": this.path("faucet.key"),
					"network-file": this.path("network.json"),
					"public-url": this.urlOf("gateway"),
					bond: "50000",
					"batch-age": "300ms",
					"call-timeout": "8s",
					...common,
				};
		}
	}
}

/** Processes that a process started. From the kernel's table; empty where there is none. */
export async function childrenOf(parent: number): Promise<readonly number[]> {
	const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
	const isChild = async (pid: number): Promise<boolean> => {
		const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
		return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]) === parent;
	};
	const found = await Promise.all(pids.map(async (pid) => ((await isChild(pid)) ? pid : undefined)));
	return found.filter((pid) => pid !== undefined);
}
