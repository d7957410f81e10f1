/** The second opinion: `@ethereumjs/vm` on its own state, driven by the same transactions. */
import { createBlock } from "@ethereumjs/block";
import { type Common, createCustomCommon, Hardfork, Mainnet } from "@ethereumjs/common";
import { createAccessList2930Tx, createEOACode7702Tx, createFeeMarket1559Tx, createLegacyTx } from "@ethereumjs/tx";
import { createAccount, createAddressFromPrivateKey, createAddressFromString, eoaCode7702SignAuthorization } from "@ethereumjs/util";
import { createVM, runTx, type VM } from "@ethereumjs/vm";
import { toHex } from "@freehold/protocol";
import { HISTORY_ADDRESS, HISTORY_INIT_CODE } from "../src/execution/history-contract.js";
import type { BlockEnv, ExecutableTx, TxOutcome } from "../src/execution/types.js";
import { parentHash, word } from "./execution-kit.js";

/** A key and its address, and who signed which authorisation: what the oracle needs beside an executable transaction. */
export interface Signer {
	readonly key: Uint8Array;
	readonly address: Uint8Array;
}

export function signer(seed: number): Signer {
	const key = word(seed + 1_000_003);
	return { key, address: createAddressFromPrivateKey(key).bytes };
}

/** What one transaction did, in the terms that both engines can be held to. */
export interface Verdict {
	readonly success: boolean;
	readonly gasUsed: bigint;
	readonly logs: readonly string[];
	readonly output: string;
	readonly created: string | undefined;
}

/** Of what the ledger's engine says; undefined for a transaction that it refuses. */
export function verdict(outcome: TxOutcome): Verdict | undefined {
	if (outcome.kind === "invalid") return undefined;
	return {
		success: outcome.success,
		gasUsed: outcome.gasUsed,
		logs: outcome.logs.map((log) => [log.address, ...log.topics, log.data].map(toHex).join()),
		output: outcome.success && outcome.created !== undefined ? "" : toHex(outcome.output),
		created: outcome.created === undefined ? undefined : toHex(outcome.created),
	};
}

export interface OracleStep {
	readonly pc: number;
	readonly opcode: number;
	readonly gas: bigint;
	readonly depth: number;
	readonly refund: bigint;
	readonly stack: readonly string[];
	readonly memory: string;
}

export class Oracle {
	readonly #vm: VM;
	readonly #common: Common;
	readonly #signers: ReadonlyMap<string, Signer>;

	private constructor(vm: VM, common: Common, signers: readonly Signer[]) {
		this.#vm = vm;
		this.#common = common;
		this.#signers = new Map(signers.map((entry) => [toHex(entry.address), entry]));
	}

	static async open(chainId: bigint, signers: readonly Signer[]): Promise<Oracle> {
		const common = createCustomCommon({ chainId: Number(chainId) }, Mainnet, { hardfork: Hardfork.Prague });
		const oracle = new Oracle(await createVM({ common, blockchain: BLOCKCHAIN }), common, signers);
		await oracle.putContract(HISTORY_ADDRESS, HISTORY_INIT_CODE.subarray(9), 0n);
		return oracle;
	}

	async putContract(address: Uint8Array, code: Uint8Array, balance: bigint): Promise<void> {
		await this.#vm.stateManager.putAccount(at(address), createAccount({ nonce: 1n, balance }));
		await this.#vm.stateManager.putCode(at(address), code);
	}

	async putBalance(address: Uint8Array, balance: bigint): Promise<void> {
		await this.#vm.stateManager.putAccount(at(address), createAccount({ balance }));
	}

	/** What the EIP-2935 system call of the block stores, and what genesis wrote is no longer an original value. */
	async beginBlock(env: BlockEnv): Promise<void> {
		await this.#vm.stateManager.putStorage(at(HISTORY_ADDRESS), word((env.number - 1n) % 8191n), trimmed(env.parentHash));
		this.#vm.stateManager.originalStorageCache.clear();
	}

	async root(): Promise<string> {
		return toHex(await this.#vm.stateManager.getStateRoot());
	}

	/** Called before each instruction with what it sees. */
	onStep(listener: (step: OracleStep) => void): void {
		this.#vm.evm.events?.on("step", ({ pc, opcode, gasLeft, depth, stack, memory, memoryWordCount, gasRefund }, next) => {
			const visible = memory.slice(0, Number(memoryWordCount) * 32);
			listener({
				pc,
				opcode: opcode.code,
				gas: gasLeft,
				depth: depth + 1,
				refund: gasRefund,
				stack: stack.map((word) => `0x${word.toString(16)}`),
				memory: toHex(visible),
			});
			next?.();
		});
	}

	/** Undefined when the oracle refuses the transaction. */
	async run(env: BlockEnv, tx: ExecutableTx): Promise<Verdict | undefined> {
		const header = {
			number: env.number,
			timestamp: env.timestamp,
			gasLimit: env.gasLimit,
			baseFeePerGas: env.baseFeePerGas,
			coinbase: at(env.coinbase),
			mixHash: env.prevRandao,
			parentHash: env.parentHash,
		};
		const block = createBlock({ header }, { common: this.#common, skipConsensusFormatValidation: true });
		const run = async () => runTx(this.#vm, { tx: this.#signed(tx), block });
		const result = await run().catch((error: unknown) => {
			if (error instanceof Error && REFUSALS.some((start) => error.message.startsWith(start))) return undefined;
			throw error;
		});
		if (result === undefined) return undefined;
		const { exceptionError, logs = [], returnValue } = result.execResult;
		return {
			success: exceptionError === undefined,
			gasUsed: result.totalGasSpent,
			logs: exceptionError === undefined ? logs.map(([address, topics, data]) => [address, ...topics, data].map(toHex).join()) : [],
			output: toHex(returnValue),
			created: exceptionError === undefined && tx.to === undefined ? result.createdAddress?.toString() : undefined,
		};
	}

	/** A transaction as its sender signs it, in bytes. */
	raw(tx: ExecutableTx): Uint8Array {
		return this.#signed(tx).serialize();
	}

	#signed(tx: ExecutableTx) {
		const key = this.#signers.get(toHex(tx.sender))?.key;
		if (key === undefined) throw new Error("the sender has no key");
		const chainId = this.#common.chainId();
		const base = { nonce: tx.nonce, ...(tx.to === undefined ? {} : { to: at(tx.to) }), value: tx.value, data: tx.data, gasLimit: tx.gasLimit };
		const accessList = tx.accessList.map(({ address, storageKeys }) => ({ address: toHex(address), storageKeys: storageKeys.map(toHex) }));
		const options = { common: this.#common };
		if (tx.type === 0) return createLegacyTx({ ...base, gasPrice: tx.maxFeePerGas }, options).sign(key);
		if (tx.type === 1) return createAccessList2930Tx({ ...base, chainId, gasPrice: tx.maxFeePerGas, accessList }, options).sign(key);
		const fees = { chainId, accessList, maxFeePerGas: tx.maxFeePerGas, maxPriorityFeePerGas: tx.maxPriorityFeePerGas };
		if (tx.type === 2) return createFeeMarket1559Tx({ ...base, ...fees }, options).sign(key);
		const authorizationList = tx.authorizationList.map((item) => {
			const authority = item.authority === undefined ? undefined : this.#signers.get(toHex(item.authority));
			const terms = { chainId: quantity(item.chainId), address: toHex(item.address), nonce: quantity(item.nonce) };
			if (authority !== undefined) return eoaCode7702SignAuthorization(terms, authority.key);
			// An authorisation whose signature recovers nobody: s above half of the curve's order.
			const signedBySomeone = eoaCode7702SignAuthorization(terms, word(1));
			return [...signedBySomeone.slice(0, 5), new Uint8Array(32).fill(0xf0)] as typeof signedBySomeone;
		});
		return createEOACode7702Tx({ ...base, to: at(tx.to ?? new Uint8Array(20)), ...fees, authorizationList }, options).sign(key);
	}
}

/** Where the oracle's BLOCKHASH looks. */
const BLOCKCHAIN = {
	getBlock: async (number: number) => ({ hash: () => parentHash(BigInt(number) + 1n) }),
	putBlock: async () => undefined,
	shallowCopy: () => BLOCKCHAIN,
};

/** How the oracle's refusals begin; any other error is a fault of the test. */
const REFUSALS = [
	"INTRINSIC_GAS_TOO_LOW",
	"Transaction's maxFeePerGas",
	"Transaction's gasPrice",
	"invalid sender address, address is not EOA",
	"maxFeePerGas cannot be less than maxPriorityFeePerGas",
	"sender doesn't have enough funds",
	"the tx doesn't have the correct nonce",
];

const at = (address: Uint8Array) => createAddressFromString(toHex(address));

const quantity = (value: bigint) => `0x${value.toString(16)}` as const;

function trimmed(bytes: Uint8Array): Uint8Array {
	const start = bytes.findIndex((byte) => byte !== 0);
	return start < 0 ? new Uint8Array(0) : bytes.subarray(start);
}
