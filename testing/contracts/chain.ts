/**
 * A chain for tests of the contracts: genesis on the ledger's own state machine, transactions from any account without a signature,
 * reverts and events decoded. One transaction is one block; gas is free, so that balances can be compared to the unit.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as abis from "@freehold/contracts/abi";
import { type GenesisOptions, genesisAllocations, genesisDeployments } from "@freehold/contracts/bytecode";
import { openStateMachine } from "@freehold/ledger";
import { contracts } from "@freehold/sdk/chain";
import {
	type Abi,
	type AbiEvent,
	type AbiParameter,
	type Address,
	type ContractFunctionArgs,
	type ContractFunctionName,
	type ContractFunctionReturnType,
	decodeErrorResult,
	decodeEventLog,
	decodeFunctionResult,
	encodeDeployData,
	encodeFunctionData,
	getAddress,
	type Hex,
	hexToBytes,
	toEventSelector,
	toHex,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";

export const OPG_UNIT = 10n ** 18n;
export const CHAIN_ID = 10741;
export const GENESIS_TIME = 1_800_000_000;
const TX_GAS = 60_000_000n;
const BLOCK_GAS = 10_000_000_000n;

/** Test accounts with known keys; each holds `FUNDS` at genesis. */
export const accounts = Array.from({ length: 16 }, (_, index) => privateKeyToAccount(toHex(BigInt(index + 1), { size: 32 })));
export const FUNDS = 1_000_000n * OPG_UNIT;

/** Account `index` of the test accounts. */
export function account(index: number): (typeof accounts)[number] {
	const found = accounts[index];
	if (found === undefined) throw new RangeError(`there are ${accounts.length} test accounts`);
	return found;
}

export interface DecodedEvent {
	readonly address: Address;
	readonly name: string;
	readonly args: Readonly<Record<string, unknown>>;
}

export interface RawLog {
	readonly address: Address;
	readonly topics: [Hex, ...Hex[]];
	readonly data: Hex;
}

export interface Sent {
	readonly events: readonly DecodedEvent[];
	readonly logs: readonly RawLog[];
	readonly gasUsed: bigint;
	readonly output: Hex;
	readonly created: Address | undefined;
	/** Arguments of the only event of that name. */
	event(name: string): Readonly<Record<string, unknown>>;
	all(name: string): readonly Readonly<Record<string, unknown>>[];
}

/** A transaction that was executed and failed. `name` is the custom error's, or `Error`, `Panic`, or the engine's halt reason. */
export class Reverted extends Error {
	override readonly name: string;
	readonly args: readonly unknown[];

	constructor(name: string, args: readonly unknown[]) {
		super(`${name}(${args.map((item) => (typeof item === "object" ? JSON.stringify(item, bigintText) : String(item))).join(", ")})`);
		this.name = name;
		this.args = args;
	}
}

interface ContractCall<A extends Abi, N extends ContractFunctionName<A>> {
	readonly address: Address;
	readonly abi: A;
	readonly functionName: N;
	readonly args?: ContractFunctionArgs<A, "nonpayable" | "payable" | "view" | "pure", N>;
}

export interface Transaction {
	readonly to: Address | undefined;
	readonly data?: Hex;
	readonly value?: bigint;
	/** Price of gas, and that of the block; gas is free without them. */
	readonly fee?: bigint | undefined;
	readonly baseFee?: bigint | undefined;
	/** EIP-7702: accounts whose code becomes a delegation to another. */
	/** As whose calls of models it counts; a transaction without one is simulated like a call. */
	readonly hash?: Hex;
	readonly delegations?: readonly { readonly authority: Address; readonly address: Address; readonly nonce: bigint }[];
}

export type Chain = Awaited<ReturnType<typeof openChain>>;

export async function openChain(options: { readonly extraAbis?: readonly Abi[]; readonly genesis?: Partial<GenesisOptions> } = {}) {
	const dir = mkdtempSync(join(tmpdir(), "freehold-contracts-"));
	const machine = openStateMachine({ dir, mapSizeBytes: 1024 ** 3 });
	const genesis: GenesisOptions = {
		genesisTime: GENESIS_TIME,
		accounts: accounts.map(({ address }) => ({ address, amount: FUNDS })),
		...options.genesis,
	};
	machine.initGenesis({
		env: environment(0n, genesis.genesisTime),
		balances: genesisAllocations(genesis).map(({ address, amount }) => ({ address: bytes(address), balance: amount })),
		deployments: genesisDeployments(genesis).map(({ address, initCode }) => ({ address: bytes(address), initCode: bytes(initCode) })),
		calls: [],
	});
	let number = 0n;
	let time = genesis.genesisTime;
	let randomness = 0;

	const known = [...(Object.values(abis) as readonly Abi[]), ...(options.extraAbis ?? [])].flat();
	const errors = unique(known.filter((item) => item.type === "error"));
	const events = new Map<Hex, AbiEvent[]>();
	for (const item of unique(known.filter((entry) => entry.type === "event"))) {
		const topic = toEventSelector(item);
		events.set(topic, [...(events.get(topic) ?? []), item]);
	}

	/** Two contracts may give the arguments of one signature other names: a contract's own come first. */
	const own = new Map<string, readonly AbiEvent[]>(
		Object.values(contracts).map(({ address, abi }) => [address, (abi as Abi).filter((item): item is AbiEvent => item.type === "event")]),
	);

	async function transact(from: Address, transaction: Transaction): Promise<Sent> {
		const [sent] = await block([{ from, ...transaction }]);
		if (sent === undefined) throw new Error("the block is empty");
		return sent;
	}

	/** Executes transactions in one block. Throws `Reverted` for the first that fails; the block stands all the same. */
	async function block(transactions: readonly (Transaction & { readonly from: Address })[]): Promise<Sent[]> {
		number += 1n;
		machine.beginBlock({ ...environment(number, time), prevRandao: new Uint8Array(32).fill(randomness), baseFeePerGas: transactions[0]?.baseFee ?? 0n });
		const nonces = new Map<Address, bigint>();
		const outcomes = machine.execute(
			transactions.map((transaction) => {
				const { from } = transaction;
				const nonce = nonces.get(from) ?? machine.account(bytes(from))?.nonce ?? 0n;
				nonces.set(from, nonce + 1n);
				return executable(transaction, nonce);
			}),
		);
		machine.finishBlock();
		await machine.commit([]);
		return outcomes.map((outcome) => settled(outcome));
	}

	function settled(outcome: ReturnType<typeof machine.call> | undefined): Sent {
		if (outcome === undefined || outcome.kind === "invalid") throw new Error(`the transaction could not be included: ${outcome?.reason}`);
		if (!outcome.success) throw reverted(toHex(outcome.output), outcome.halt);
		const logs = outcome.logs.map((log) => ({
			address: getAddress(toHex(log.address)),
			topics: log.topics.map((topic) => toHex(topic)) as [Hex, ...Hex[]],
			data: toHex(log.data),
		}));
		const decoded = logs.map((log) => decodeLog(log));
		const all = (name: string) => decoded.filter((event) => event.name === name).map((event) => event.args);
		return {
			events: decoded,
			logs,
			gasUsed: outcome.gasUsed,
			output: toHex(outcome.output),
			created: outcome.created === undefined ? undefined : getAddress(toHex(outcome.created)),
			all,
			event(name) {
				const found = all(name);
				const [first] = found;
				if (first === undefined || found.length > 1) throw new Error(`expected one ${name}, found ${found.length}`);
				return first;
			},
		};
	}

	function decodeLog({ address, topics, data }: RawLog): DecodedEvent {
		// Events of one signature differ in what is indexed (ERC-20's and ERC-721's Transfer), so each is tried.
		const ofContract = own.get(address.toLowerCase())?.filter((item) => toEventSelector(item) === topics[0]) ?? [];
		for (const item of [...ofContract, ...(events.get(topics[0]) ?? [])]) {
			if (item.inputs.filter((input) => input.indexed === true).length !== topics.length - 1) continue;
			const { eventName, args } = decodeEventLog({ abi: [item], topics, data });
			return { address, name: String(eventName), args: (args ?? {}) as unknown as Record<string, unknown> };
		}
		return { address, name: "unknown", args: {} };
	}

	function reverted(output: Hex, halt: string | undefined): Reverted {
		if (halt !== undefined) return new Reverted(halt, []);
		if (output === "0x") return new Reverted("empty", []);
		try {
			const { errorName, args } = decodeErrorResult({ abi: errors as Abi, data: output });
			return new Reverted(errorName, args ?? []);
		} catch {
			return new Reverted("unknown", [output]);
		}
	}

	return {
		machine,
		get time() {
			return time;
		},
		get number() {
			return number;
		},
		/** Moves the clock; the next block carries the new time. */
		advance(seconds: number): void {
			time += seconds;
		},
		/** What the following blocks give as `prevrandao`. */
		randomness(value: number): void {
			randomness = value;
		},
		/** Sends a transaction in a block of its own. Throws `Reverted`. */
		transact,
		block,
		/** Sends a call of a contract's function in a block of its own. Throws `Reverted`. */
		send<const A extends Abi, N extends ContractFunctionName<A, "nonpayable" | "payable">>(
			from: Address | { readonly address: Address },
			call: ContractCall<A, N> & Pick<Transaction, "value" | "fee" | "baseFee">,
		): Promise<Sent> {
			const { address, value, fee, baseFee, ...rest } = call;
			const data = encodeFunctionData(rest as unknown as Parameters<typeof encodeFunctionData>[0]);
			return transact(typeof from === "string" ? from : from.address, { to: address, data, fee, baseFee, ...(value === undefined ? {} : { value }) });
		},
		/** Result of a function on the last block's state, at the present time; nothing changes. Throws `Reverted`. */
		read<const A extends Abi, N extends ContractFunctionName<A>>(
			call: ContractCall<A, N> & { readonly from?: Address },
		): ContractFunctionReturnType<A, "nonpayable" | "payable" | "view" | "pure", N> {
			const { address, from, ...rest } = call;
			const data = encodeFunctionData(rest as unknown as Parameters<typeof encodeFunctionData>[0]);
			const outcome = machine.call(
				{
					from: bytes(from ?? "0x0000000000000000000000000000000000000001"),
					to: bytes(address),
					value: 0n,
					data: bytes(data),
					gasLimit: TX_GAS,
					gasPrice: 0n,
					accessList: [],
					authorizationList: [],
					strict: false,
				},
				environment(number, time),
			);
			return decodeFunctionResult({ ...rest, data: settled(outcome).output } as unknown as Parameters<typeof decodeFunctionResult>[0]) as never;
		},
		async deploy(
			from: { readonly address: Address },
			contract: { readonly abi: Abi; readonly bytecode: Hex },
			args: readonly unknown[] = [],
		): Promise<Address> {
			const data = encodeDeployData({ abi: contract.abi, bytecode: contract.bytecode, args });
			const { created } = await transact(from.address, { to: undefined, data });
			if (created === undefined) throw new Error("nothing was created");
			return created;
		},
		balance(address: Address): bigint {
			return machine.account(bytes(address))?.balance ?? 0n;
		},
		nonce(address: Address): bigint {
			return machine.account(bytes(address))?.nonce ?? 0n;
		},
		code(address: Address): Hex {
			const hash = machine.account(bytes(address))?.codeHash;
			return hash === undefined ? "0x" : toHex(machine.code(hash));
		},
		storage(address: Address, slot: Hex): bigint {
			return BigInt(toHex(machine.storage(bytes(address), bytes(slot))));
		},
		async close(): Promise<void> {
			await machine.close();
			rmSync(dir, { recursive: true, force: true });
		},
	};
}

function environment(number: bigint, time: number) {
	return {
		chainId: BigInt(CHAIN_ID),
		number,
		timestamp: BigInt(time),
		gasLimit: BLOCK_GAS,
		baseFeePerGas: 0n,
		coinbase: new Uint8Array(20),
		prevRandao: new Uint8Array(32),
		parentHash: new Uint8Array(32).fill(Number(number % 251n)),
	};
}

function executable(transaction: Transaction & { readonly from: Address }, nonce: bigint) {
	const authorizationList = (transaction.delegations ?? []).map((delegation) => ({
		chainId: BigInt(CHAIN_ID),
		address: bytes(delegation.address),
		nonce: delegation.nonce,
		authority: bytes(delegation.authority),
	}));
	return {
		...(transaction.hash === undefined ? {} : { hash: bytes(transaction.hash) }),
		type: authorizationList.length > 0 ? (4 as const) : (2 as const),
		sender: bytes(transaction.from),
		nonce,
		to: transaction.to === undefined ? undefined : bytes(transaction.to),
		value: transaction.value ?? 0n,
		data: bytes(transaction.data ?? "0x"),
		gasLimit: TX_GAS,
		maxFeePerGas: transaction.fee ?? 0n,
		maxPriorityFeePerGas: transaction.fee ?? 0n,
		accessList: [],
		authorizationList,
	};
}

/** Contracts declare the same standard errors and events; one of each signature is enough. */
function unique<T extends AbiEvent | Extract<Abi[number], { type: "error" }>>(items: readonly T[]): readonly T[] {
	type Input = AbiParameter & { readonly indexed?: boolean };
	const text = (input: Input) => `${input.type}${input.indexed === true ? "!" : ""}`;
	return [...new Map(items.map((item) => [`${item.name}(${(item.inputs as readonly Input[]).map(text).join(",")})`, item])).values()];
}

function bytes(hex: Hex): Uint8Array {
	return hexToBytes(hex);
}

function bigintText(_key: string, value: unknown): unknown {
	return typeof value === "bigint" ? value.toString() : value;
}
