/** What the execution core records of one watched transaction (`evm-core/src/trace.rs`): a stream of records, read once and in order. */
import type { AddressBytes, HashBytes } from "./types.js";

export type TraceRecord =
	| {
			readonly kind: "begin";
			readonly opcode: number;
			readonly from: AddressBytes;
			readonly to: AddressBytes;
			readonly value: bigint;
			readonly gas: bigint;
			readonly input: Uint8Array;
	  }
	| { readonly kind: "end"; readonly result: number; readonly gasUsed: bigint; readonly output: Uint8Array }
	| { readonly kind: "log"; readonly address: AddressBytes; readonly topics: readonly HashBytes[]; readonly data: Uint8Array }
	| { readonly kind: "selfDestruct"; readonly contract: AddressBytes; readonly beneficiary: AddressBytes; readonly balance: bigint }
	| {
			readonly kind: "step";
			/** 0 when execution goes on, else how the frame ended with it. */
			readonly result: number;
			readonly gasCost: bigint;
			readonly opcode: number;
			readonly pc: number;
			readonly gas: bigint;
			readonly refund: bigint;
			/** Bottom first, without leading zeros. */
			readonly stack: readonly Uint8Array[];
			readonly memory: Uint8Array;
			readonly returnData: Uint8Array;
	  }
	/** A slot that the step before read or wrote. */
	| { readonly kind: "slot"; readonly key: HashBytes; readonly value: HashBytes };

export interface TouchedState {
	readonly nonce: bigint;
	readonly balance: bigint;
	readonly codeHash: HashBytes;
}

/** An account that was looked at or changed, and the slots of it. */
export interface TouchedAccount {
	readonly address: AddressBytes;
	readonly isCreated: boolean;
	readonly isDestroyed: boolean;
	readonly before: TouchedState;
	readonly after: TouchedState;
	/** The code that it got; empty when that did not change. */
	readonly code: Uint8Array;
	readonly slots: readonly { readonly key: HashBytes; readonly before: HashBytes; readonly after: HashBytes }[];
}

/** What is to be recorded. Frames are always. */
export interface TraceWants {
	/** Input and output of frames. */
	readonly calls?: boolean;
	readonly logs?: boolean;
	readonly steps?: boolean;
	readonly stack?: boolean;
	readonly memory?: boolean;
	readonly returnData?: boolean;
	/** Only the outermost frame. */
	readonly topOnly?: boolean;
}

/** What is checked before the transaction runs, and whether its effects stay. */
export interface TraceRules {
	readonly funds?: boolean;
	/** The nonce, and that the sender is no contract. */
	readonly nonce?: boolean;
	/** The fee, also where no price is given. */
	readonly fee?: boolean;
	readonly keep?: boolean;
}

/** How a frame or step ended: revm's `InstructionResult`, in geth's words. Below 0x10 it succeeded. */
const failures: Readonly<Record<number, string>> = {
	16: "execution reverted",
	17: "max call depth exceeded",
	18: "insufficient balance for transfer",
	19: "invalid code: must not begin with 0xef",
	32: "out of gas",
	33: "out of gas",
	34: "out of gas",
	35: "out of gas",
	36: "out of gas",
	37: "not enough gas for reentrancy sentry",
	38: "invalid opcode",
	39: "write protection",
	40: "write protection",
	41: "invalid opcode: INVALID",
	42: "invalid jump destination",
	43: "invalid opcode",
	44: "stack underflow",
	45: "stack limit reached 1024",
	46: "return data out of bounds",
	47: "contract address collision",
	48: "insufficient balance for transfer",
	49: "precompile failed",
	50: "nonce uint64 overflow",
	51: "max code size exceeded",
	52: "invalid code: must not begin with 0xef",
	53: "max initcode size exceeded",
};

export const REVERTED = 0x10;

export function failureOf(result: number): string | undefined {
	return result < REVERTED ? undefined : (failures[result] ?? `failed (${result})`);
}
