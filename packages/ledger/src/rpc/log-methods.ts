/** Logs, and filters that a client polls. Filters live in memory: bounded in number and in what they keep, forgotten when nobody asks. */

import { type Hex, limits } from "@freehold/protocol";
import type { Asker } from "../calls/call-pool.js";
import { least } from "../transaction/transaction.js";
import type { Methods, RpcContext } from "./context.js";
import { checkLogRange, findLogs, type LogFilter, logFilterParameter, logRangeParameter } from "./log-filter.js";
import { blockNumberParameter, quantityParameter } from "./parameters.js";
import { limitExceeded, serverError } from "./rpc-error.js";
import { quantity } from "./views.js";

const FILTER_LIFETIME_MS = 5 * 60_000;
const FEW_BLOCKS = 4n;
/** A filter in memory: at most 256 alternatives in five places. */
const BYTES_OF_QUERY = 64 * 1024;
/** Hashes that a filter keeps until they are asked for. Those that come when it is full are lost, and the next poll says so. */
const MAX_KEPT_HASHES = 10_000;

type Filter = { next: bigint; usedAt: number } & (
	| { readonly kind: "blocks" }
	| { readonly kind: "transactions"; kept: Hex[]; isOverfull: boolean; readonly stop: () => void }
	| { readonly kind: "logs"; readonly filter: LogFilter; readonly from: bigint; readonly to: bigint | undefined }
);

export function logMethods({ application, calls, now }: RpcContext): Methods {
	const { chain } = application;
	const filters = new Map<bigint, Filter>();
	let lastId = 0n;

	const install = (filter: Filter): string => {
		const oldest = now() - FILTER_LIFETIME_MS;
		for (const [id, { usedAt }] of filters) if (usedAt < oldest) remove(id);
		if (filters.size >= limits.rpcFilters) throw limitExceeded(`there are ${limits.rpcFilters} filters already`);
		filters.set(++lastId, filter);
		return quantity(lastId);
	};
	const remove = (id: bigint): boolean => {
		const filter = filters.get(id);
		if (filter?.kind === "transactions") filter.stop();
		return filters.delete(id);
	};
	const pendingFilter = (): Filter => {
		const filter = {
			kind: "transactions" as const,
			kept: [] as Hex[],
			isOverfull: false,
			next: 0n,
			usedAt: now(),
			stop: application.onTransaction(({ id }) => {
				if (filter.kept.length < MAX_KEPT_HASHES) filter.kept.push(id);
				else filter.isOverfull = true;
			}),
		};
		return filter;
	};
	const find = (id: unknown): Filter => {
		const number = quantityParameter(id, "filter id", 64);
		const filter = filters.get(number);
		if (filter !== undefined && filter.usedAt < now() - FILTER_LIFETIME_MS) remove(number);
		if (filter === undefined || !filters.has(number)) throw serverError("filter not found");
		filter.usedAt = now();
		return filter;
	};
	const head = (): bigint => chain.head.header.number;

	/** A few blocks are looked through here; more by a thread, whoever asks for everything. */
	const search = (filter: LogFilter, from: bigint, to: bigint, asker: Asker): readonly unknown[] | Promise<readonly unknown[]> => {
		checkLogRange(from, to);
		if (to - from < FEW_BLOCKS) return findLogs(chain, filter, from, to);
		return calls.run({ kind: "logs", bytes: BYTES_OF_QUERY, input: () => ({ filter, from, to }) }, asker);
	};

	return {
		eth_getLogs: ([value], asker) => {
			const { from, to } = logRangeParameter(value, chain);
			return search(logFilterParameter(value), from, to, asker);
		},
		eth_newFilter: ([value]) => {
			const { fromBlock, toBlock } = (value ?? {}) as { readonly fromBlock?: unknown; readonly toBlock?: unknown };
			const from = blockNumberParameter(fromBlock, chain);
			const to = blockNumberParameter(toBlock, chain);
			const filter = logFilterParameter(value);
			const isOpen = toBlock === undefined || toBlock === null || typeof toBlock !== "string" || !toBlock.startsWith("0x");
			return install({
				kind: "logs",
				filter,
				from: from === "pending" ? head() : from,
				to: isOpen || to === "pending" ? undefined : to,
				next: head() + 1n,
				usedAt: now(),
			});
		},
		eth_newBlockFilter: () => install({ kind: "blocks", next: head() + 1n, usedAt: now() }),
		eth_newPendingTransactionFilter: () => {
			const filter = pendingFilter();
			try {
				return install(filter);
			} catch (error) {
				if (filter.kind === "transactions") filter.stop();
				throw error;
			}
		},
		eth_uninstallFilter: ([id]) => remove(quantityParameter(id, "filter id", 64)),
		eth_getFilterChanges: ([id], asker) => {
			const filter = find(id);
			if (filter.kind === "transactions") {
				const { kept, isOverfull } = filter;
				filter.kept = [];
				filter.isOverfull = false;
				if (isOverfull) throw limitExceeded(`more than ${MAX_KEPT_HASHES} transactions came since the last poll: some are not among the answers`);
				return kept;
			}
			const from = filter.next;
			// What does not fit into one answer comes with the next.
			const to = least(filter.kind === "logs" && filter.to !== undefined ? least(head(), filter.to) : head(), from + BigInt(limits.logRangeBlocks) - 1n);
			if (to < from) return [];
			filter.next = to + 1n;
			if (filter.kind === "logs") return search(filter.filter, from, to, asker);
			const hashes: string[] = [];
			for (let number = from; number <= to; number++) hashes.push(`0x${Buffer.from(chain.hash(number) ?? new Uint8Array(0)).toString("hex")}`);
			return hashes;
		},
		eth_getFilterLogs: ([id], asker) => {
			const filter = find(id);
			if (filter.kind !== "logs") throw serverError("filter not found");
			return search(filter.filter, filter.from, filter.to === undefined ? head() : least(head(), filter.to), asker);
		},
	};
}
