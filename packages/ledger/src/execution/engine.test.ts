import { describe, expect, test } from "vitest";
import { address, assemble, environment, executed, initCodeOf, request, returning, transaction, word } from "../../test/execution-kit.js";
import { EMPTY_CODE_HASH, encodeAccount } from "../state/account.js";
import { EMPTY_ROOT } from "../state/path-trie.js";
import { Engine, type StateView } from "./engine.js";

const user = address(0x1111);
const account = encodeAccount(3n, word(10n ** 18n), EMPTY_ROOT, EMPTY_CODE_HASH);

const view = (change: Partial<StateView> = {}): StateView => ({
	account: (who) => (who[19] === user[19] && who[18] === user[18] ? account : undefined),
	slot: () => undefined,
	code: () => new Uint8Array(0),
	blockHash: () => undefined,
	...change,
});

describe("the engine", () => {
	test("asks for each account and slot once, also over several calls", () => {
		const asked: string[] = [];
		const engine = new Engine(
			view({
				account(who) {
					asked.push(`account ${who[19]}`);
					return view().account(who);
				},
				slot(_, key) {
					asked.push(`slot ${key[31]}`);
					return undefined;
				},
			}),
		);
		const code = assemble(1, "SLOAD", "POP", 1, "SLOAD", "POP");
		engine.deploy(environment(0n), address(0xc1), initCodeOf(code), 10_000_000n);
		asked.length = 0;
		engine.execute(environment(1n), 100_000_000n, [transaction(user, 3n, { to: address(0xc1) })]);
		engine.execute(environment(1n), 100_000_000n, [transaction(user, 4n, { to: address(0xc1) })]);
		expect(new Set(asked).size).toBe(asked.length);
		// A contract made since changes were last taken has no slots in the store.
		expect(asked.some((entry) => entry.startsWith("slot"))).toBe(false);
	});

	test("changes are told once, with the last value of each slot", () => {
		const engine = new Engine(view());
		engine.deploy(environment(0n), address(0xc1), initCodeOf(assemble("NUMBER", 1, "SSTORE", 1, "SLOAD", 2, "SSTORE")), 10_000_000n);
		engine.execute(environment(1n), 100_000_000n, [transaction(user, 3n, { to: address(0xc1) })]);
		engine.execute(environment(9n), 100_000_000n, [transaction(user, 4n, { to: address(0xc1) })]);
		const { accounts, codes } = engine.changes();
		const contract = accounts.find((entry) => entry.address[19] === 0xc1);
		expect(contract).toMatchObject({ wiped: true, state: { nonce: 1n } });
		expect(contract?.slots.map(({ key, value }) => [key[31], value[31]]).sort()).toEqual([
			[1, 9],
			[2, 9],
		]);
		expect(codes).toHaveLength(1);
		expect(engine.changes()).toEqual({ accounts: [], codes: [] });
	});

	test("a read that fails fails the call, and the engine works again afterwards", () => {
		let broken = true;
		const engine = new Engine(
			view({
				account: (who) => {
					if (broken) throw new Error("the disk is gone");
					return view().account(who);
				},
			}),
		);
		const tx = transaction(user, 3n, { gasLimit: 21_000n });
		expect(() => engine.execute(environment(1n), 100_000_000n, [tx])).toThrow("the disk is gone");
		broken = false;
		expect(executed(engine.execute(environment(1n), 100_000_000n, [tx])[0]).success).toBe(true);
	});

	test("large requests and answers pass whole", () => {
		const engine = new Engine(view());
		const data = new Uint8Array(900_000).map((_, index) => index & 255);
		const copy = assemble("CALLDATASIZE", 0, 0, "CALLDATACOPY", "CALLDATASIZE", 0, "RETURN");
		engine.deploy(environment(0n), address(0xc1), initCodeOf(copy), 10_000_000n);
		const outcome = executed(engine.call(environment(1n), request(user, address(0xc1), { data, gasLimit: 90_000_000n })));
		expect(Buffer.compare(outcome.output, data)).toBe(0);
	});

	test("two hundred thousand slots in one block", () => {
		const engine = new Engine(view());
		// Stores 1 at slot after slot while more than 30,000 gas are left.
		const loop = assemble(0, "JUMPDEST", 1, "DUP2", "SSTORE", 1, "ADD", 30_000, "GAS", "GT", 1, "JUMPI");
		engine.deploy(environment(0n), address(0xc1), initCodeOf(loop), 10_000_000n);
		const env = environment(1n, { gasLimit: 5_000_000_000n });
		const outcome = executed(
			engine.execute(env, 5_000_000_000n, [transaction(user, 3n, { to: address(0xc1), gasLimit: 4_500_000_000n, maxFeePerGas: 8n })])[0],
		);
		expect(outcome.success).toBe(true);
		expect(engine.changes().accounts.find((entry) => entry.address[19] === 0xc1)?.slots.length).toBeGreaterThan(200_000);
	});

	test("answers are the same from a fresh instance", () => {
		const run = () => {
			const engine = new Engine(view());
			engine.deploy(environment(0n), address(0xc1), initCodeOf(returning("GAS")), 10_000_000n);
			return executed(engine.call(environment(1n), request(user, address(0xc1))));
		};
		expect(run()).toEqual(run());
	});
});
