import { verifyMerkleProof } from "@ethereumjs/mpt";
import { toHex } from "@freehold/protocol";
import { open as openLmdb } from "lmdb";
import { afterEach, describe, expect, test } from "vitest";
import { address, assemble, type Bench, bench, environment, executed, initCodeOf, request, returning, transaction, word } from "../../test/execution-kit.js";
import { budget, Random } from "../../test/random.js";
import type { AccountState, ExecutableTx } from "../execution/types.js";
import { encodeAccount } from "./account.js";
import { keccak256 } from "./keccak.js";

const users = Array.from({ length: 5 }, (_, index) => address(0x1111 + index));
const strangers = Array.from({ length: 12 }, (_, index) => address(0x50000 + index));
/** Stores its second word of call data at its first. */
const [store, storeCode] = [address(0xc1), assemble(32, "CALLDATALOAD", 0, "CALLDATALOAD", "SSTORE")];
const keys = Array.from({ length: 10 }, (_, index) => word(index));
const HISTORY = 8;

let open: Bench | undefined;
afterEach(async () => {
	await open?.close();
	open = undefined;
});

function chain(historyBlocks = HISTORY): Bench {
	open = bench(
		{ balances: users.map((user) => ({ address: user, balance: 10n ** 18n })), deployments: [{ address: store, initCode: initCodeOf(storeCode) }] },
		{ historyBlocks },
	);
	return open;
}

/** All that a test looks at, as it is at the head. */
interface Photograph {
	readonly root: Uint8Array;
	readonly accounts: readonly (AccountState | undefined)[];
	readonly slots: readonly Uint8Array[];
}

const everyone = [...users, ...strangers, store];

function photograph({ machine }: Bench, at?: bigint): Omit<Photograph, "root"> {
	return { accounts: everyone.map((who) => machine.account(who, at)), slots: keys.map((key) => machine.storage(store, key, at)) };
}

/** Blocks of transfers and of slots set and cleared; a photograph of each, genesis first. */
async function grow(ledger: Bench, random: Random, blocks: number): Promise<Photograph[]> {
	const album: Photograph[] = [{ root: ledger.machine.head()?.stateRoot ?? word(0n), ...photograph(ledger) }];
	for (let made = 0; made < blocks; made++) {
		const nonces = new Map(users.map((user) => [user, ledger.machine.account(user)?.nonce ?? 0n]));
		const txs = Array.from({ length: random.below(6) }, (): ExecutableTx => {
			const sender = random.pick(users);
			const nonce = nonces.get(sender) ?? 0n;
			nonces.set(sender, nonce + 1n);
			if (random.chance(0.4)) return transaction(sender, nonce, { to: random.pick(strangers), value: BigInt(random.below(1000)) });
			const data = Uint8Array.from([...random.pick(keys), ...word(random.chance(0.4) ? 0 : random.below(1 << 30))]);
			return transaction(sender, nonce, { to: store, data });
		});
		const { outcomes, root } = await ledger.block(...txs);
		for (const outcome of outcomes) expect(executed(outcome).success).toBe(true);
		album.push({ root, ...photograph(ledger) });
	}
	return album;
}

describe("history", () => {
	test("every block within the window is read as it was; older and newer ones are refused", async () => {
		const ledger = chain();
		const album = await grow(ledger, new Random(1), budget(30, 300));
		const head = BigInt(album.length - 1);
		for (let at = head - BigInt(HISTORY); at <= head; at++) {
			const { root, ...seen } = album[Number(at)] as Photograph;
			expect(photograph(ledger, at)).toEqual(seen);
			expect(root).toHaveLength(32);
		}
		for (const at of [0n, head - BigInt(HISTORY) - 1n]) expect(() => ledger.machine.account(users[0] as Uint8Array, at)).toThrow(/has been pruned/);
		expect(() => ledger.machine.storage(store, word(0n), head + 1n)).toThrow(/ahead of the head/);
		await ledger.reopen();
		expect(photograph(ledger, head - 3n)).toEqual({ accounts: album.at(-4)?.accounts, slots: album.at(-4)?.slots });
	});

	test("accounts and slots, there or not, are proved at every block of the window", async () => {
		const ledger = chain();
		const album = await grow(ledger, new Random(2), 20);
		const head = BigInt(album.length - 1);
		for (const at of [undefined, head, head - 1n, head - 4n, head - BigInt(HISTORY)]) {
			const page = album[Number(at ?? head)] as Photograph;
			for (const [index, who] of everyone.entries()) {
				const proof = ledger.machine.prove(who, who === store ? keys : [word(1n)], at);
				const expected = page.accounts[index];
				expect(proof.account).toEqual(expected);
				expect(toHex(keccak256(proof.accountProof[0] ?? new Uint8Array(0)))).toBe(toHex(page.root));
				const proved = await verifyMerkleProof(keccak256(who), [...proof.accountProof]);
				expect(proved ?? undefined).toEqual(expected === undefined ? undefined : rlp(expected));
				if (who !== store) {
					expect(proof.storage).toEqual([{ key: word(1n), value: 0n, proof: [] }]);
					continue;
				}
				for (const [slot, entry] of proof.storage.entries()) {
					expect(word(entry.value)).toEqual(page.slots[slot]);
					if (entry.proof.length === 0) continue;
					expect(toHex(keccak256(entry.proof[0] as Uint8Array))).toBe(toHex(expected?.storageRoot ?? word(0n)));
					const value = await verifyMerkleProof(keccak256(entry.key), [...entry.proof]);
					expect(value === null).toBe(entry.value === 0n);
				}
			}
		}
	});

	test("a call runs on the state of the block that it names", async () => {
		const ledger = chain();
		const album = await grow(ledger, new Random(3), 12);
		const head = BigInt(album.length - 1);
		const balances = returning(...strangers.slice(0, 3).flatMap((who, index) => [who, "BALANCE" as const, ...(index > 0 ? (["ADD"] as const) : [])]));
		for (const at of [head, head - 5n, head - 2n, head - 5n, head]) {
			const sum = (album[Number(at)] as Photograph).accounts
				.slice(users.length, users.length + 3)
				.reduce((total, account) => total + (account?.balance ?? 0n), 0n);
			expect(executed(ledger.machine.call(request(strangers[0] as Uint8Array, undefined, { data: balances }), environment(at), at)).output).toEqual(word(sum));
		}
		expect(() => ledger.machine.call(request(store, store), environment(0n), 0n)).toThrow(RangeError);
	});

	test("pruned history leaves the store, also after the window was made smaller", async () => {
		const ledger = chain(16);
		const random = new Random(4);
		await grow(ledger, random, 24);
		expect(await historyBlocks(ledger)).toEqual(range(9, 24));
		await ledger.reopen({ historyBlocks: 6 });
		await grow(ledger, random, 6);
		expect(await historyBlocks(ledger)).toEqual(range(25, 30));
	});
});

const rlp = (account: AccountState) => encodeAccount(account.nonce, word(account.balance), account.storageRoot, account.codeHash);

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** The blocks that have entries in the history table, read behind the store's back. Closes the ledger's store. */
async function historyBlocks(ledger: Bench): Promise<number[]> {
	await ledger.machine.close();
	const store = openLmdb({ path: ledger.dir, maxDbs: 16, keyEncoding: "binary", encoding: "binary" });
	const history = store.openDB<Buffer, Buffer>({ name: "history", keyEncoding: "binary", encoding: "binary" });
	const blocks = new Set([...history.getKeys()].map((key) => Number(key.readBigUInt64BE(0))));
	await store.close();
	return [...blocks].sort((a, b) => a - b);
}
