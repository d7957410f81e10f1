/**
 * Follow the events of contracts exactly once, from a cursor that the caller keeps.
 *
 * The caller stores the cursor in the same transaction as what it made of the block; after a restart it goes on from there. Blocks are final when they
 * are made, so a cursor whose block has another hash means another chain, and is refused instead of being followed.
 */
import { FreeholdError, type Hex } from "@freehold/protocol";
import { decodeEventLog } from "viem";
import type { BlockSummary, ChainClient, ChainLog, Contract } from "./chain-client.js";
import { pause } from "./deadline.js";

/** The last block that was handled. */
export interface Cursor {
	readonly number: bigint;
	readonly hash: Hex;
}

export interface ChainEvent {
	readonly address: Hex;
	/** Name of the event in the ABI. */
	readonly name: string;
	readonly args: Readonly<Record<string, unknown>>;
	readonly transactionHash: Hex;
	readonly transactionIndex: number;
	readonly logIndex: number;
}

export interface FollowedBlock extends BlockSummary {
	/** The caller's next cursor. */
	readonly cursor: Cursor;
	/** True when this was the newest block when it was asked for. */
	readonly atHead: boolean;
}

export interface FollowOptions {
	readonly client: ChainClient;
	/** Contracts to follow, at least one. Events that a contract's ABI does not know are left out. */
	readonly contracts: readonly Contract[];
	/** Undefined: from the first block. */
	readonly cursor: Cursor | undefined;
	/**
	 * Called in order, once a block, never two at a time: for each block that has events, and (with none) for the last block of each stretch without any. At
	 * the start and after a failure of the node, the cursor's block comes once more, without events, when it is still the newest: nothing was missed.
	 * A failure ends the following with that failure; the block is delivered again from the same cursor.
	 */
	readonly onBlock: (events: readonly ChainEvent[], block: FollowedBlock) => void | Promise<void>;
	/** Ends the following; the promise then resolves. */
	readonly signal: AbortSignal;
	/** Told of a failure of the node before it is asked again. */
	readonly onRetry?: (error: unknown, waitMs: number) => void;
	/** Most blocks in one question; default 2,000. It shrinks when the node refuses and grows back. */
	readonly maxRange?: bigint;
	/** Pause between questions to a node that cannot wait for a block by itself; default 250. */
	readonly pollMs?: number;
	/** Source of jitter in [0, 1). */
	readonly random?: () => number;
}

const WAIT_MS = 20_000;
const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;

/** Resolves when `signal` says so; rejects with `chain.forked` or with what `onBlock` threw. Failures of the node are waited out. */
export async function followEvents(options: FollowOptions): Promise<void> {
	const { signal, random = Math.random } = options;
	const largest = options.maxRange ?? 2_000n;
	const state: FollowState = { cursor: options.cursor, current: false, range: largest, largest };
	let failures = 0;
	while (!signal.aborted) {
		try {
			await step(options, state);
			failures = 0;
		} catch (error) {
			if (signal.aborted) return;
			if (error instanceof HandlerFailure) throw error.cause;
			if (error instanceof FreeholdError && error.code === "chain.forked") throw error;
			state.current = false;
			const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures++, 10)) * (0.5 + random() / 2);
			options.onRetry?.(error, waitMs);
			await pause(waitMs, signal).catch(() => undefined);
		}
	}
}

interface FollowState {
	cursor: Cursor | undefined;
	/** Whether the caller has been told of the newest block since the start, or since the node failed last. */
	current: boolean;
	range: bigint;
	readonly largest: bigint;
}

/** What the caller's own function threw: not the node's doing. */
class HandlerFailure extends Error {}

/** One stretch of blocks: wait until there is one, ask for its events, deliver. */
async function step(options: FollowOptions, state: FollowState): Promise<void> {
	const { client, signal, contracts, pollMs } = options;
	const after = state.cursor?.number ?? -1n;
	const head = state.current ? await waitForHead(client, after, signal, pollMs) : await client.blockNumber({ signal });
	if (head <= after) {
		if (head === after && state.current) return;
		// After a pause, or from a node that lost blocks, or another node: its chain must still hold the cursor's block.
		const kept = await keptBlock(client, state.cursor, signal);
		if (head === after && kept !== undefined) await deliver(options, [], { ...kept, cursor: { number: kept.number, hash: kept.hash }, atHead: true });
		state.current = true;
		return;
	}
	const toBlock = head - after > state.range ? after + state.range : head;
	const question = { addresses: contracts.map((contract) => contract.address), fromBlock: after + 1n, toBlock };
	const [kept, last, logs] = await Promise.all([
		state.cursor === undefined ? undefined : client.block(state.cursor.number, { signal }),
		client.block(toBlock, { signal }),
		client.logs(question, { signal }).catch((error: unknown) => {
			if (state.range > 1n) state.range /= 2n;
			throw error;
		}),
	]);
	if (state.cursor !== undefined && kept?.hash !== state.cursor.hash) throw forked(state.cursor, kept);
	if (last === undefined) throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `no block ${toBlock}` });
	if (state.range < state.largest) state.range = state.range * 2n > state.largest ? state.largest : state.range * 2n;
	for (const { block, blockLogs } of await withHeaders(client, groupByBlock(logs), last, signal)) {
		if (signal.aborted) return;
		const cursor: Cursor = { number: block.number, hash: block.hash };
		const events = blockLogs.flatMap((log) => decodeEvent(log, contracts) ?? []);
		await deliver(options, events, { ...block, cursor, atHead: block.number === head });
		state.cursor = cursor;
		state.current = block.number === head;
	}
}

async function deliver({ onBlock }: FollowOptions, events: readonly ChainEvent[], block: FollowedBlock): Promise<void> {
	try {
		await onBlock(events, block);
	} catch (error) {
		throw new HandlerFailure("the handler of events failed", { cause: error });
	}
}

function waitForHead(client: ChainClient, after: bigint, signal: AbortSignal, pollMs: number | undefined): Promise<bigint> {
	return client.waitForBlock(after, { timeoutMs: WAIT_MS, signal, ...(pollMs === undefined ? {} : { pollMs }) });
}

/** The cursor's block as the node has it. Throws `chain.forked` when it has another or none. */
async function keptBlock(client: ChainClient, cursor: Cursor | undefined, signal: AbortSignal): Promise<BlockSummary | undefined> {
	if (cursor === undefined) return undefined;
	const kept = await client.block(cursor.number, { signal });
	if (kept?.hash !== cursor.hash) throw forked(cursor, kept);
	return kept;
}

function forked(cursor: Cursor, kept: BlockSummary | undefined): FreeholdError {
	return new FreeholdError("chain.forked", { number: cursor.number, expected: cursor.hash, actual: kept?.hash ?? "none" });
}

function groupByBlock(logs: readonly ChainLog[]): readonly (readonly ChainLog[])[] {
	const blocks = new Map<bigint, ChainLog[]>();
	for (const log of [...logs].sort((a, b) => Number(a.blockNumber - b.blockNumber) || a.logIndex - b.logIndex)) {
		const block = blocks.get(log.blockNumber);
		if (block === undefined) blocks.set(log.blockNumber, [log]);
		else block.push(log);
	}
	return [...blocks.values()];
}

interface BlockOfLogs {
	readonly block: BlockSummary;
	readonly blockLogs: readonly ChainLog[];
}

/** Header of each block that has logs, asked for in one batch, and the last block of the stretch. */
async function withHeaders(
	client: ChainClient,
	groups: readonly (readonly ChainLog[])[],
	last: BlockSummary,
	signal: AbortSignal,
): Promise<readonly BlockOfLogs[]> {
	const blocks = await Promise.all(
		groups.map(async (blockLogs): Promise<BlockOfLogs> => {
			const [first] = blockLogs as readonly [ChainLog];
			const block = first.blockNumber === last.number ? last : await client.block(first.blockNumber, { signal });
			if (block === undefined || blockLogs.some((log) => log.blockHash !== block.hash)) {
				throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `logs of block ${first.blockNumber} do not belong to it` });
			}
			return { block, blockLogs };
		}),
	);
	return blocks.at(-1)?.block.number === last.number ? blocks : [...blocks, { block: last, blockLogs: [] }];
}

/** The event that a log is; undefined when it comes from none of the contracts, or their ABI does not know it. */
export function decodeEvent(log: ChainLog, contracts: readonly Contract[]): ChainEvent | undefined {
	const contract = contracts.find((candidate) => candidate.address.toLowerCase() === log.address);
	if (contract === undefined) return undefined;
	try {
		const { eventName, args } = decodeEventLog({ abi: contract.abi, topics: log.topics as [Hex, ...Hex[]], data: log.data, strict: true });
		if (eventName === undefined) return undefined;
		const { address, transactionHash, transactionIndex, logIndex } = log;
		return { address, name: eventName, args: (args ?? {}) as Readonly<Record<string, unknown>>, transactionHash, transactionIndex, logIndex };
	} catch {
		return undefined;
	}
}
