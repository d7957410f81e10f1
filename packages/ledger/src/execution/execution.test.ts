import { concatBytes, fromHex, toHex } from "@freehold/protocol";
import { afterEach, describe, expect, test } from "vitest";
import {
	address,
	assemble,
	type Bench,
	bench,
	CHAIN_ID,
	COINBASE,
	environment,
	executed,
	initCodeOf,
	parentHash,
	request,
	returning,
	transaction,
	word,
} from "../../test/execution-kit.js";
import { signer } from "../../test/oracle.js";
import { keccak256 } from "../state/keccak.js";
import { HISTORY_ADDRESS } from "./history-contract.js";
import type { InvalidTxCode, TxOutcome } from "./types.js";

const user = address(0x1111);
const other = address(0x2222);
const FUNDS = 10n ** 18n;

let open: Bench | undefined;
afterEach(async () => {
	await open?.close();
	open = undefined;
});

function chain(contracts: readonly (readonly [Uint8Array, Uint8Array])[] = []): Bench {
	open = bench({
		balances: [{ address: user, balance: FUNDS }],
		deployments: contracts.map(([at, code]) => ({ address: at, initCode: initCodeOf(code) })),
	});
	return open;
}

function refused(outcome: TxOutcome | undefined): Extract<TxOutcome, { kind: "invalid" }> {
	if (outcome?.kind !== "invalid") throw new Error("expected a refusal");
	return outcome;
}

describe("transactions", () => {
	test("a transfer moves value, pays the tip to the proposer, and burns the base fee", async () => {
		const ledger = chain();
		const { outcomes } = await ledger.block(transaction(user, 0n, { to: other, value: 1000n, gasLimit: 21_000n }));
		expect(executed(outcomes[0])).toMatchObject({ success: true, gasUsed: 21_000n });
		expect(ledger.machine.account(other)).toMatchObject({ nonce: 0n, balance: 1000n });
		expect(ledger.machine.account(user)).toMatchObject({ nonce: 1n, balance: FUNDS - 1000n - 21_000n * 10n });
		expect(ledger.machine.account(COINBASE)?.balance).toBe(21_000n * 3n);
	});

	test("a creation gives the contract's address, its code, and what its constructor stored", async () => {
		const runtime = returning(7);
		const initCode = initCodeOf(runtime, assemble(42, 1, "SSTORE", 5, 0, "LOG0"));
		const ledger = chain();
		const { outcomes } = await ledger.block(transaction(user, 0n, { to: undefined, data: initCode }));
		const { created, success, logs } = executed(outcomes[0]);
		expect(success).toBe(true);
		expect(logs).toHaveLength(1);
		if (created === undefined) throw new Error("nothing was created");
		const account = ledger.machine.account(created);
		if (account === undefined) throw new Error("the created account is not there");
		expect(account.nonce).toBe(1n);
		expect(ledger.machine.code(account.codeHash)).toEqual(runtime);
		expect(account.codeHash).toEqual(keccak256(runtime));
		expect(ledger.machine.storage(created, word(1n))).toEqual(word(42n));
		await ledger.reopen();
		expect(executed(ledger.machine.call(request(user, created), environment(1n))).output).toEqual(word(7n));
	});

	test("a revert keeps the fee, gives its data, and undoes storage and logs", async () => {
		const contract = address(0xc1);
		const ledger = chain([[contract, assemble(1, 1, "SSTORE", 0, 0, "LOG0", word(0xbadn), 0, "MSTORE", 32, 0, "REVERT")]]);
		const { outcomes } = await ledger.block(transaction(user, 0n, { to: contract }));
		expect(executed(outcomes[0])).toMatchObject({ success: false, halt: undefined, logs: [] });
		expect(executed(outcomes[0]).output).toEqual(word(0xbadn));
		expect(ledger.machine.storage(contract, word(1n))).toEqual(word(0n));
		expect(ledger.machine.account(user)?.nonce).toBe(1n);
	});

	test("a halt names its reason and takes all gas", async () => {
		const contract = address(0xc1);
		const ledger = chain([[contract, assemble("JUMPDEST", 0, "JUMP")]]);
		const { outcomes } = await ledger.block(transaction(user, 0n, { to: contract, gasLimit: 90_000n }));
		expect(executed(outcomes[0])).toMatchObject({ success: false, gasUsed: 90_000n, halt: expect.stringContaining("out of gas"), output: new Uint8Array(0) });
	});

	test("logs carry address, topics and data in order", async () => {
		const contract = address(0xc1);
		const ledger = chain([[contract, assemble(word(9n), 0, "MSTORE", 2, 1, 32, 0, "LOG2", 0, 0, "LOG0")]]);
		const { outcomes } = await ledger.block(transaction(user, 0n, { to: contract }));
		expect(executed(outcomes[0]).logs).toEqual([
			{ address: contract, topics: [word(1n), word(2n)], data: word(9n) },
			{ address: contract, topics: [], data: new Uint8Array(0) },
		]);
	});

	test("an access list warms what it names, at its price", async () => {
		const contract = address(0xc1);
		const ledger = chain([[contract, assemble(3, "SLOAD", "POP")]]);
		const cold = transaction(user, 0n, { type: 1, to: contract, maxPriorityFeePerGas: 0n });
		const warm = { ...cold, nonce: 1n, accessList: [{ address: contract, storageKeys: [word(3n)] }] };
		const { outcomes } = await ledger.block(cold, warm);
		// EIP-2930: 2,400 for the address, 1,900 for the key; EIP-2929: 2,000 less for the slot.
		expect(executed(outcomes[1]).gasUsed - executed(outcomes[0]).gasUsed).toBe(2_400n + 1_900n - 2_000n);
	});

	test("a set-code transaction makes an account run a contract's code on its own storage, until it is taken back", async () => {
		const [contract, authority] = [address(0xc1), signer(1).address];
		const ledger = chain([[contract, assemble("ADDRESS", 1, "SSTORE")]]);
		const delegate = { chainId: CHAIN_ID, address: contract, nonce: 0n, authority };
		const { outcomes } = await ledger.block(transaction(user, 0n, { type: 4, to: authority, authorizationList: [delegate] }));
		expect(executed(outcomes[0]).success).toBe(true);
		expect(ledger.machine.storage(authority, word(1n))).toEqual(word(authority));
		expect(ledger.machine.code(ledger.machine.account(authority)?.codeHash ?? word(0n))).toEqual(concatBytes(fromHex("0xef0100"), contract));
		const clear = { ...delegate, address: new Uint8Array(20), nonce: 1n };
		await ledger.block(transaction(user, 1n, { type: 4, to: user, authorizationList: [clear] }));
		expect(ledger.machine.account(authority)?.nonce).toBe(2n);
		expect(ledger.machine.code(ledger.machine.account(authority)?.codeHash ?? word(0n))).toHaveLength(0);
	});

	test("calldata has its floor price (EIP-7623)", async () => {
		const ledger = chain();
		const { outcomes } = await ledger.block(transaction(user, 0n, { data: new Uint8Array(1000).fill(1), gasLimit: 100_000n }));
		expect(executed(outcomes[0]).gasUsed).toBe(21_000n + 40n * 1000n);
	});

	test("a contract created and destroyed in one transaction leaves nothing; an older one keeps its code", async () => {
		const [old, heir] = [address(0xc1), address(0x77)];
		const ledger = chain([[old, assemble(heir, "SELFDESTRUCT")]]);
		const { outcomes } = await ledger.block(
			transaction(user, 0n, { to: undefined, value: 5n, data: assemble(1, 1, "SSTORE", heir, "SELFDESTRUCT") }),
			transaction(user, 1n, { to: old, value: 7n }),
		);
		expect(executed(outcomes[0]).success).toBe(true);
		const gone = executed(outcomes[0]).created;
		expect(gone === undefined ? undefined : ledger.machine.account(gone)).toBeUndefined();
		expect(ledger.machine.account(heir)?.balance).toBe(12n);
		expect(ledger.machine.account(old)).toMatchObject({ nonce: 1n, balance: 0n });
	});
});

describe("refusals", () => {
	const cases: readonly {
		readonly what: string;
		readonly change: Parameters<typeof transaction>[2];
		readonly nonce?: bigint;
		readonly code: InvalidTxCode;
		readonly reason: RegExp;
	}[] = [
		{ what: "a used nonce", change: {}, nonce: 0n, code: "nonceTooLow", reason: /^nonce too low: next nonce 1, tx nonce 0$/ },
		{ what: "a gap in nonces", change: {}, nonce: 5n, code: "nonceTooHigh", reason: /^nonce too high: .* tx: 5 state: 1$/ },
		{
			what: "too little money",
			change: { value: FUNDS },
			code: "insufficientFunds",
			reason: /^insufficient funds for gas \* price \+ value: .* have \d+ want \d+$/,
		},
		{ what: "an amount beyond all money", change: { value: (1n << 256n) - 1n }, code: "insufficientFunds", reason: /^insufficient funds/ },
		{ what: "less than the intrinsic gas", change: { gasLimit: 20_999n }, code: "intrinsicGas", reason: /^intrinsic gas too low: have 20999, want 21000$/ },
		{
			what: "less than the floor",
			change: { data: new Uint8Array(100).fill(1), gasLimit: 23_000n },
			code: "intrinsicGas",
			reason: /^insufficient gas for floor data gas cost: have 23000, want 25000$/,
		},
		{
			what: "a fee below the base fee",
			change: { maxFeePerGas: 6n, maxPriorityFeePerGas: 0n },
			code: "feeBelowBase",
			reason: /^max fee per gas less than block base fee: .*maxFeePerGas: 6, baseFee: 7$/,
		},
		{
			what: "a tip above the fee",
			change: { maxFeePerGas: 10n, maxPriorityFeePerGas: 11n },
			code: "tipAboveFee",
			reason: /^max priority fee per gas higher than max fee per gas/,
		},
		{
			what: "more gas than a block has",
			change: { gasLimit: 100_000_001n, maxFeePerGas: 8n },
			code: "blockGas",
			reason: /^gas limit reached: have \d+, want 100000001$/,
		},
		{
			what: "creation code beyond its limit",
			change: { to: undefined, data: new Uint8Array(49_153), gasLimit: 5_000_000n },
			code: "initCodeSize",
			reason: /^max initcode size exceeded: code size 49153 limit 49152$/,
		},
		{ what: "a set-code transaction without authorisations", change: { type: 4 }, code: "setCode", reason: /empty auth list/ },
		{ what: "a set-code transaction that creates", change: { type: 4, to: undefined }, code: "setCode", reason: /cannot be used to create contract/ },
		{ what: "a quantity larger than its field", change: { gasLimit: 1n << 70n }, code: "blockGas", reason: /gas limit reached/ },
	];
	for (const { what, change, nonce = 1n, code, reason } of cases) {
		test(`${what} is refused with its reason and leaves no trace`, async () => {
			const ledger = chain();
			await ledger.block(transaction(user, 0n));
			const before = ledger.machine.account(user);
			const { outcomes } = await ledger.block(transaction(user, nonce, change));
			expect(refused(outcomes[0]).code).toBe(code);
			expect(refused(outcomes[0]).reason).toMatch(reason);
			expect(ledger.machine.account(user)).toEqual(before);
		});
	}

	test("a contract cannot send, and the last nonce cannot be used", async () => {
		const contract = address(0xc1);
		const ledger = chain([[contract, assemble("STOP")]]);
		const { outcomes } = await ledger.block(transaction(contract, 1n), transaction(user, (1n << 64n) - 1n));
		expect(outcomes.map((outcome) => refused(outcome).code)).toEqual(["senderHasCode", "nonceMax"]);
	});

	test("a block's gas is shared by all its transactions, also over several calls", () => {
		const ledger = chain([[address(0xc1), assemble("JUMPDEST", 0, "JUMP")]]);
		ledger.machine.beginBlock(environment(1n, { gasLimit: 200_000n }));
		const [first] = ledger.machine.execute([transaction(user, 0n, { to: address(0xc1), gasLimit: 150_000n })]);
		expect(executed(first).gasUsed).toBe(150_000n);
		const [second, third] = ledger.machine.execute([transaction(user, 1n, { gasLimit: 50_001n }), transaction(user, 1n, { gasLimit: 50_000n })]);
		expect(refused(second)).toMatchObject({ code: "blockGas", wanted: 50_000n });
		expect(executed(third).success).toBe(true);
	});
});

describe("what blocks know of earlier blocks", () => {
	test("BLOCKHASH answers for the last 256 blocks and the history contract for older ones (EIP-2935)", async () => {
		const reader = address(0xc1);
		const ledger = chain([[reader, returning(0, "CALLDATALOAD", "BLOCKHASH")]]);
		ledger.machine.setBlockHashes((number) => parentHash(number + 1n));
		for (let number = 1; number <= 4; number++) await ledger.block();
		const env = environment(5n);
		for (const [number, hash] of [
			[4n, parentHash(5n)],
			[1n, parentHash(2n)],
			[5n, word(0n)],
		] as const) {
			expect(executed(ledger.machine.call(request(user, reader, { data: word(number) }), env)).output).toEqual(hash);
		}
		expect(executed(ledger.machine.call(request(user, HISTORY_ADDRESS, { data: word(2n) }), env)).output).toEqual(parentHash(3n));
		expect(executed(ledger.machine.call(request(user, HISTORY_ADDRESS, { data: word(5n) }), env)).success).toBe(false);
	});

	test("the parent's hash is known without a lookup", async () => {
		const keeper = address(0xc1);
		const ledger = chain([[keeper, assemble(1, "NUMBER", "SUB", "BLOCKHASH", 1, "SSTORE")]]);
		await ledger.block();
		await ledger.block(transaction(user, 0n, { to: keeper }));
		expect(ledger.machine.storage(keeper, word(1n))).toEqual(parentHash(2n));
	});
});

describe("calls without effect", () => {
	test("see the head, not the block in progress", () => {
		const contract = address(0xc1);
		const ledger = chain([[contract, assemble("CALLVALUE", 1, "SSTORE", 1, "SLOAD", 0, "MSTORE", 32, 0, "RETURN")]]);
		ledger.machine.beginBlock(environment(1n));
		ledger.machine.execute([transaction(user, 0n, { to: other, value: 1000n })]);
		const balance = returning(other, "BALANCE");
		expect(executed(ledger.machine.call(request(user, undefined, { data: balance }), environment(1n))).output).toEqual(word(0n));
		expect(executed(ledger.machine.call(request(user, contract, { value: 9n }), environment(1n))).output).toEqual(word(9n));
		expect(ledger.machine.storage(contract, word(1n))).toEqual(word(0n));
	});

	test("need no money, nonce or gas price, unless they are strict", () => {
		const contract = address(0xc1);
		const ledger = chain([[contract, returning("CALLVALUE")]]);
		const poor = address(0x99);
		const rich = { value: FUNDS, gasPrice: 10n };
		expect(executed(ledger.machine.call(request(poor, contract, rich), environment(1n))).output).toEqual(word(FUNDS));
		expect(refused(ledger.machine.call(request(poor, contract, { ...rich, strict: true }), environment(1n))).code).toBe("insufficientFunds");
		expect(executed(ledger.machine.call(request(user, contract, { value: 1n, gasPrice: 10n, strict: true }), environment(1n))).output).toEqual(word(1n));
		expect(refused(ledger.machine.call(request(poor, contract, { gasPrice: 6n }), environment(1n))).code).toBe("feeBelowBase");
		expect(executed(ledger.machine.call(request(contract, contract), environment(1n))).success).toBe(true);
	});

	test("get no more gas than a block has", () => {
		const contract = address(0xc1);
		const ledger = chain([[contract, assemble("JUMPDEST", 0, "JUMP")]]);
		const endless = executed(ledger.machine.call(request(user, contract, { gasLimit: 1n << 64n }), environment(1n, { gasLimit: 300_000n })));
		expect(endless).toMatchObject({ success: false, gasUsed: 300_000n });
	});

	test("say what a creation would make, what reverted, and what it cost", () => {
		const ledger = chain();
		const made = executed(ledger.machine.call(request(user, undefined, { data: initCodeOf(returning(7)) }), environment(1n)));
		expect(made.output).toEqual(returning(7));
		expect(made.created).toHaveLength(20);
		expect(made.gasUsed).toBeGreaterThan(53_000n);
		const failed = executed(ledger.machine.call(request(user, undefined, { data: assemble(word(1n), 0, "MSTORE", 32, 0, "REVERT") }), environment(1n)));
		expect(failed).toMatchObject({ success: false, halt: undefined, output: word(1n) });
	});

	test("carry access lists and authorisations", () => {
		const [contract, authority] = [address(0xc1), signer(3).address];
		const ledger = chain([[contract, returning("ADDRESS")]]);
		const authorizationList = [{ chainId: CHAIN_ID, address: contract, nonce: 0n, authority }];
		expect(executed(ledger.machine.call(request(user, authority, { authorizationList }), environment(1n))).output).toEqual(word(authority));
		const plain = executed(ledger.machine.call(request(user, contract), environment(1n))).gasUsed;
		const listed = executed(ledger.machine.call(request(user, contract, { accessList: [{ address: contract, storageKeys: [] }] }), environment(1n))).gasUsed;
		expect(listed - plain).toBe(2_400n);
	});
});

describe("the course of a block", () => {
	test("genesis runs constructors at their own addresses, keeps what they made, and makes its calls", () => {
		const [contract, caller] = [address(0xc1), address(0x55)];
		// The constructor stores its address; the runtime stores its caller.
		const initCode = initCodeOf(assemble("CALLER", 3, "SSTORE"), assemble("ADDRESS", 1, "SSTORE"));
		open = bench({ deployments: [{ address: contract, initCode }], calls: [{ from: caller, to: contract, data: new Uint8Array(0) }] });
		expect(open.machine.account(contract)).toMatchObject({ nonce: 1n });
		expect(open.machine.storage(contract, word(1n))).toEqual(word(contract));
		expect(open.machine.storage(contract, word(3n))).toEqual(word(caller));
		expect(open.machine.account(caller)).toBeUndefined();
		expect(open.machine.account(fromHex("0xfffffffffffffffffffffffffffffffffffffffe"))).toBeUndefined();
	});

	test("a constructor that fails fails genesis, and nothing of it remains", () => {
		expect(() => bench({ deployments: [{ address: address(0xc1), initCode: assemble(0, 0, "REVERT") }] })).toThrow(
			/genesis deployment at 0x0+c1 failed: reverted/,
		);
	});

	test("a discarded block leaves the head as it was, and the same block can be made again", async () => {
		const ledger = chain();
		const twin = bench({ balances: [{ address: user, balance: FUNDS }] });
		ledger.machine.beginBlock(environment(1n));
		ledger.machine.execute([
			transaction(user, 0n, { to: address(0x7777), value: 77n }),
			transaction(user, 1n, { to: undefined, data: initCodeOf(returning(7)) }),
		]);
		ledger.machine.finishBlock();
		ledger.machine.discard();
		expect(ledger.machine.account(address(0x7777))).toBeUndefined();
		expect(ledger.machine.account(user)?.nonce).toBe(0n);
		const again = await ledger.block(transaction(user, 0n, { to: other, value: 5n }));
		expect(toHex(again.root)).toBe(toHex((await twin.block(transaction(user, 0n, { to: other, value: 5n }))).root));
		await twin.close();
	});

	test("a credit is part of the block's state", async () => {
		const ledger = chain();
		ledger.machine.beginBlock(environment(1n));
		ledger.machine.credit(other, 123n);
		const root = ledger.machine.finishBlock();
		await ledger.machine.commit([]);
		expect(ledger.machine.account(other)?.balance).toBe(123n);
		expect(ledger.machine.head()).toEqual({ number: 1n, stateRoot: root });
	});

	test("steps out of order are refused", async () => {
		const ledger = chain();
		expect(() => ledger.machine.execute([])).toThrow(/at step "none"/);
		expect(() => ledger.machine.finishBlock()).toThrow(/at step "none"/);
		expect(() => ledger.machine.beginBlock(environment(2n))).toThrow(/does not follow the head 0/);
		expect(() => ledger.machine.initGenesis({ env: environment(0n), balances: [], deployments: [], calls: [] })).toThrow(/has a genesis already/);
		ledger.machine.beginBlock(environment(1n));
		expect(() => ledger.machine.beginBlock(environment(1n))).toThrow(/at step "executing"/);
		await expect(ledger.machine.commit([])).rejects.toThrow(/at step "executing"/);
	});

	test("restarts and an empty cache change no root", async () => {
		const contract = address(0xc1);
		const code = assemble("NUMBER", "NUMBER", "SSTORE", 1, "NUMBER", "SUB", "SLOAD", 100, "SSTORE");
		const state = { balances: [{ address: user, balance: FUNDS }], deployments: [{ address: contract, initCode: initCodeOf(code) }] };
		const [restarts, forgets] = [bench(state), bench(state, { cacheEntries: 0 })];
		open = bench(state);
		for (let nonce = 0n; nonce < 6n; nonce++) {
			const tx = transaction(user, nonce, { to: contract });
			const { root } = await open.block(tx);
			for (const twin of [restarts, forgets]) expect(toHex((await twin.block(tx)).root)).toBe(toHex(root));
			await restarts.reopen();
			expect(restarts.machine.head()).toEqual({ number: nonce + 1n, stateRoot: root });
		}
		await Promise.all([restarts.close(), forgets.close()]);
	});

	test("a store that fails in the middle of a block loses the block and nothing else", async () => {
		const ledger = chain();
		await ledger.block(transaction(user, 0n, { to: other, value: 1n }));
		ledger.machine.beginBlock(environment(2n));
		ledger.machine.execute([transaction(user, 1n, { to: other, value: 1n })]);
		ledger.machine.setBlockHashes(() => {
			throw new Error("the disk is gone");
		});
		expect(() => ledger.machine.execute([transaction(user, 2n, { to: undefined, data: returning(0, "BLOCKHASH") })])).toThrow("the disk is gone");
		ledger.machine.setBlockHashes(() => undefined);
		expect(() => ledger.machine.finishBlock()).toThrow(/at step "none"/);
		const { outcomes } = await ledger.block(transaction(user, 1n, { to: other, value: 1n }));
		expect(executed(outcomes[0]).success).toBe(true);
		expect(ledger.machine.account(other)?.balance).toBe(2n);
	});
});
