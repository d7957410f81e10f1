/** A node whose failures can be scripted: it keeps nonces, a mempool, blocks and logs, and answers the JSON-RPC that the chain client speaks. */
import { type Hex, toHex } from "@freehold/protocol";
import { keccak256, parseTransaction, recoverTransactionAddress } from "viem";
import type { Fetch } from "../src/chain/json-rpc.js";

interface ScriptedBlock {
	readonly number: number;
	readonly hash: Hex;
	readonly parentHash: Hex;
	readonly logs: readonly ScriptedLog[];
	readonly transactions: readonly ScriptedTransaction[];
}

export interface ScriptedLog {
	readonly address: Hex;
	readonly topics: readonly Hex[];
	readonly data: Hex;
}

export interface ScriptedTransaction {
	readonly hash: Hex;
	readonly from: Hex;
	readonly to: Hex | undefined;
	readonly data: Hex;
	readonly nonce: number;
}

export type Answer = { readonly result: unknown } | { readonly error: { readonly code: number; readonly message: string; readonly data?: Hex } };

export class ScriptedNode {
	readonly blocks: ScriptedBlock[] = [];
	readonly mempool = new Map<Hex, ScriptedTransaction>();
	readonly nonces = new Map<Hex, number>();
	/** Every method asked, in order. */
	readonly asked: string[] = [];
	readonly requests: { bodies: number } = { bodies: 0 };
	/** Answers instead of the node; undefined lets it answer itself. */
	override: ((method: string, params: readonly unknown[]) => Answer | "down" | undefined) | undefined;
	/** Makes a block as soon as a transaction arrives. */
	instant = true;
	longPoll = true;
	/** Transactions to these addresses fail in their block. */
	readonly failing = new Set<Hex>();
	readonly #salt: string;
	#wake: (() => void)[] = [];

	constructor(salt = "") {
		this.#salt = salt;
		this.mine();
	}

	get head(): number {
		return this.blocks.length - 1;
	}

	/** Adds a block with what the mempool holds in nonce order, and these logs. */
	mine(logs: readonly ScriptedLog[] = []): void {
		const transactions: ScriptedTransaction[] = [];
		for (const transaction of [...this.mempool.values()].sort((a, b) => a.nonce - b.nonce)) {
			if (transaction.nonce !== this.nonceOf(transaction.from)) continue;
			transactions.push(transaction);
			this.nonces.set(transaction.from, transaction.nonce + 1);
			this.mempool.delete(transaction.hash);
		}
		const number = this.blocks.length;
		const parentHash = this.blocks.at(-1)?.hash ?? toHex(new Uint8Array(32));
		const hash = keccak256(toHex(new TextEncoder().encode(`${this.#salt}:${parentHash}:${number}`)));
		this.blocks.push({ number, hash, parentHash, logs, transactions });
		for (const wake of this.#wake.splice(0)) wake();
	}

	nonceOf(address: Hex): number {
		return this.nonces.get(address.toLowerCase() as Hex) ?? 0;
	}

	readonly fetch: Fetch = async (_url, init) => {
		this.requests.bodies++;
		const body = JSON.parse(String(init.body)) as unknown;
		const one = async (message: { id: number; method: string; params: readonly unknown[] }): Promise<unknown> => {
			const answer = await this.#answer(message.method, message.params, init.signal ?? undefined);
			if (answer === "down") throw new TypeError("fetch failed");
			return { jsonrpc: "2.0", id: message.id, ...answer };
		};
		const answer = Array.isArray(body) ? await Promise.all(body.map(one)) : await one(body as never);
		return new Response(JSON.stringify(answer));
	};

	async #answer(method: string, params: readonly unknown[], signal: AbortSignal | undefined): Promise<Answer | "down"> {
		this.asked.push(method);
		const scripted = this.override?.(method, params);
		if (scripted !== undefined) return scripted;
		switch (method) {
			case "eth_chainId":
				return { result: "0x29f5" };
			case "eth_blockNumber":
				return { result: quantity(this.head) };
			case "freehold_waitForBlock":
				if (!this.longPoll) return { error: { code: -32601, message: "the method freehold_waitForBlock does not exist/is not available" } };
				return { result: quantity(await this.#waitForBlock(Number(params[0]), Number(params[1]), signal)) };
			case "eth_getBlockByNumber": {
				const block = this.blocks[params[0] === "latest" ? this.head : Number(params[0])];
				return { result: block === undefined ? null : blockJson(block) };
			}
			case "eth_getTransactionCount": {
				const address = params[0] as Hex;
				let count = this.nonceOf(address);
				if (params[1] === "pending") while ([...this.mempool.values()].some((pending) => pending.from === address && pending.nonce === count)) count++;
				return { result: quantity(count) };
			}
			case "eth_maxPriorityFeePerGas":
				return { result: "0x1" };
			case "eth_estimateGas":
				return { result: "0x5208" };
			case "eth_getLogs":
				return { result: this.#logs(params[0] as { address: readonly Hex[]; fromBlock: Hex; toBlock: Hex }) };
			case "eth_sendRawTransaction":
				return this.#accept(params[0] as Hex);
			case "eth_getTransactionReceipt":
				return { result: this.#receipt(params[0] as Hex) };
			case "eth_getTransactionByHash": {
				const found = this.blocks.flatMap((block) => block.transactions).find((transaction) => transaction.hash === params[0]);
				return { result: found === undefined ? null : { ...found, input: found.data, value: "0x0" } };
			}
			default:
				return { error: { code: -32601, message: `the method ${method} does not exist/is not available` } };
		}
	}

	async #accept(raw: Hex): Promise<Answer> {
		const hash = keccak256(raw);
		const parsed = parseTransaction(raw);
		const from = (await recoverTransactionAddress({ serializedTransaction: raw as never })).toLowerCase() as Hex;
		const nonce = parsed.nonce ?? 0;
		if (this.mempool.has(hash)) return { error: { code: -32000, message: "already known" } };
		if (nonce < this.nonceOf(from)) return { error: { code: -32000, message: `nonce too low: next nonce ${this.nonceOf(from)}, tx nonce ${nonce}` } };
		this.mempool.set(hash, { hash, from, to: parsed.to?.toLowerCase() as Hex | undefined, data: parsed.data ?? "0x", nonce });
		if (this.instant) this.mine();
		return { result: hash };
	}

	#receipt(hash: Hex): unknown {
		for (const block of this.blocks) {
			const index = block.transactions.findIndex((transaction) => transaction.hash === hash);
			const transaction = block.transactions[index];
			if (transaction === undefined) continue;
			return {
				transactionHash: hash,
				status: transaction.to !== undefined && this.failing.has(transaction.to) ? "0x0" : "0x1",
				blockNumber: quantity(block.number),
				blockHash: block.hash,
				from: transaction.from,
				to: transaction.to ?? null,
				contractAddress: null,
				gasUsed: "0x5208",
				effectiveGasPrice: "0x1",
				logs: [],
			};
		}
		return null;
	}

	#logs({ address, fromBlock, toBlock }: { address: readonly Hex[]; fromBlock: Hex; toBlock: Hex }): unknown[] {
		return this.blocks.slice(Number(fromBlock), Number(toBlock) + 1).flatMap((block) =>
			block.logs
				.map((log, logIndex) => ({
					...log,
					blockNumber: quantity(block.number),
					blockHash: block.hash,
					transactionHash: block.hash,
					transactionIndex: "0x0",
					logIndex: quantity(logIndex),
				}))
				.filter((log) => address.includes(log.address)),
		);
	}

	async #waitForBlock(after: number, timeoutMs: number, signal: AbortSignal | undefined): Promise<number> {
		if (this.head <= after) {
			await new Promise<void>((resolve, reject) => {
				const timer = setTimeout(resolve, timeoutMs);
				const onAbort = (): void => {
					clearTimeout(timer);
					reject(new DOMException("aborted", "AbortError"));
				};
				if (signal?.aborted === true) onAbort();
				signal?.addEventListener("abort", onAbort, { once: true });
				this.#wake.push(() => {
					clearTimeout(timer);
					resolve();
				});
			});
		}
		return this.head;
	}
}

function blockJson(block: ScriptedBlock): unknown {
	return {
		number: quantity(block.number),
		hash: block.hash,
		parentHash: block.parentHash,
		timestamp: quantity(1_700_000_000 + block.number),
		baseFeePerGas: "0x7",
	};
}

function quantity(value: number): Hex {
	return `0x${value.toString(16)}`;
}
