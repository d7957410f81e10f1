/**
 * What the execution engine takes and gives: plain data, byte arrays for addresses and hashes, bigints for amounts.
 */

import type { AccountChange } from "../state/world-state.js";

/** Twenty bytes. */
export type AddressBytes = Uint8Array;
/** Thirty-two bytes. */
export type HashBytes = Uint8Array;

/** The environment that a block's transactions see. Times are Unix seconds, amounts the smallest unit. */
export interface BlockEnv {
	readonly chainId: bigint;
	readonly number: bigint;
	readonly timestamp: bigint;
	readonly gasLimit: bigint;
	readonly baseFeePerGas: bigint;
	readonly coinbase: AddressBytes;
	readonly prevRandao: HashBytes;
	/** Hash of the parent EVM block: written by the EIP-2935 system call. */
	readonly parentHash: HashBytes;
}

export interface AccessListItem {
	readonly address: AddressBytes;
	readonly storageKeys: readonly HashBytes[];
}

/** EIP-7702 authorisation; `authority` is recovered by the decoder, undefined when its signature is invalid. */
export interface Authorization {
	readonly chainId: bigint;
	readonly address: AddressBytes;
	readonly nonce: bigint;
	readonly authority: AddressBytes | undefined;
}

/** A transaction ready to execute: the sender is already recovered. */
export interface ExecutableTx {
	/** EIP-2718 type: 0 legacy, 1 access list, 2 dynamic fee, 4 set code. Blobs (3) are refused by the decoder. */
	readonly type: 0 | 1 | 2 | 4;
	/** keccak256 of the signed bytes. Absent for what nobody signed: a call, for which an answer of a model that is not there is left empty. */
	readonly hash?: HashBytes;
	readonly sender: AddressBytes;
	readonly nonce: bigint;
	readonly to: AddressBytes | undefined;
	readonly value: bigint;
	readonly data: Uint8Array;
	readonly gasLimit: bigint;
	/** Gas price for types 0 and 1, max fee per gas for 2 and 4. */
	readonly maxFeePerGas: bigint;
	/** Zero for types 0 and 1. */
	readonly maxPriorityFeePerGas: bigint;
	readonly accessList: readonly AccessListItem[];
	readonly authorizationList: readonly Authorization[];
}

export interface Log {
	readonly address: AddressBytes;
	readonly topics: readonly HashBytes[];
	readonly data: Uint8Array;
}

/** Why a transaction cannot be included. `nonceTooHigh`, `feeBelowBase` and `blockGas` may pass in a later block. */
export type InvalidTxCode =
	| "nonceTooLow"
	| "nonceTooHigh"
	| "nonceMax"
	| "insufficientFunds"
	| "intrinsicGas"
	| "feeBelowBase"
	| "tipAboveFee"
	| "blockGas"
	| "initCodeSize"
	| "senderHasCode"
	| "setCode"
	| "other";

/** Outcome of one transaction. `invalid` means that it could not be included (nonce, funds, gas): nothing was charged. */
export type TxOutcome =
	| {
			readonly kind: "executed";
			readonly success: boolean;
			readonly gasUsed: bigint;
			/** Return data, or revert data. */
			readonly output: Uint8Array;
			/** Halt reason (out of gas, invalid opcode, …) when it neither succeeded nor reverted. */
			readonly halt: string | undefined;
			readonly logs: readonly Log[];
			/** Address of the contract made, for creations. */
			readonly created: AddressBytes | undefined;
	  }
	| {
			readonly kind: "invalid";
			/** For people, in geth's words. */
			readonly reason: string;
			readonly code?: InvalidTxCode;
			/** What the transaction has: its nonce, its sender's balance, its gas limit, its fee. */
			readonly given?: bigint;
			/** What it would need: the account's nonce, the cost, the intrinsic gas, the base fee, the gas left in the block. */
			readonly wanted?: bigint;
	  };

/** A call to a model that a transaction made. */
export interface ModelCall {
	/** keccak256(transaction hash, index, request hash): what a result is delivered for. */
	readonly id: HashBytes;
	/** A result was there, and was used. */
	readonly isAnswered: boolean;
	/** ABI-encoded (uint8 kind, address payer, bytes request). */
	readonly request: Uint8Array;
}

/** A waiting transaction's outcome and the models that it asks, in order. */
export interface Probed {
	readonly outcome: TxOutcome;
	readonly calls: readonly ModelCall[];
}

export interface AccountState {
	readonly nonce: bigint;
	readonly balance: bigint;
	readonly codeHash: HashBytes;
	readonly storageRoot: HashBytes;
}

/** A call that changes nothing: `eth_call`, `eth_estimateGas`. Balance and nonce checks are off unless `strict`. */
export interface CallRequest {
	readonly from: AddressBytes;
	readonly to: AddressBytes | undefined;
	readonly value: bigint;
	readonly data: Uint8Array;
	readonly gasLimit: bigint;
	readonly gasPrice: bigint;
	readonly accessList: readonly AccessListItem[];
	readonly authorizationList: readonly Authorization[];
	/** True: enforce funds for gas and value, as a transaction would. */
	readonly strict: boolean;
}

/** What an account is pretended to be; undefined leaves it as it is. */
export interface AccountAmendment {
	readonly address: AddressBytes;
	readonly nonce: bigint | undefined;
	readonly balance: bigint | undefined;
	readonly code: Uint8Array | undefined;
	/** All slots but the given ones are zero. */
	readonly onlyTheseSlots: boolean;
	readonly slots: readonly { readonly key: HashBytes; readonly value: HashBytes }[];
}

export interface AccountProof {
	readonly account: AccountState | undefined;
	/** RLP nodes from the state root down. */
	readonly accountProof: readonly Uint8Array[];
	readonly storage: readonly { readonly key: HashBytes; readonly value: bigint; readonly proof: readonly Uint8Array[] }[];
}

/** A named table of the same durable store, written in the block's own transaction. */
export type TableName = "block" | "transaction" | "log" | "consensus" | "meta";

/** One write of the block's own transaction; `undefined` deletes. */
export interface TableWrite {
	readonly table: TableName;
	readonly key: Uint8Array;
	readonly value: Uint8Array | undefined;
}

/** A contract to be made at genesis: its constructor runs at its own fixed address. */
export interface GenesisDeployment {
	readonly address: AddressBytes;
	/** Creation code followed by the ABI-encoded constructor arguments. */
	readonly initCode: Uint8Array;
}

export interface GenesisState {
	readonly env: BlockEnv;
	readonly balances: readonly { readonly address: AddressBytes; readonly balance: bigint }[];
	readonly deployments: readonly GenesisDeployment[];
	/** Calls made after the deployments, in order, each from its own sender without gas payment; one that reverts fails genesis. */
	readonly calls: readonly { readonly from: AddressBytes; readonly to: AddressBytes; readonly data: Uint8Array }[];
}

/**
 * The state machine's state: executes a block's transactions on top of the last committed block, computes its root, and
 * makes block, state and indexes durable in one transaction. Single writer. `pending` work lives in memory until `commit`.
 */
export interface StateMachine {
	/** Height and root of the last committed EVM block; undefined before genesis. */
	head(): { readonly number: bigint; readonly stateRoot: HashBytes } | undefined;
	/**
	 * Builds and commits block 0's state. Returns the state root. `writes` gives what goes into the tables in the same
	 * transaction, so that a crash leaves either all of genesis or none.
	 */
	initGenesis(genesis: GenesisState, writes?: (stateRoot: HashBytes) => readonly TableWrite[]): HashBytes;
	/**
	 * Begins an empty store in the middle of a chain: builds the tries of a whole state and commits them as block `number`'s, with `writes`, in one transaction.
	 * Throws, with nothing written, when they do not have the root `stateRoot`.
	 */
	restore(
		number: bigint,
		stateRoot: HashBytes,
		accounts: readonly AccountChange[],
		codes: readonly { readonly hash: HashBytes; readonly code: Uint8Array }[],
		writes: readonly TableWrite[],
	): void;
	/** Starts the next block: runs the system calls (EIP-2935). */
	beginBlock(env: BlockEnv): void;
	/** Executes in order. Invalid transactions leave no trace. May be called several times within a block. */
	execute(txs: readonly ExecutableTx[]): TxOutcome[];
	/** Adds to a balance outside any transaction (base fee to the reward pool). */
	credit(address: AddressBytes, amount: bigint): void;
	/**
	 * A call by the protocol itself within the block in progress, before or after its transactions: no fee, no receipt. Gives what it returned; throws, and
	 * loses the block, when it fails.
	 */
	system(to: AddressBytes, data: Uint8Array): Uint8Array;
	/** Ends execution: computes and returns the state root of the block in progress. Nothing is durable yet. */
	finishBlock(): HashBytes;
	/**
	 * Makes state, history and the given writes durable in one transaction; resolves after fsync. With no block in progress (a consensus block
	 * without an EVM block) only the writes.
	 */
	commit(writes: readonly TableWrite[]): Promise<void>;
	/** Drops the block in progress; the state is that of the head again. */
	discard(): void;

	/** Reads at the committed head, or at the end of an earlier block within the history window (default 128). Throws `RangeError` when pruned. */
	account(address: AddressBytes, at?: bigint): AccountState | undefined;
	storage(address: AddressBytes, key: HashBytes, at?: bigint): HashBytes;
	code(codeHash: HashBytes): Uint8Array;
	/** Executes without effect on the state at the end of block `at` (default: head), within `env`, with at most its gas limit. */
	call(request: CallRequest, env: BlockEnv, at?: bigint): TxOutcome;
	prove(address: AddressBytes, keys: readonly HashBytes[], at?: bigint): AccountProof;

	/** Reads and scans of the tables. Ranges are [start, end). */
	get(table: TableName, key: Uint8Array): Uint8Array | undefined;
	scan(
		table: TableName,
		start: Uint8Array,
		end: Uint8Array,
		options?: { readonly reverse?: boolean; readonly limit?: number },
	): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
	/** Lets the engine answer BLOCKHASH: hash of the EVM block `number`, one of the last 256. */
	setBlockHashes(lookup: (number: bigint) => HashBytes | undefined): void;
	close(): Promise<void>;
}
