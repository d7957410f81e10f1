/** What tests of the execution engine share: a machine in a folder of its own, blocks, transactions, and a few bytes of code. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex } from "@freehold/protocol";
import { openStateMachine, type StateMachineOptions } from "../src/execution/execution.js";
import type { BlockEnv, CallRequest, ExecutableTx, GenesisState, StateMachine, TxOutcome } from "../src/execution/types.js";

export const CHAIN_ID = 10741n;
export const COINBASE = address(0xc0);

/** A folder that `remove` takes away again. */
export function temporaryFolder(): { readonly dir: string; remove(): void } {
	const dir = mkdtempSync(join(tmpdir(), "freehold-execution-"));
	return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** An address that ends in `number`. */
export function address(number: number): Uint8Array {
	return fromHex(`0x${number.toString(16).padStart(40, "0")}`);
}

/** A number as 32 bytes. */
export function word(value: bigint | number | Uint8Array): Uint8Array {
	if (value instanceof Uint8Array) {
		const padded = new Uint8Array(32);
		padded.set(value, 32 - value.length);
		return padded;
	}
	return fromHex(`0x${BigInt(value).toString(16).padStart(64, "0")}`);
}

export function environment(number: bigint, change: Partial<BlockEnv> = {}): BlockEnv {
	return {
		chainId: CHAIN_ID,
		number,
		timestamp: 1_700_000_000n + number,
		gasLimit: 100_000_000n,
		baseFeePerGas: 7n,
		coinbase: COINBASE,
		prevRandao: word(number + 77n),
		parentHash: parentHash(number),
		...change,
	};
}

/** The hash that block `number` has for its parent in these tests. */
export function parentHash(number: bigint): Uint8Array {
	return number === 0n ? new Uint8Array(32) : word((1n << 255n) + number - 1n);
}

/** A dynamic-fee transaction with enough gas for small things. */
export function transaction(sender: Uint8Array, nonce: bigint, change: Partial<ExecutableTx> = {}): ExecutableTx {
	return {
		type: 2,
		sender,
		nonce,
		to: address(0xdead),
		value: 0n,
		data: new Uint8Array(0),
		gasLimit: 1_000_000n,
		maxFeePerGas: 100n,
		maxPriorityFeePerGas: 3n,
		accessList: [],
		authorizationList: [],
		...change,
	};
}

export function request(from: Uint8Array, to: Uint8Array | undefined, change: Partial<CallRequest> = {}): CallRequest {
	return { from, to, value: 0n, data: new Uint8Array(0), gasLimit: 10_000_000n, gasPrice: 0n, accessList: [], authorizationList: [], strict: false, ...change };
}

export function genesis(change: Partial<GenesisState> = {}): GenesisState {
	return { env: environment(0n), balances: [], deployments: [], calls: [], ...change };
}

export interface Bench {
	readonly dir: string;
	machine: StateMachine;
	/** Executes the transactions as the next block and commits it. */
	block(...txs: readonly ExecutableTx[]): Promise<{ readonly outcomes: TxOutcome[]; readonly root: Uint8Array }>;
	/** Closes and opens the store again, with other options where given. */
	reopen(options?: Partial<StateMachineOptions>): Promise<void>;
	close(): Promise<void>;
}

/** A machine with a genesis, in its own folder. */
export function bench(state: Partial<GenesisState>, options: Partial<StateMachineOptions> = {}): Bench {
	const folder = temporaryFolder();
	const open = (change: Partial<StateMachineOptions> = {}) => openStateMachine({ dir: folder.dir, mapSizeBytes: 1024 ** 3, ...options, ...change });
	const self: Bench = {
		dir: folder.dir,
		machine: open(),
		async block(...txs) {
			self.machine.beginBlock(environment((self.machine.head()?.number ?? 0n) + 1n));
			const outcomes = self.machine.execute(txs);
			const root = self.machine.finishBlock();
			await self.machine.commit([]);
			return { outcomes, root };
		},
		async reopen(change) {
			await self.machine.close();
			self.machine = open(change);
		},
		async close() {
			await self.machine.close();
			folder.remove();
		},
	};
	try {
		self.machine.initGenesis(genesis(state));
	} catch (error) {
		void self.close();
		throw error;
	}
	return self;
}

/** The outcome of an executed transaction; fails the test on a refused one. */
export function executed(outcome: TxOutcome | undefined): Extract<TxOutcome, { kind: "executed" }> {
	if (outcome?.kind !== "executed") throw new Error(`expected an executed transaction, got ${outcome?.kind === "invalid" ? outcome.reason : "none"}`);
	return outcome;
}

// biome-ignore format: a table
const OPCODES = {
	STOP: 0x00, ADD: 0x01, MUL: 0x02, SUB: 0x03, DIV: 0x04, EXP: 0x0a, LT: 0x10, GT: 0x11, ISZERO: 0x15, XOR: 0x18, KECCAK256: 0x20,
	ADDRESS: 0x30, BALANCE: 0x31, ORIGIN: 0x32, CALLER: 0x33, CALLVALUE: 0x34, CALLDATALOAD: 0x35, CALLDATASIZE: 0x36, CALLDATACOPY: 0x37,
	CODESIZE: 0x38, CODECOPY: 0x39, GASPRICE: 0x3a, EXTCODESIZE: 0x3b, EXTCODECOPY: 0x3c, RETURNDATASIZE: 0x3d, RETURNDATACOPY: 0x3e,
	EXTCODEHASH: 0x3f, BLOCKHASH: 0x40, COINBASE: 0x41, TIMESTAMP: 0x42, NUMBER: 0x43, PREVRANDAO: 0x44, GASLIMIT: 0x45, CHAINID: 0x46,
	SELFBALANCE: 0x47, BASEFEE: 0x48, BLOBBASEFEE: 0x4a, POP: 0x50, MLOAD: 0x51, MSTORE: 0x52, SLOAD: 0x54, SSTORE: 0x55, JUMP: 0x56,
	JUMPI: 0x57, PC: 0x58, MSIZE: 0x59, GAS: 0x5a, JUMPDEST: 0x5b, TLOAD: 0x5c, TSTORE: 0x5d, MCOPY: 0x5e, PUSH0: 0x5f, DUP1: 0x80, DUP2: 0x81,
	LOG0: 0xa0, LOG1: 0xa1, LOG2: 0xa2, LOG3: 0xa3, LOG4: 0xa4, CREATE: 0xf0, CALL: 0xf1, CALLCODE: 0xf2, RETURN: 0xf3, DELEGATECALL: 0xf4,
	CREATE2: 0xf5, STATICCALL: 0xfa, REVERT: 0xfd, INVALID: 0xfe, SELFDESTRUCT: 0xff,
} as const;

export type Mnemonic = keyof typeof OPCODES;

/** Code out of mnemonics, numbers (pushed in the fewest bytes), and bytes (pushed as they are, at most 32). */
export function assemble(...parts: readonly (Mnemonic | bigint | number | Uint8Array)[]): Uint8Array {
	return Uint8Array.from(parts.flatMap((part) => (typeof part === "string" ? [OPCODES[part]] : push(part))));
}

function push(value: bigint | number | Uint8Array): number[] {
	if (value instanceof Uint8Array) return [0x5f + value.length, ...value];
	const hex = BigInt(value).toString(16);
	const bytes = value === 0 || value === 0n ? [] : [...Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex")];
	return [0x5f + bytes.length, ...bytes];
}

/** Creation code that runs `prologue` (which leaves the stack empty) and makes a contract with this runtime code. */
export function initCodeOf(runtime: Uint8Array, prologue: Uint8Array = new Uint8Array(0)): Uint8Array {
	const copy = assemble(Uint8Array.of(runtime.length >> 8, runtime.length & 255), "DUP1", Uint8Array.of(prologue.length + 10), 0, "CODECOPY", 0, "RETURN");
	return Uint8Array.from([...prologue, ...copy, ...runtime]);
}

/** Code that returns the 32-byte word that `parts` leave on the stack. */
export function returning(...parts: readonly (Mnemonic | bigint | number | Uint8Array)[]): Uint8Array {
	return assemble(...parts, 0, "MSTORE", 32, 0, "RETURN");
}
