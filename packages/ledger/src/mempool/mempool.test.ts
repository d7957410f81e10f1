import { toHex } from "@freehold/protocol";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { Transaction } from "../transaction/transaction.js";
import { defaultMempoolOptions, Mempool, type MempoolOptions, type SenderState } from "./mempool.js";

const RICH = 10n ** 30n;
let serial = 0;
let clock = 0;
let accounts: Map<string, SenderState>;

const address = (name: number): Uint8Array => new Uint8Array(20).fill(name);
const from = (name: number) => toHex(address(name));

function tx(sender: number, nonce: number, change: Partial<Transaction> = {}): Transaction {
	const hash = new Uint8Array(32);
	new DataView(hash.buffer).setUint32(0, ++serial);
	const base = {
		type: 2,
		sender: address(sender),
		from: from(sender),
		nonce: BigInt(nonce),
		to: address(99),
		value: 1n,
		data: new Uint8Array(0),
		gasLimit: 21_000n,
		maxFeePerGas: 100n,
		maxPriorityFeePerGas: 10n,
	} as const;
	return {
		...base,
		accessList: [],
		authorizationList: [],
		raw: new Uint8Array(110),
		hash,
		id: toHex(hash),
		chainId: 1n,
		v: 0n,
		r: new Uint8Array(32),
		s: new Uint8Array(32),
		...change,
	};
}

function pool(options: Partial<MempoolOptions> = {}): Mempool {
	return new Mempool(
		{ ...defaultMempoolOptions, blockGasLimit: 100_000_000n, ...options },
		{ senderState: (sender) => accounts.get(toHex(sender)) ?? { nonce: 0n, balance: RICH, isContract: false }, now: () => clock },
	);
}

const select = (mempool: Mempool, change: Partial<Parameters<Mempool["select"]>[0]> = {}) =>
	mempool
		.select({ baseFeePerGas: 7n, gasLimit: 100_000_000n, maxBytes: 1_000_000, overheadBytes: 5, ...change })
		.map(({ from: sender, nonce }) => `${sender.slice(2, 4)}:${nonce}`);
const reason = (mempool: Mempool, transaction: Transaction) => {
	const admission = mempool.add(transaction);
	return admission.kind === "refused" ? admission.reason : "accepted";
};

beforeEach(() => {
	accounts = new Map();
	clock = 1_000_000;
});

describe("admission", () => {
	test("a window of 64 nonces from the account's", () => {
		accounts.set(from(1), { nonce: 5n, balance: RICH, isContract: false });
		const mempool = pool();
		expect(reason(mempool, tx(1, 3))).toBe("nonce too low: next nonce 5, tx nonce 3");
		expect(reason(mempool, tx(1, 5))).toBe("accepted");
		expect(reason(mempool, tx(1, 68))).toBe("accepted");
		expect(reason(mempool, tx(1, 69))).toBe("nonce too high: next nonce 5, tx nonce 69");
	});

	test("the same transaction once", () => {
		const mempool = pool();
		const transaction = tx(1, 0);
		expect(reason(mempool, transaction)).toBe("accepted");
		expect(reason(mempool, transaction)).toBe("already known");
	});

	test("funds for one, and for all that wait", () => {
		accounts.set(from(1), { nonce: 0n, balance: 3_000_000n, isContract: false });
		const mempool = pool();
		expect(reason(mempool, tx(1, 0, { value: 2_000_000n }))).toBe(
			"insufficient funds for gas * price + value: balance 3000000, tx cost 4100000, overshot 1100000",
		);
		expect(reason(mempool, tx(1, 0))).toBe("accepted");
		expect(reason(mempool, tx(1, 1))).toBe(
			"insufficient funds for gas * price + value: balance 3000000, queued cost 2100001, tx cost 2100001, overshot 1200002",
		);
	});

	test("a fee that no block will ever take", () =>
		expect(reason(pool(), tx(1, 0, { maxFeePerGas: 6n, maxPriorityFeePerGas: 0n }))).toBe("transaction underpriced: gas fee cap 6, minimum needed 7"));

	test("no contract sends", () => {
		accounts.set(from(1), { nonce: 0n, balance: RICH, isContract: true });
		expect(reason(pool(), tx(1, 0))).toMatch(/^sender not an eoa/);
	});

	test("stateless faults", () => expect(reason(pool(), tx(1, 0, { gasLimit: 1n }))).toBe("intrinsic gas too low: gas 1, minimum needed 21000"));
});

describe("replacement", () => {
	test.each([
		["the same price", 100n, 10n, "replacement transaction underpriced"],
		["9 % more", 109n, 11n, "replacement transaction underpriced"],
		["10 % more fee, the same tip", 110n, 10n, "replacement transaction underpriced"],
		["10 % more of both", 110n, 11n, "accepted"],
	])("%s", (_, maxFeePerGas, maxPriorityFeePerGas, expected) => {
		const mempool = pool();
		const first = tx(1, 0);
		mempool.add(first);
		expect(reason(mempool, tx(1, 0, { maxFeePerGas, maxPriorityFeePerGas }))).toBe(expected);
		expect(mempool.size).toBe(1);
		expect(mempool.get(first.id) === undefined).toBe(expected === "accepted");
	});
});

describe("selection", () => {
	test("the best tip first, each sender in order of nonce, equal tips as they came", () => {
		const mempool = pool();
		for (const transaction of [
			tx(1, 1, { maxPriorityFeePerGas: 90n }),
			tx(1, 0, { maxPriorityFeePerGas: 1n }),
			tx(2, 0, { maxPriorityFeePerGas: 5n }),
			tx(3, 0, { maxPriorityFeePerGas: 5n }),
		])
			expect(mempool.add(transaction).kind).toBe("accepted");
		expect(select(mempool)).toEqual(["02:0", "03:0", "01:0", "01:1"]);
	});

	test("a gap holds what is behind it back", () => {
		const mempool = pool();
		for (const nonce of [0, 2, 3]) mempool.add(tx(1, nonce));
		expect(select(mempool)).toEqual(["01:0"]);
		expect(mempool.pendingNonce(from(1))).toBe(1n);
		mempool.add(tx(1, 1));
		expect(select(mempool)).toEqual(["01:0", "01:1", "01:2", "01:3"]);
		expect(mempool.pendingNonce(from(1))).toBe(4n);
	});

	test("what cannot pay the base fee waits", () => {
		const mempool = pool();
		mempool.add(tx(1, 0, { maxFeePerGas: 50n }));
		expect(mempool.hasExecutable(51n)).toBe(false);
		expect(select(mempool, { baseFeePerGas: 51n })).toEqual([]);
		expect(select(mempool, { baseFeePerGas: 50n })).toEqual(["01:0"]);
	});

	test("gas and bytes are kept", () => {
		const mempool = pool();
		for (let sender = 1; sender <= 10; sender++) mempool.add(tx(sender, 0, { gasLimit: 30_000n }));
		expect(select(mempool, { gasLimit: 95_000n })).toHaveLength(3);
		expect(select(mempool, { maxBytes: 4 * 115 })).toHaveLength(4);
	});

	test("whatever was added, a selection is executable: contiguous nonces, rising, within the limits", () => {
		fc.assert(
			fc.property(
				fc.array(fc.record({ sender: fc.integer({ min: 1, max: 4 }), nonce: fc.nat(8), fee: fc.bigInt(7n, 200n), gas: fc.bigInt(21_000n, 90_000n) }), {
					maxLength: 40,
				}),
				fc.bigInt(1n, 100n),
				(entries, baseFeePerGas) => {
					accounts = new Map([[from(2), { nonce: 3n, balance: RICH, isContract: false }]]);
					const mempool = pool();
					for (const { sender, nonce, fee, gas } of entries) mempool.add(tx(sender, nonce, { maxFeePerGas: fee, maxPriorityFeePerGas: fee, gasLimit: gas }));
					const next = new Map<string, bigint>([[from(2), 3n]]);
					let gas = 0n;
					for (const chosen of mempool.select({ baseFeePerGas, gasLimit: 300_000n, maxBytes: 5_000, overheadBytes: 0 })) {
						expect(chosen.nonce).toBe(next.get(chosen.from) ?? 0n);
						expect(chosen.maxFeePerGas).toBeGreaterThanOrEqual(baseFeePerGas);
						next.set(chosen.from, chosen.nonce + 1n);
						gas += chosen.gasLimit;
					}
					expect(gas).toBeLessThanOrEqual(300_000n);
				},
			),
			{ numRuns: 200 },
		);
	});
});

describe("bounds", () => {
	test("a full pool lets dearer ones in for the cheapest, and refuses the rest", () => {
		const mempool = pool({ maxTransactions: 4 });
		for (let sender = 1; sender <= 4; sender++) mempool.add(tx(sender, 0, { maxFeePerGas: BigInt(100 + sender) }));
		expect(reason(mempool, tx(9, 0, { maxFeePerGas: 101n }))).toBe("transaction underpriced: the pool is full");
		expect(reason(mempool, tx(9, 0, { maxFeePerGas: 150n }))).toBe("accepted");
		expect(mempool.size).toBe(4);
		expect(mempool.pendingNonce(from(1))).toBeUndefined();
	});

	test("eviction takes the last nonce of a sender, never one that others wait for", () => {
		const mempool = pool({ maxTransactions: 3 });
		mempool.add(tx(1, 0, { maxFeePerGas: 10n }));
		mempool.add(tx(1, 1, { maxFeePerGas: 90n }));
		mempool.add(tx(2, 0, { maxFeePerGas: 50n }));
		expect(reason(mempool, tx(3, 0, { maxFeePerGas: 60n }))).toBe("accepted");
		expect(select(mempool)).toEqual(expect.arrayContaining(["01:0", "01:1", "03:0"]));
	});

	test("bytes are bounded too", () => {
		const mempool = pool({ maxBytes: 250 });
		mempool.add(tx(1, 0));
		mempool.add(tx(2, 0));
		expect(reason(mempool, tx(3, 0))).toMatch(/underpriced/);
		expect(mempool.bytes).toBe(220);
	});

	test("old ones leave", () => {
		const mempool = pool({ lifetimeMs: 1_000 });
		mempool.add(tx(1, 3));
		clock += 1_001;
		mempool.add(tx(2, 0));
		mempool.expire();
		expect(mempool.size).toBe(1);
		expect(mempool.bytes).toBe(110);
	});
});

test("after a block, what was included or overtaken is gone and the rest goes on", () => {
	const mempool = pool();
	for (const nonce of [0, 1, 2]) mempool.add(tx(1, nonce));
	accounts.set(from(1), { nonce: 2n, balance: RICH, isContract: false });
	mempool.settle(new Map([[from(1), address(1)]]));
	expect(select(mempool)).toEqual(["01:2"]);
	expect(mempool.size).toBe(1);
	mempool.drop([...mempool.select({ baseFeePerGas: 1n, gasLimit: 10n ** 8n, maxBytes: 10_000, overheadBytes: 0 })]);
	expect(mempool.size).toBe(0);
	expect(mempool.bytes).toBe(0);
});
