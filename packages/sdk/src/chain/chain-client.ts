/** Reading the chain: calls, blocks, logs and proofs over JSON-RPC, with deadlines, and reverts in words. */
import { FreeholdError, type Hex } from "@freehold/protocol";
import {
	type Abi,
	type ContractFunctionArgs,
	type ContractFunctionName,
	type ContractFunctionReturnType,
	decodeFunctionResult,
	type EncodeFunctionDataParameters,
	encodeFunctionData,
} from "viem";
import { protocolAbis } from "./contracts.js";
import { pause } from "./deadline.js";
import { createJsonRpc, type Fetch, type RequestOptions, RpcError } from "./json-rpc.js";
import { asHex, asList, asObject, type BlockTag, blockParameter, fromQuantity, toQuantity } from "./quantity.js";
import { translateRevert } from "./revert.js";

export interface Contract<A extends Abi = Abi> {
	readonly address: Hex;
	readonly abi: A;
}

export interface BlockSummary {
	readonly number: bigint;
	readonly hash: Hex;
	readonly parentHash: Hex;
	/** Unix seconds. */
	readonly timestamp: bigint;
	readonly baseFeePerGas: bigint;
}

export interface ChainLog {
	readonly address: Hex;
	readonly topics: readonly Hex[];
	readonly data: Hex;
	readonly blockNumber: bigint;
	readonly blockHash: Hex;
	readonly transactionHash: Hex;
	readonly transactionIndex: number;
	readonly logIndex: number;
}

export interface TransactionReceipt {
	readonly hash: Hex;
	readonly succeeded: boolean;
	readonly blockNumber: bigint;
	readonly blockHash: Hex;
	readonly from: Hex;
	readonly to: Hex | undefined;
	readonly contractAddress: Hex | undefined;
	readonly gasUsed: bigint;
	readonly effectiveGasPrice: bigint;
	readonly logs: readonly ChainLog[];
}

/** Answer of `eth_getProof`: nodes from the root downwards. */
export interface AccountProof {
	readonly address: Hex;
	readonly accountProof: readonly Hex[];
	readonly storageProof: readonly { readonly key: Hex; readonly value: bigint; readonly proof: readonly Hex[] }[];
}

export interface CallParameters {
	/** Undefined: the data creates a contract. */
	readonly to?: Hex;
	readonly data?: Hex;
	readonly from?: Hex;
	readonly value?: bigint;
}

export interface LogFilter {
	readonly addresses: readonly Hex[];
	readonly topics?: readonly (Hex | readonly Hex[] | null)[];
	readonly fromBlock: bigint;
	readonly toBlock: bigint;
}

export interface ReadOptions extends RequestOptions {
	readonly block?: BlockTag;
}

export interface ChainClient {
	readonly rpcUrl: string;
	/** Known ABIs, for the words of reverts. */
	readonly abis: readonly Abi[];
	/** Any method. Reverts become `chain.reverted`; other refusals `upstream.failed` with an `RpcError` as cause. */
	request(method: string, params?: readonly unknown[], options?: RequestOptions): Promise<unknown>;
	/** Asked once, then remembered. */
	chainId(options?: RequestOptions): Promise<number>;
	blockNumber(options?: RequestOptions): Promise<bigint>;
	block(block: BlockTag | Hex, options?: RequestOptions): Promise<BlockSummary | undefined>;
	balance(address: Hex, options?: ReadOptions): Promise<bigint>;
	transactionCount(address: Hex, options?: ReadOptions): Promise<number>;
	call(call: CallParameters, options?: ReadOptions): Promise<Hex>;
	/** Result of a view function, decoded. */
	read<const A extends Abi, N extends ContractFunctionName<A, "view" | "pure">, const P extends ContractFunctionArgs<A, "view" | "pure", N>>(
		contract: Contract<A>,
		functionName: N,
		args: P,
		options?: ReadOptions,
	): Promise<ContractFunctionReturnType<A, "view" | "pure", N, P>>;
	logs(filter: LogFilter, options?: RequestOptions): Promise<readonly ChainLog[]>;
	receipt(hash: Hex, options?: RequestOptions): Promise<TransactionReceipt | undefined>;
	proof(address: Hex, slots: readonly Hex[], block: BlockTag, options?: RequestOptions): Promise<AccountProof>;
	/**
	 * Number of the newest block, as soon as it is above `after`, or after `timeoutMs` at the latest. Our ledger answers when the block is there;
	 * other nodes are asked every `pollMs`.
	 */
	waitForBlock(after: bigint, options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined; readonly pollMs?: number }): Promise<bigint>;
}

export interface ChainClientOptions {
	readonly rpcUrl: string;
	readonly fetch?: Fetch;
	/** ABIs whose custom errors are told by name, beside those of the protocol's contracts. */
	readonly abis?: readonly Abi[];
	/** Refuse another network than this one. */
	readonly chainId?: number;
}

const METHOD_NOT_FOUND = -32601;

export function createChainClient(options: ChainClientOptions): ChainClient {
	const rpc = createJsonRpc({ url: options.rpcUrl, fetch: options.fetch });
	const abis: readonly Abi[] = [...protocolAbis, ...(options.abis ?? [])];
	let knownChainId: number | undefined;
	let longPoll = true;

	const request: ChainClient["request"] = async (method, params = [], requestOptions) => {
		try {
			return await rpc.request(method, params, requestOptions);
		} catch (error) {
			throw translateRevert(error, abis);
		}
	};

	const blockNumber: ChainClient["blockNumber"] = async (requestOptions) => fromQuantity(await request("eth_blockNumber", [], requestOptions), "block number");

	const call: ChainClient["call"] = async (parameters, { block = "latest", ...requestOptions } = {}) =>
		asHex(await request("eth_call", [callObject(parameters), blockParameter(block)], requestOptions), "call result");

	return {
		rpcUrl: options.rpcUrl,
		abis,
		request,
		blockNumber,
		call,
		async chainId(requestOptions) {
			if (knownChainId === undefined) {
				const actual = Number(fromQuantity(await request("eth_chainId", [], requestOptions), "chain id"));
				if (options.chainId !== undefined && options.chainId !== actual) throw new FreeholdError("chain.wrongNetwork", { actual, expected: options.chainId });
				knownChainId = actual;
			}
			return knownChainId;
		},
		async block(block, requestOptions) {
			const byHash = typeof block === "string" && block.length === 66;
			const method = byHash ? "eth_getBlockByHash" : "eth_getBlockByNumber";
			const answer = await request(method, [byHash ? block : blockParameter(block as BlockTag), false], requestOptions);
			return answer === null ? undefined : parseBlock(answer);
		},
		async balance(address, { block = "latest", ...requestOptions } = {}) {
			return fromQuantity(await request("eth_getBalance", [address, blockParameter(block)], requestOptions), "balance");
		},
		async transactionCount(address, { block = "latest", ...requestOptions } = {}) {
			return Number(fromQuantity(await request("eth_getTransactionCount", [address, blockParameter(block)], requestOptions), "transaction count"));
		},
		async read(contract, functionName, args, readOptions) {
			// The generic parameters tie name and arguments to the ABI; viem's own signatures cannot see that through a type variable.
			const parameters = { abi: contract.abi, functionName, args } as unknown as EncodeFunctionDataParameters;
			const data = await call({ to: contract.address, data: encodeFunctionData(parameters) }, readOptions);
			if (data === "0x") throw new FreeholdError("upstream.failed", { what: `${functionName} of ${contract.address}`, reason: "no contract answers there" });
			return decodeFunctionResult({ abi: contract.abi as Abi, functionName: functionName as string, data }) as never;
		},
		async logs({ addresses, topics = [], fromBlock, toBlock }, requestOptions) {
			const filter = { address: addresses, topics, fromBlock: toQuantity(fromBlock), toBlock: toQuantity(toBlock) };
			return asList(await request("eth_getLogs", [filter], requestOptions), "list of logs").map(parseLog);
		},
		async receipt(hash, requestOptions) {
			const answer = await request("eth_getTransactionReceipt", [hash], requestOptions);
			return answer === null ? undefined : parseReceipt(answer);
		},
		async proof(address, slots, block, requestOptions) {
			return parseProof(await request("eth_getProof", [address, slots, blockParameter(block)], requestOptions));
		},
		async waitForBlock(after, { timeoutMs, signal, pollMs = 250 }) {
			if (longPoll) {
				try {
					// The node ends the wait itself; the extra time is for the way.
					const answer = await request("freehold_waitForBlock", [toQuantity(after), timeoutMs], { signal, timeoutMs: timeoutMs + 5_000, batch: false });
					return typeof answer === "string" ? fromQuantity(answer, "block number") : await blockNumber({ signal });
				} catch (error) {
					if (!isMethodNotFound(error)) throw error;
					longPoll = false;
				}
			}
			for (let waited = 0; ; waited += pollMs) {
				const head = await blockNumber({ signal });
				if (head > after || waited >= timeoutMs) return head;
				await pause(pollMs, signal);
			}
		},
	};
}

/** True when the node does not know the method asked for. */
function isMethodNotFound(error: unknown): boolean {
	return error instanceof FreeholdError && error.cause instanceof RpcError && error.cause.code === METHOD_NOT_FOUND;
}

export function callObject({ to, data, from, value }: CallParameters): Readonly<Record<string, string>> {
	return {
		...(to === undefined ? {} : { to }),
		...(data === undefined ? {} : { data }),
		...(from === undefined ? {} : { from }),
		...(value === undefined ? {} : { value: toQuantity(value) }),
	};
}

function parseBlock(value: unknown): BlockSummary {
	const block = asObject(value, "block");
	return {
		number: fromQuantity(block["number"], "block number"),
		hash: asHex(block["hash"], "block hash", 32),
		parentHash: asHex(block["parentHash"], "block hash", 32),
		timestamp: fromQuantity(block["timestamp"], "block time"),
		baseFeePerGas: block["baseFeePerGas"] === undefined ? 0n : fromQuantity(block["baseFeePerGas"], "base fee"),
	};
}

function parseLog(value: unknown): ChainLog {
	const log = asObject(value, "log");
	return {
		address: asHex(log["address"], "log", 20),
		topics: asList(log["topics"], "log").map((topic) => asHex(topic, "log", 32)),
		data: asHex(log["data"], "log"),
		blockNumber: fromQuantity(log["blockNumber"], "log"),
		blockHash: asHex(log["blockHash"], "log", 32),
		transactionHash: asHex(log["transactionHash"], "log", 32),
		transactionIndex: Number(fromQuantity(log["transactionIndex"], "log")),
		logIndex: Number(fromQuantity(log["logIndex"], "log")),
	};
}

function parseReceipt(value: unknown): TransactionReceipt {
	const receipt = asObject(value, "transaction receipt");
	const address = (name: string): Hex | undefined =>
		receipt[name] === null || receipt[name] === undefined ? undefined : asHex(receipt[name], "transaction receipt", 20);
	return {
		hash: asHex(receipt["transactionHash"], "transaction receipt", 32),
		succeeded: fromQuantity(receipt["status"], "transaction receipt") === 1n,
		blockNumber: fromQuantity(receipt["blockNumber"], "transaction receipt"),
		blockHash: asHex(receipt["blockHash"], "transaction receipt", 32),
		from: asHex(receipt["from"], "transaction receipt", 20),
		to: address("to"),
		contractAddress: address("contractAddress"),
		gasUsed: fromQuantity(receipt["gasUsed"], "transaction receipt"),
		effectiveGasPrice: fromQuantity(receipt["effectiveGasPrice"], "transaction receipt"),
		logs: asList(receipt["logs"], "transaction receipt").map(parseLog),
	};
}

function parseProof(value: unknown): AccountProof {
	const proof = asObject(value, "proof");
	const nodes = (list: unknown): Hex[] => asList(list, "proof").map((node) => asHex(node, "proof"));
	return {
		address: asHex(proof["address"], "proof", 20),
		accountProof: nodes(proof["accountProof"]),
		storageProof: asList(proof["storageProof"], "proof").map((item) => {
			const slot = asObject(item, "proof");
			return { key: toQuantity(fromQuantity(slot["key"], "proof")), value: fromQuantity(slot["value"], "proof"), proof: nodes(slot["proof"]) };
		}),
	};
}
