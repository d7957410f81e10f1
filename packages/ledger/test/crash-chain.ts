/** A chain whose every block follows from its number alone, so that any process, at any height, makes the same one. */
import { concatBytes } from "@freehold/protocol";
import { openStateMachine } from "../src/execution/execution.js";
import type { StateMachine, TableWrite } from "../src/execution/types.js";
import { address, assemble, environment, genesis, initCodeOf, transaction, word } from "./execution-kit.js";

export const users: readonly Uint8Array[] = Array.from({ length: 20 }, (_, index) => address(0x1111 + index));
export const contract: Uint8Array = address(0xc1);
const code = assemble(32, "CALLDATALOAD", 0, "CALLDATALOAD", "SSTORE");

/** Opens the store in `dir`, makes genesis where there is none. */
export function openCrashChain(dir: string): StateMachine {
	const machine = openStateMachine({ dir, historyBlocks: 5, mapSizeBytes: 1024 ** 3 });
	if (machine.head() === undefined) {
		const balances = users.map((user) => ({ address: user, balance: 10n ** 20n }));
		machine.initGenesis(genesis({ balances, deployments: [{ address: contract, initCode: initCodeOf(code) }] }), () => [rowOf(0n)]);
	}
	return machine;
}

/** Executes the block after the head; the caller commits it with the row that it gets. */
export function prepareBlock(machine: StateMachine): { readonly number: bigint; readonly root: Uint8Array; readonly row: TableWrite } {
	const number = (machine.head()?.number ?? -1n) + 1n;
	machine.beginBlock(environment(number));
	const txs = users.map((user, index) => {
		const slot = (number * 7n + BigInt(index)) % 50n;
		const value = (number + BigInt(index)) % 3n === 0n ? 0n : number * 1000n + BigInt(index);
		const store = { to: contract, data: concatBytes(word(slot), word(value)) };
		return transaction(user, number - 1n, index % 2 === 0 ? store : { to: address(0x70000 + Number(number % 40n) * 20 + index), value: 1n + number });
	});
	for (const outcome of machine.execute(txs)) if (outcome.kind !== "executed" || !outcome.success) throw new Error("a block of the crash chain failed");
	return { number, root: machine.finishBlock(), row: rowOf(number) };
}

/** What every block leaves in a table. */
export function rowOf(number: bigint): TableWrite {
	return { table: "block", key: word(number), value: word(number * number) };
}
