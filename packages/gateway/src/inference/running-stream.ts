/** A stream on its way from a node to a caller: what was handed over is what is settled, checked, recorded and charged. */
import { deltaShape, errorFromBody, FreeholdError, type Hex, type OrderStreamLine, type TextDelta, type TextOrderRequestBody } from "@freehold/protocol";
import { pause } from "@freehold/service";
import { orderBody } from "../nodes/node-client.js";
import { type NodeStream, openStream, settleOrder } from "../nodes/order-stream.js";
import type { OrderRecord } from "../store/tables.js";
import { deltasOf } from "../text/deltas.js";
import type { ServedCall } from "./ordering.js";
import type { CheckedAnswer, Streamed } from "./receipt-check.js";

export interface StreamModules {
	/** Of the order. */
	readonly digest: Hex;
	/** Until the order's end. */
	readonly deadlineMs: number;
	readonly signal: AbortSignal | undefined;
	/** Throws `node.refused`. `streamed` is undefined for an answer that came whole. */
	readonly check: (answer: unknown, streamed: Streamed | undefined) => CheckedAnswer;
	/** How it ended, for the node's good name; one of them is called, once. */
	readonly answered: () => void;
	readonly left: () => void;
	readonly failed: () => void;
	/** It could not be settled: the node may sign for what it sent all the same. */
	readonly lost: () => void;
}

/** Hands over deltas that came together, all or none of them; false: the caller has gone. */
export type Deliver = (deltas: readonly TextDelta[]) => boolean | Promise<boolean>;

export interface StreamEnd {
	/** The call as far as it came; undefined when nobody could settle it, and nothing is charged. */
	readonly served: ServedCall | undefined;
	/** Why it broke off; undefined for a whole answer, and for a caller who left. */
	readonly failure: FreeholdError | undefined;
	/** Deltas handed over. */
	readonly pieces: number;
}

export interface RunningStream {
	readonly order: OrderRecord;
	readonly inputTokens: number;
	/** Hands everything over, until the caller has gone, and settles. Does not throw: how it ended is its result. */
	pump(deliver: Deliver, gone: AbortSignal): Promise<StreamEnd>;
}

const SETTLE_MS = 5_000;
const RETRY_MS = 200;
/** How long a node that broke off is asked for the receipt of what came: one that was killed is back by then, and has kept what it sent. */
const BROKEN_PATIENCE_MS = 15_000;

/** Resolves with the node's first word. Throws what the node refused with. */
export async function beginStream(record: OrderRecord, endpoint: string, modules: StreamModules): Promise<RunningStream> {
	const { deadlineMs, signal } = modules;
	const begunAt = performance.now();
	// The caller's leaving ends the waiting for a first word; after it, what came is to be settled.
	const waiting = new AbortController();
	const stop = (): void => waiting.abort(signal?.reason);
	signal?.addEventListener("abort", stop, { once: true });
	if (signal?.aborted === true) stop();
	const stream = await openStream(endpoint, orderBody(record) as TextOrderRequestBody, { deadlineMs, signal: waiting.signal }).catch((error: unknown) => {
		signal?.removeEventListener("abort", stop);
		throw error;
	});
	try {
		const lines = await stream.next();
		const [first, ...more] = lines ?? [];
		if (first === undefined) throw new FreeholdError("upstream.failed", { what: "The node", reason: "an empty stream" });
		if ("error" in first) throw errorOf(first);
		if ("answer" in first) return replay(record, modules.check(first.answer, undefined), begunAt, modules);
		if (!("started" in first)) throw refused("its stream does not begin");
		const { inputTokens } = first.started;
		if (!Number.isSafeInteger(inputTokens) || inputTokens < 0) throw refused("it counts no input tokens");
		return { order: record, inputTokens, pump: (deliver, gone) => pump(record, endpoint, { stream, more, inputTokens, begunAt }, { deliver, gone }, modules) };
	} catch (error) {
		stream.cancel();
		throw error;
	} finally {
		signal?.removeEventListener("abort", stop);
	}
}

interface Begun {
	readonly stream: NodeStream;
	/** Lines that came with the first. */
	readonly more: readonly OrderStreamLine[];
	readonly inputTokens: number;
	readonly begunAt: number;
}

interface Caller {
	readonly deliver: Deliver;
	readonly gone: AbortSignal;
}

async function pump(record: OrderRecord, endpoint: string, begun: Begun, { deliver, gone }: Caller, modules: StreamModules): Promise<StreamEnd> {
	const { stream, inputTokens, begunAt } = begun;
	const deltas: TextDelta[] = [];
	let left = false;
	let failure: FreeholdError | undefined;
	try {
		const { promise: leaving, forget } = abortOf(gone);
		const relaying = relay(begun, record, deltas, (together) => !gone.aborted && deliver(together));
		relaying.catch(() => undefined);
		left = !(await Promise.race([relaying, leaving]).finally(forget));
	} catch (error) {
		failure = error instanceof FreeholdError ? error : new FreeholdError("upstream.failed", { what: "The node", reason: String(error) }, { cause: error });
	}
	try {
		const patienceMs = failure === undefined ? SETTLE_MS : BROKEN_PATIENCE_MS;
		const answer = modules.check(await settle(endpoint, modules.digest, deltas.length, patienceMs), { inputTokens, deltas });
		if (failure !== undefined) modules.failed();
		else if (left) modules.left();
		else modules.answered();
		return { served: { order: record, answer, nodeMs: performance.now() - begunAt }, failure, pieces: deltas.length };
	} catch (error) {
		modules.failed();
		modules.lost();
		return { served: undefined, failure: failure ?? (error as FreeholdError), pieces: deltas.length };
	} finally {
		// Not before it is settled: the node must not take the end of the connection for the end of the caller.
		stream.cancel();
	}
}

/** Resolves with false when the caller goes away, however long the node is silent. */
function abortOf(gone: AbortSignal): { readonly promise: Promise<boolean>; readonly forget: () => void } {
	let forget = (): void => undefined;
	const promise = new Promise<boolean>((resolve) => {
		const leave = (): void => resolve(false);
		forget = () => gone.removeEventListener("abort", leave);
		if (gone.aborted) leave();
		else gone.addEventListener("abort", leave, { once: true });
	});
	return { promise, forget };
}

/** True when the answer came to its end, false when the caller left before. */
async function relay({ stream, more }: Begun, record: OrderRecord, deltas: TextDelta[], deliver: Deliver): Promise<boolean> {
	const { choices } = ("textRequest" in record ? record.textRequest : undefined) as { readonly choices: number };
	for (let lines: readonly OrderStreamLine[] | undefined = more; lines !== undefined; lines = await stream.next()) {
		const { together, end, failure } = readLines(lines, choices);
		if (together.length > 0) {
			const taken = deliver(together);
			if (!(typeof taken === "boolean" ? taken : await taken)) return false;
			deltas.push(...together);
		}
		if (failure !== undefined) throw failure;
		if (end === undefined) continue;
		if (end !== deltas.length) throw refused("it counts other pieces than it sent");
		return true;
	}
	throw new FreeholdError("upstream.failed", { what: "The node", reason: "its stream broke off" });
}

/** The pieces of lines that came together, and what follows them: the end, with its count of all pieces, or a failure. */
function readLines(
	lines: readonly OrderStreamLine[],
	choices: number,
): { readonly together: readonly TextDelta[]; readonly end: number | undefined; readonly failure: FreeholdError | undefined } {
	const together: TextDelta[] = [];
	for (const line of lines) {
		if ("delta" in line) {
			const delta = readDelta(line.delta, choices);
			// What came before a line that is none has come.
			if (delta instanceof FreeholdError) return { together, end: undefined, failure: delta };
			together.push(delta);
		} else if ("ended" in line) return { together, end: line.ended.deltas, failure: undefined };
		else return { together, end: undefined, failure: "error" in line ? errorOf(line) : refused("a line of its stream is out of place") };
	}
	return { together, end: undefined, failure: undefined };
}

/** A node that restarts may still know what it sent. */
async function settle(endpoint: string, digest: Hex, deltas: number, patienceMs: number): Promise<unknown> {
	const end = performance.now() + patienceMs;
	for (;;) {
		try {
			return await settleOrder(endpoint, digest, deltas, { deadlineMs: SETTLE_MS });
		} catch (error) {
			const passing =
				error instanceof FreeholdError && (error.code === "network.down" || error.code === "upstream.failed" || error.code === "service.starting");
			if (!passing || performance.now() + RETRY_MS > end) throw error;
			await pause(RETRY_MS);
		}
	}
}

/** An order that had been answered before comes whole. */
function replay(record: OrderRecord, answer: CheckedAnswer, begunAt: number, modules: StreamModules): RunningStream {
	return {
		order: record,
		inputTokens: Number(answer.receipt.inputUnits),
		pump: async (deliver) => {
			const deltas = "textAnswer" in answer.content ? deltasOf(answer.content.textAnswer) : [];
			if (deltas.length > 0) await deliver(deltas);
			modules.answered();
			return { served: { order: record, answer, nodeMs: performance.now() - begunAt }, failure: undefined, pieces: deltas.length };
		},
	};
}

/** The delta, or why it is none. */
function readDelta(value: unknown, choices: number): TextDelta | FreeholdError {
	let delta: TextDelta;
	try {
		delta = deltaShape.read(value, "delta");
	} catch (error) {
		return refused(error instanceof Error ? error.message : "a delta is malformed");
	}
	return delta.choice >= choices ? refused("it answers more choices than were asked") : delta;
}

function errorOf(line: Extract<OrderStreamLine, { error: unknown }>): FreeholdError {
	return errorFromBody(line) ?? refused("its stream ends with an error that is none");
}

function refused(reason: string): FreeholdError {
	return new FreeholdError("node.refused", { reason });
}
