/**
 * The state machine of a ledger: executes blocks, keeps their state, answers what it was. The way in is `openStateMachine`.
 *
 * Two instances of the core work on one store. The writer holds the block in progress and a cache of the head's state; the
 * reader (`state-reader.ts`) answers calls on committed state only, so that what a call does never touches a block.
 */
import { EMPTY_CODE_HASH } from "../state/account.js";
import { slotKey } from "../state/keys.js";
import { type BlockCommit, StateStore } from "../state/state-store.js";
import { WorldState } from "../state/world-state.js";
import { Engine } from "./engine.js";
import { HISTORY_ADDRESS, HISTORY_INIT_CODE, SYSTEM_ADDRESS, SYSTEM_CALL_GAS } from "./history-contract.js";
import { StateReader } from "./state-reader.js";
import type {
	AccountProof,
	AccountState,
	BlockEnv,
	CallRequest,
	ExecutableTx,
	GenesisState,
	HashBytes,
	StateMachine,
	TableName,
	TableWrite,
	TxOutcome,
} from "./types.js";

export interface StateMachineOptions {
	/** Folder of the store; made when it is not there. */
	readonly dir: string;
	/** Earlier blocks whose state stays readable. */
	readonly historyBlocks?: number;
	/** Address space reserved for the store, in bytes. */
	readonly mapSizeBytes?: number;
	/** Accounts and slots that the engine caches from block to block; 400,000 take roughly 100 MB. */
	readonly cacheEntries?: number;
}

const DEFAULT_HISTORY_BLOCKS = 128;
export const DEFAULT_MAP_SIZE_BYTES = 16 * 1024 ** 3;
const DEFAULT_CACHE_ENTRIES = 400_000;
/** Gas of one genesis deployment or call. */
const GENESIS_GAS = 1_000_000_000n;
const ZERO_WORD = new Uint8Array(32);

/** Opens or creates the store in `dir`. One process at a time. */
export function openStateMachine(options: StateMachineOptions): StateMachine {
	const { dir, historyBlocks = DEFAULT_HISTORY_BLOCKS, mapSizeBytes = DEFAULT_MAP_SIZE_BYTES } = options;
	return new LedgerState(new StateStore({ dir, historyBlocks, mapSizeBytes }), options.cacheEntries ?? DEFAULT_CACHE_ENTRIES);
}

/** Where the block in progress stands. */
type Progress =
	| { readonly step: "none" }
	| { readonly step: "executing"; readonly env: BlockEnv; readonly gasUsed: bigint }
	| { readonly step: "finished"; readonly block: Omit<BlockCommit, "tables"> }
	| { readonly step: "committing"; readonly done: Promise<void> };

class LedgerState implements StateMachine {
	readonly #store: StateStore;
	readonly #world: WorldState;
	readonly #writer: Engine;
	readonly #reader: StateReader;
	readonly #cacheEntries: number;
	#progress: Progress = { step: "none" };
	#blockHash: (number: bigint) => HashBytes | undefined = () => undefined;
	/** The environment of the block in progress: BLOCKHASH of its parent is known from it. */
	#env: BlockEnv | undefined;

	constructor(store: StateStore, cacheEntries: number) {
		this.#store = store;
		this.#cacheEntries = cacheEntries;
		this.#world = new WorldState(store);
		this.#writer = new Engine({
			account: (address) => store.read("account", address),
			slot: (address, slot) => store.read("slot", slotKey(address, slot)),
			code: (hash) => this.code(hash),
			blockHash: (number) => this.#blockHash(number) ?? (number + 1n === this.#env?.number ? this.#env.parentHash : ZERO_WORD),
		});
		this.#reader = new StateReader(store, { cacheEntries, blockHash: (number) => this.#blockHash(number) });
	}

	head(): { readonly number: bigint; readonly stateRoot: HashBytes } | undefined {
		return this.#store.head;
	}

	initGenesis(genesis: GenesisState, writes: (stateRoot: HashBytes) => readonly TableWrite[] = () => []): HashBytes {
		if (this.#store.head !== undefined) throw new Error("this store has a genesis already");
		if (this.#progress.step !== "none") throw new Error("genesis comes before any block");
		return this.#whole(() => {
			this.#env = genesis.env;
			for (const { address, balance } of genesis.balances) this.#writer.credit(address, balance);
			for (const { address, initCode } of [HISTORY_DEPLOYMENT, ...genesis.deployments]) {
				requireSuccess(this.#writer.deploy(genesis.env, address, initCode, GENESIS_GAS), "the genesis deployment at", address);
			}
			for (const call of genesis.calls) {
				requireSuccess(this.#writer.system(genesis.env, { ...call, gasLimit: GENESIS_GAS }), "a genesis call to", call.to);
			}
			const block = this.#seal(genesis.env.number);
			this.#store.commitSync({ ...block, tables: writes(block.root) });
			return block.root;
		});
	}

	restore(...[number, stateRoot, accounts, codes, tables]: Parameters<StateMachine["restore"]>): void {
		if (this.#store.head !== undefined) throw new Error("this store has a state already");
		if (this.#progress.step !== "none") throw new Error("a restored state comes before any block");
		this.#whole(() => {
			const { root, changes } = this.#world.apply(accounts);
			if (Buffer.compare(root, stateRoot) !== 0) throw new SyntaxError("the state is not the one that was proved");
			const known = new Set(codes.map(({ hash }) => Buffer.from(hash).toString("hex")).concat(Buffer.from(EMPTY_CODE_HASH).toString("hex")));
			if (accounts.some(({ state }) => state !== undefined && !known.has(Buffer.from(state.codeHash).toString("hex"))))
				throw new SyntaxError("a code is missing");
			this.#store.commitSync({ number, root, changes, codes, tables });
		});
		this.#writer.reset();
	}

	beginBlock(env: BlockEnv): void {
		this.#expect("none");
		const head = this.#store.head;
		if (head === undefined) throw new Error("there is no genesis yet");
		if (env.number !== head.number + 1n) throw new RangeError(`block ${env.number} does not follow the head ${head.number}`);
		this.#env = env;
		const call = { from: SYSTEM_ADDRESS, to: HISTORY_ADDRESS, data: env.parentHash, gasLimit: SYSTEM_CALL_GAS };
		this.#whole(() => requireSuccess(this.#writer.system(env, call), "the system call to", HISTORY_ADDRESS));
		this.#progress = { step: "executing", env, gasUsed: 0n };
	}

	execute(txs: readonly ExecutableTx[]): TxOutcome[] {
		const { env, gasUsed } = this.#expect("executing");
		this.#env = env;
		const outcomes = this.#whole(() => this.#writer.execute(env, env.gasLimit - gasUsed, txs));
		const used = outcomes.reduce((sum, outcome) => sum + (outcome.kind === "executed" ? outcome.gasUsed : 0n), gasUsed);
		this.#progress = { step: "executing", env, gasUsed: used };
		return outcomes;
	}

	credit(address: Uint8Array, amount: bigint): void {
		this.#expect("executing");
		this.#whole(() => this.#writer.credit(address, amount));
	}

	system(to: Uint8Array, data: Uint8Array): Uint8Array {
		const { env } = this.#expect("executing");
		return this.#whole(() => requireSuccess(this.#writer.system(env, { from: SYSTEM_ADDRESS, to, data, gasLimit: SYSTEM_CALL_GAS }), "the system call to", to));
	}

	finishBlock(): HashBytes {
		const { env } = this.#expect("executing");
		const block = this.#whole(() => this.#seal(env.number));
		this.#progress = { step: "finished", block };
		return block.root;
	}

	async commit(writes: readonly TableWrite[]): Promise<void> {
		const done = this.#progress.step === "none" ? this.#store.commitTables(writes) : this.#store.commit({ ...this.#expect("finished").block, tables: writes });
		this.#progress = { step: "committing", done };
		try {
			await done;
			if (this.#writer.entries > this.#cacheEntries) this.#writer.reset();
			this.#progress = { step: "none" };
		} catch (error) {
			this.#drop();
			throw error;
		}
	}

	discard(): void {
		if (this.#progress.step === "committing") throw new Error("a block that is being committed cannot be discarded");
		this.#drop();
	}

	account(address: Uint8Array, at?: bigint): AccountState | undefined {
		return this.#reader.account(address, at);
	}

	storage(address: Uint8Array, key: HashBytes, at?: bigint): HashBytes {
		return this.#reader.storage(address, key, at);
	}

	code(codeHash: HashBytes): Uint8Array {
		return this.#reader.code(codeHash);
	}

	call(request: CallRequest, env: BlockEnv, at?: bigint): TxOutcome {
		return this.#reader.call(request, env, at);
	}

	prove(address: Uint8Array, keys: readonly HashBytes[], at?: bigint): AccountProof {
		return this.#reader.prove(address, keys, at);
	}

	get(table: TableName, key: Uint8Array): Uint8Array | undefined {
		return this.#store.get(table, key);
	}

	scan(
		table: TableName,
		start: Uint8Array,
		end: Uint8Array,
		options: { readonly reverse?: boolean; readonly limit?: number } = {},
	): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
		return this.#store.scan(table, start, end, options);
	}

	setBlockHashes(lookup: (number: bigint) => HashBytes | undefined): void {
		this.#blockHash = lookup;
	}

	async close(): Promise<void> {
		if (this.#progress.step === "committing") await this.#progress.done.catch(() => undefined);
		await this.#store.close();
	}

	/** Takes what changed out of the writer and computes the root. */
	#seal(number: bigint): Omit<BlockCommit, "tables"> {
		const { accounts, codes } = this.#writer.changes();
		const { root, changes } = this.#world.apply(accounts);
		return { number, root, changes, codes };
	}

	/** Does a part of the block in progress. A failure loses the whole block: what the writer held of it is gone. */
	#whole<T>(part: () => T): T {
		try {
			return part();
		} catch (error) {
			this.#drop();
			throw error;
		}
	}

	#drop(): void {
		this.#writer.reset();
		this.#world.reset();
		this.#progress = { step: "none" };
	}

	#expect<Step extends Progress["step"]>(step: Step): Extract<Progress, { readonly step: Step }> {
		if (this.#progress.step !== step) throw new Error(`the block in progress is at step "${this.#progress.step}", not "${step}"`);
		return this.#progress as Extract<Progress, { readonly step: Step }>;
	}
}

const HISTORY_DEPLOYMENT = { address: HISTORY_ADDRESS, initCode: HISTORY_INIT_CODE };

/** What it returned. */
function requireSuccess(outcome: TxOutcome, what: string, address: Uint8Array): Uint8Array {
	if (outcome.kind === "executed" && outcome.success) return outcome.output;
	const reason = outcome.kind === "invalid" ? outcome.reason : (outcome.halt ?? `reverted with 0x${Buffer.from(outcome.output).toString("hex")}`);
	throw new Error(`${what} 0x${Buffer.from(address).toString("hex")} failed: ${reason}`);
}
