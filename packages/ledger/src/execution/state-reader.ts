/** Reads committed state at the head or at an earlier block, and executes on it without effect. */
import { decodeAccount, EMPTY_CODE_HASH } from "../state/account.js";
import { keccak256 } from "../state/keccak.js";
import { nodeKey, slotKey } from "../state/keys.js";
import { EMPTY_ROOT } from "../state/path-trie.js";
import { proveKey } from "../state/proof.js";
import type { StateStore } from "../state/state-store.js";
import { type AccountChange, WorldState } from "../state/world-state.js";
import { Engine } from "./engine.js";
import type { AccountAmendment, AccountProof, AccountState, BlockEnv, CallRequest, HashBytes, TxOutcome } from "./types.js";

export interface StateReaderOptions {
	/** Accounts and slots that the engine caches between calls on one block. */
	readonly cacheEntries: number;
	/** Hash of a committed EVM block. */
	readonly blockHash: (number: bigint) => HashBytes | undefined;
}

const ZERO_WORD = new Uint8Array(32);

export class StateReader {
	readonly #store: StateStore;
	readonly #options: StateReaderOptions;
	readonly #engine: Engine;
	/** Block whose state the engine's cache holds. */
	#cachedAt: bigint | undefined;
	/** The environment of the call under way: BLOCKHASH of its parent is known from it. */
	#env: BlockEnv | undefined;

	constructor(store: StateStore, options: StateReaderOptions) {
		this.#store = store;
		this.#options = options;
		this.#engine = new Engine({
			account: (address) => store.read("account", address, this.#cachedAt),
			slot: (address, slot) => store.read("slot", slotKey(address, slot), this.#cachedAt),
			code: (hash) => this.code(hash),
			blockHash: (number) => (number + 1n === this.#env?.number ? this.#env.parentHash : (options.blockHash(number) ?? ZERO_WORD)),
		});
	}

	account(address: Uint8Array, at?: bigint): AccountState | undefined {
		const rlp = this.#store.read("account", address, at);
		return rlp === undefined ? undefined : decodeAccount(rlp);
	}

	storage(address: Uint8Array, key: HashBytes, at?: bigint): HashBytes {
		const value = new Uint8Array(32);
		const trimmed = this.#store.read("slot", slotKey(address, key), at);
		if (trimmed !== undefined) value.set(trimmed, 32 - trimmed.length);
		return value;
	}

	code(codeHash: HashBytes): Uint8Array {
		if (Buffer.compare(codeHash, EMPTY_CODE_HASH) === 0) return new Uint8Array(0);
		const code = this.#store.code(codeHash);
		if (code === undefined) throw new RangeError("no contract has code with this hash");
		return code;
	}

	/**
	 * Lets `work` do with the engine what it likes, on the state at the end of block `at`; all of it is forgotten afterwards. Throws `RangeError` when the block is
	 * outside the history window.
	 */
	scratch<T>(env: BlockEnv, at: bigint, work: (engine: Engine, enter: (env: BlockEnv) => void) => T): T {
		this.#store.read("account", env.coinbase, at);
		this.#engine.reset();
		this.#cachedAt = at;
		this.#env = env;
		try {
			return work(this.#engine, (next) => {
				this.#env = next;
			});
		} finally {
			this.#engine.reset();
		}
	}

	/** Tries that stand at block `at`, whose state root is given: they tell what the root would be after further changes. Nothing is stored. */
	world(at: bigint, stateRoot: Uint8Array): { readonly apply: (accounts: readonly AccountChange[]) => Uint8Array } {
		const pending = new Map<string, Uint8Array | undefined>();
		const name = (kind: string, key: Uint8Array): string => `${kind}${Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1")}`;
		const world = new WorldState({
			head: { number: at, stateRoot },
			read: (kind, key) => (pending.has(name(kind, key)) ? pending.get(name(kind, key)) : this.#store.read(kind, key, at)),
			slots: (address) => this.#store.slots(address),
		});
		return {
			apply: (accounts) => {
				const { root, changes } = world.apply(accounts);
				for (const { kind, key, after } of changes) pending.set(name(kind, key), after);
				return root;
			},
		};
	}

	/** As `call`, on accounts that are pretended to be otherwise. */
	callAmended(request: CallRequest, env: BlockEnv, at: bigint, amendments: readonly AccountAmendment[]): TxOutcome {
		return this.scratch(env, at, (engine) => {
			engine.amend(amendments);
			return engine.call(env, request.gasLimit > env.gasLimit ? { ...request, gasLimit: env.gasLimit } : request);
		});
	}

	/** Executes without effect on the state at the end of block `at` (default: head). Throws `RangeError` when it is outside the history window. */
	call(request: CallRequest, env: BlockEnv, at?: bigint): TxOutcome {
		const block = at ?? this.#store.head?.number;
		// A read outside the window throws here, before the core is in the middle of anything.
		this.#store.read("account", request.from, block);
		if (block !== this.#cachedAt || this.#engine.entries > this.#options.cacheEntries) this.#engine.reset();
		this.#cachedAt = block;
		this.#env = env;
		// A call never runs longer than a block may.
		const bounded = request.gasLimit > env.gasLimit ? { ...request, gasLimit: env.gasLimit } : request;
		return this.#engine.call(env, bounded);
	}

	prove(address: Uint8Array, keys: readonly HashBytes[], at?: bigint): AccountProof {
		const owner = keccak256(address);
		const account = this.account(address, at);
		const accountProof = proveKey((path) => this.#store.read("node", nodeKey(undefined, path), at), owner);
		const hasStorage = account !== undefined && Buffer.compare(account.storageRoot, EMPTY_ROOT) !== 0;
		const storage = keys.map((key) => ({
			key,
			value: BigInt(`0x${Buffer.from(this.storage(address, key, at)).toString("hex")}`),
			proof: hasStorage ? proveKey((path) => this.#store.read("node", nodeKey(owner, path), at), keccak256(key)) : [],
		}));
		return { account, accountProof, storage };
	}
}
