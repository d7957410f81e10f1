/** The tries of the ledger: turns what a block changed into a state root and the writes that make it durable. */
import { encodeRlp } from "@freehold/protocol";
import { accountFields, encodeAccount, trimZeros } from "./account.js";
import { keccak256 } from "./keccak.js";
import { nodeKey, slotKey } from "./keys.js";
import { EMPTY_ROOT, type NodeWriter, PathTrie } from "./path-trie.js";
import type { StateChange, StateKind, StateStore } from "./state-store.js";

/** What a block did to one account; `undefined` state means that the account is gone. */
export interface AccountChange {
	readonly address: Uint8Array;
	readonly state: { readonly nonce: bigint; readonly balance: Uint8Array; readonly codeHash: Uint8Array } | undefined;
	/** The storage from before the block is void: the account was created or destroyed in it. */
	readonly wiped: boolean;
	/** Changed slots and their values, 32 bytes each. */
	readonly slots: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
}

/** Notes one changed entry. `known` is its value in the store, which is read where it is not given. */
type Recorder = (kind: StateKind, key: Uint8Array, after: Uint8Array | undefined, known?: Uint8Array) => void;

/** Depth in nibbles to which trie nodes stay in memory: at most 70,000 branches of accounts, 273 per storage trie. */
const KEEP_ACCOUNT_DEPTH = 4;
const KEEP_STORAGE_DEPTH = 2;
/** Storage tries kept in memory, the least recently changed leave first. */
const MAX_STORAGE_TRIES = 512;

/** What the tries read; their root is the head's. */
export type WorldSource = Pick<StateStore, "head" | "slots"> & { readonly read: (kind: StateKind, key: Uint8Array) => Uint8Array | undefined };

export class WorldState {
	readonly #store: WorldSource;
	#accounts: PathTrie;
	readonly #storage = new Map<string, PathTrie>();

	constructor(store: WorldSource) {
		this.#store = store;
		this.#accounts = this.#openAccounts();
	}

	/** Drops everything in memory: the tries are those of the store's head again. */
	reset(): void {
		this.#accounts = this.#openAccounts();
		this.#storage.clear();
	}

	/** Applies one block's changes to the tries. The store is not touched; on an exception call `reset`. */
	apply(accounts: readonly AccountChange[]): { root: Uint8Array; changes: StateChange[] } {
		const changes: StateChange[] = [];
		const record: Recorder = (kind, key, after, known): void => {
			const before = known ?? this.#store.read(kind, key);
			if (before !== undefined || after !== undefined) changes.push({ kind, key, before, after });
		};
		for (const change of accounts) this.#applyAccount(change, changes, record);
		const root = this.#accounts.commit((path, rlp, before) => record("node", nodeKey(undefined, path), rlp, before));
		return { root, changes };
	}

	#applyAccount(change: AccountChange, changes: StateChange[], record: Recorder): void {
		const { address, state } = change;
		const before = this.#store.read("account", address);
		const hashed = keccak256(address);
		let storageRoot = before === undefined ? EMPTY_ROOT : accountFields(before).storageRoot;
		const slots = change.wiped && !sameBytes(storageRoot, EMPTY_ROOT) ? this.#withVoidSlots(change) : change.slots;
		if (slots.length > 0) {
			const write: NodeWriter = (path, rlp, known) => record("node", nodeKey(hashed, path), rlp, known);
			storageRoot = this.#applySlots(address, hashed, storageRoot, slots, record).commit(write);
		}
		const after = state === undefined ? undefined : encodeAccount(state.nonce, state.balance, storageRoot, state.codeHash);
		if (sameOptional(before, after)) return;
		changes.push({ kind: "account", key: address, before, after });
		if (after === undefined) this.#accounts.delete(hashed);
		else this.#accounts.put(hashed, after);
	}

	#applySlots(address: Uint8Array, hashed: Uint8Array, root: Uint8Array, slots: AccountChange["slots"], record: Recorder): PathTrie {
		const trie = this.#storageTrie(address, hashed, root);
		for (const { key, value } of slots) {
			const trimmed = trimZeros(value);
			record("slot", slotKey(address, key), trimmed.length === 0 ? undefined : trimmed);
			if (trimmed.length === 0) trie.delete(keccak256(key));
			else trie.put(keccak256(key), encodeRlp(trimmed));
		}
		return trie;
	}

	/** The changed slots, and a zero for every stored slot that is not among them. */
	#withVoidSlots(change: AccountChange): AccountChange["slots"] {
		const slots = new Map([...this.#store.slots(change.address)].map(({ key }) => [text(key.subarray(20)), { key: key.slice(20), value: new Uint8Array(32) }]));
		for (const slot of change.slots) slots.set(text(slot.key), slot as { key: Uint8Array<ArrayBuffer>; value: Uint8Array<ArrayBuffer> });
		return [...slots.values()];
	}

	#storageTrie(address: Uint8Array, hashed: Uint8Array, root: Uint8Array): PathTrie {
		const name = text(address);
		const trie =
			this.#storage.get(name) ?? new PathTrie({ read: (path) => this.#store.read("node", nodeKey(hashed, path)), root, keepDepth: KEEP_STORAGE_DEPTH });
		this.#storage.delete(name);
		this.#storage.set(name, trie);
		const [eldest] = this.#storage.keys();
		if (this.#storage.size > MAX_STORAGE_TRIES && eldest !== undefined) this.#storage.delete(eldest);
		return trie;
	}

	#openAccounts(): PathTrie {
		const root = this.#store.head?.stateRoot ?? EMPTY_ROOT;
		return new PathTrie({ read: (path) => this.#store.read("node", nodeKey(undefined, path)), root, keepDepth: KEEP_ACCOUNT_DEPTH });
	}
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");

const sameOptional = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean => (a === undefined || b === undefined ? a === b : sameBytes(a, b));

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
