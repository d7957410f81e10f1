import { toHex } from "@freehold/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { address, temporaryFolder, word } from "../../test/execution-kit.js";
import { decodeAccount, EMPTY_CODE_HASH } from "./account.js";
import { EMPTY_ROOT } from "./path-trie.js";
import { StateStore } from "./state-store.js";
import { type AccountChange, WorldState } from "./world-state.js";

let folder: ReturnType<typeof temporaryFolder>;
let store: StateStore;
let world: WorldState;
let height = 0n;
beforeEach(() => {
	folder = temporaryFolder();
	store = new StateStore({ dir: folder.dir, historyBlocks: 4, mapSizeBytes: 64 * 1024 ** 2 });
	world = new WorldState(store);
	height = 0n;
});
afterEach(async () => {
	await store.close();
	folder.remove();
});

const someone = address(0xabc);
const state = { nonce: 1n, balance: word(5n), codeHash: EMPTY_CODE_HASH };
const slot = (key: number, value: number) => ({ key: word(key), value: word(value) });
const change = (slots: AccountChange["slots"], extra: Partial<AccountChange> = {}): AccountChange => ({
	address: someone,
	state,
	wiped: false,
	slots,
	...extra,
});

/** Applies and commits one block; gives its root. */
function apply(...accounts: readonly AccountChange[]): string {
	const { root, changes } = world.apply(accounts);
	store.commitSync({ number: height++, root, changes, codes: [], tables: [] });
	return toHex(root);
}

const storageRoot = () => toHex(decodeAccount(store.read("account", someone) ?? new Uint8Array(0)).storageRoot);

describe("the world state", () => {
	test("the same content has the same root, however it came about", () => {
		const direct = apply(change([slot(1, 10), slot(3, 30)]));
		const detour = [apply(change([slot(2, 20), slot(3, 31)])), apply(change([slot(2, 0), slot(3, 30)]))];
		expect(detour[0]).not.toBe(direct);
		expect(detour[1]).toBe(direct);
	});

	test("clearing the last slot gives the empty storage root, and removes slots and nodes from the store", () => {
		apply(change([slot(1, 10), slot(2, 20)]));
		apply(change([slot(1, 0), slot(2, 0)]));
		expect(storageRoot()).toBe(toHex(EMPTY_ROOT));
		expect([...store.slots(someone)]).toEqual([]);
	});

	test("a wiped account keeps only the slots that came after", () => {
		const fresh = apply(change([slot(2, 22), slot(9, 90)]));
		apply(change(Array.from({ length: 40 }, (_, key) => slot(key + 1, key + 1))));
		expect(apply(change([slot(2, 22), slot(9, 90)], { wiped: true }))).toBe(fresh);
		expect([...store.slots(someone)].map(({ value }) => [...value])).toEqual([[22], [90]]);
		expect(store.read("slot", Uint8Array.from([...someone, ...word(7)]), 1n)).toEqual(Uint8Array.of(7));
	});

	test("a destroyed account is gone with its slots", () => {
		const without = apply(change([], { address: address(0xdef) }));
		apply(change([slot(1, 1), slot(2, 2)]));
		expect(apply(change([], { state: undefined, wiped: true }))).toBe(without);
		expect(store.read("account", someone)).toBeUndefined();
		expect([...store.slots(someone)]).toEqual([]);
	});

	test("after a reset the next block starts from the store again", () => {
		apply(change([slot(1, 1)]));
		world.apply([change([slot(1, 99), slot(5, 5)])]);
		world.reset();
		const again = apply(change([slot(2, 2)]));
		const other = new WorldState(store);
		expect(toHex(other.apply([]).root)).toBe(again);
		expect(store.read("slot", Uint8Array.from([...someone, ...word(5)]))).toBeUndefined();
	});
});
