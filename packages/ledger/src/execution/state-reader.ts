/** Reads committed state at the head or at an earlier block, and executes on it without effect. */
import { decodeAccount, EMPTY_CODE_HASH } from "../state/account.js";
import { keccak256 } from "../state/keccak.js";
import { nodeKey, slotKey } from "../state/keys.js";
import { EMPTY_ROOT } from "../state/path-trie.js";
import { proveKey } from "../state/proof.js";
import type { StateStore } from "../state/state-store.js";
import { Engine } from "./engine.js";
import type { AccountProof, AccountState, BlockEnv, CallRequest, HashBytes, TxOutcome } from "./types.js";

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
			blockHash: (number) => options.blockHash(number) ?? (number + 1n === this.#env?.number ? this.#env.parentHash : ZERO_WORD),
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
