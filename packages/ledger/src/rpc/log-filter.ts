/** Which logs a caller wants, and finding them by index: address, first topic, or any. */
import { equalBytes, limits } from "@freehold/protocol";
import type { Block } from "../block/block.js";
import type { ChainStore } from "../block/chain-store.js";
import type { Log } from "../execution/types.js";
import { hexOf } from "../transaction/decode.js";
import { least } from "../transaction/transaction.js";
import { addressParameter, blockNumberParameter, hashParameter, objectParameter } from "./parameters.js";
import { invalidParams, limitExceeded, serverError } from "./rpc-error.js";
import { logViews } from "./views.js";

export interface LogFilter {
	/** Empty for any. */
	readonly addresses: readonly Uint8Array[];
	/** By position; empty for any. */
	readonly topics: readonly (readonly Uint8Array[])[];
}

const MAX_ALTERNATIVES = 256;

export function logFilterParameter(value: unknown): LogFilter {
	const { address, topics } = objectParameter(value, "filter");
	const positions = topics === undefined || topics === null ? [] : topics;
	if (!Array.isArray(positions) || positions.length > 4) throw invalidParams("topics: must be a list of at most 4");
	return {
		addresses: alternatives(address, "address", (entry) => addressParameter(entry)),
		topics: positions.map((entry) => alternatives(entry, "topics", (topic) => hashParameter(topic, "topic"))),
	};
}

function alternatives(value: unknown, name: string, parse: (entry: unknown) => Uint8Array): readonly Uint8Array[] {
	if (value === undefined || value === null) return [];
	if (!Array.isArray(value)) return [parse(value)];
	if (value.length > MAX_ALTERNATIVES) throw invalidParams(`${name}: must have at most ${MAX_ALTERNATIVES} alternatives`);
	// A null among alternatives stands for any.
	if (value.some((entry) => entry === null)) return [];
	return [...new Map(value.map(parse).map((entry) => [hexOf(entry), entry])).values()];
}

/** The blocks that a filter object names: one by hash, or a range. */
export function logRangeParameter(value: unknown, chain: ChainStore): { readonly from: bigint; readonly to: bigint } {
	const { blockHash, fromBlock, toBlock } = objectParameter(value, "filter");
	const head = chain.head.header.number;
	if (blockHash !== undefined && blockHash !== null) {
		if (fromBlock !== undefined || toBlock !== undefined) throw invalidParams("filter: either a block hash or a range");
		const number = chain.numberOf(hashParameter(blockHash, "block hash"));
		if (number === undefined) throw serverError("unknown block");
		return { from: number, to: number };
	}
	const bound = (given: unknown): bigint => {
		const number = blockNumberParameter(given, chain);
		return number === "pending" ? head : number;
	};
	const [from, to] = [bound(fromBlock), bound(toBlock)];
	if (from > to) throw invalidParams("invalid block range params");
	return { from, to: least(to, head) };
}

/** Throws `-32005` for more blocks than one query may ask for. */
export function checkLogRange(from: bigint, to: bigint): void {
	if (to - from >= BigInt(limits.logRangeBlocks)) throw limitExceeded(`block range is larger than ${limits.logRangeBlocks}`);
}

/** Matching logs in [from, to] as JSON. Throws `-32005` for more results, or more bytes of them, than one answer may have. */
export function findLogs(chain: ChainStore, filter: LogFilter, from: bigint, to: bigint): readonly unknown[] {
	const found: unknown[] = [];
	let bytes = 0;
	for (const number of candidates(chain, filter, from, to)) {
		const block = chain.peek(number);
		if (block === undefined) continue;
		const logs = logsOfBlock(block, filter);
		found.push(...logs);
		for (const { data } of logs as readonly { readonly data: string }[]) bytes += data.length;
		if (found.length > limits.logResults) throw limitExceeded(`query returned more than ${limits.logResults} results`);
		if (bytes > limits.logBytes) throw limitExceeded(`query returned more than ${limits.logBytes} bytes; ask for fewer blocks`);
	}
	return found;
}

export function logsOfBlock(block: Block, filter: LogFilter): readonly unknown[] {
	const found: unknown[] = [];
	block.receipts.forEach(({ logs }, index) => {
		if (!logs.some((log) => matches(log, filter))) return;
		const views = logViews(block, index);
		logs.forEach((log, position) => {
			if (matches(log, filter)) found.push(views[position]);
		});
	});
	return found;
}

function candidates(chain: ChainStore, { addresses, topics }: LogFilter, from: bigint, to: bigint): readonly bigint[] {
	const first = topics[0] ?? [];
	const byAddress = addresses.length === 0 ? undefined : union(addresses.map((address) => chain.blocksWithLogs({ address }, from, to)));
	const byTopic = first.length === 0 ? undefined : union(first.map((topic) => chain.blocksWithLogs({ topic }, from, to)));
	const chosen = byAddress ?? byTopic ?? union([chain.blocksWithLogs({}, from, to)]);
	const both = byTopic === undefined ? [...chosen] : [...chosen].filter((number) => byTopic.has(number));
	return both.sort((a, b) => (a < b ? -1 : 1));
}

function union(sources: readonly Iterable<bigint>[]): ReadonlySet<bigint> {
	const numbers = new Set<bigint>();
	for (const source of sources) for (const number of source) numbers.add(number);
	return numbers;
}

function matches(log: Log, { addresses, topics }: LogFilter): boolean {
	if (addresses.length > 0 && !addresses.some((address) => equalBytes(address, log.address))) return false;
	return topics.every((wanted, position) => {
		const topic = log.topics[position];
		if (topic === undefined) return false;
		return wanted.length === 0 || wanted.some((entry) => equalBytes(entry, topic));
	});
}
