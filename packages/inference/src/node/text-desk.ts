/** Orders to language models: each is one run, however many listen, and one receipt, for what its caller received. */
import { deltaShape, type EngineDescription, FreeholdError, type TextDelta, type TextRequest } from "@freehold/protocol";
import type { ReleaseFiles } from "../engine/engine.js";
import type { TextAnswerOf, TextListener } from "../engine/pool/text-pool.js";
import { Acceptance, type AcceptanceModules } from "./acceptance.js";
import { checkUnits, type SignedAnswer } from "./answer.js";
import { type OrderMessage, readOrder } from "./order-check.js";
import type { Taken } from "./order-desk.js";
import type { StreamJournal, StreamLog } from "./stream-journal.js";
import { callKey } from "./tables.js";
import { TextCall } from "./text-call.js";

/** Runs a request where its release runs: the engines behind one function. */
export type TextRunner = (files: ReleaseFiles, request: TextRequest, listener: TextListener, signal: AbortSignal) => Promise<TextAnswerOf>;

export interface TextDeskModules extends AcceptanceModules {
	readonly runText: TextRunner;
	readonly journal: StreamJournal;
}

interface Open {
	readonly key: string;
	readonly message: OrderMessage;
	readonly acceptance: Acceptance;
	readonly call: TextCall;
	readonly log: StreamLog;
	readonly settling: NodeJS.Timeout;
	/** Once somebody has begun to settle. */
	settled: Promise<SignedAnswer["body"]> | undefined;
}

/** What nobody settled is signed this long before its order's deadline, and never later than halfway. */
const SETTLE_MARGIN_MS = 1_000;
/** Orders that run, or wait to be settled. */
const MOST_OPEN = 1_024;

export class TextDesk {
	readonly #modules: TextDeskModules;
	/** By call key, and by digest of the order. */
	readonly #open = new Map<string, Open>();
	readonly #byDigest = new Map<string, Open>();
	/** Nothing is begun before it is known what an earlier run left: one order has one receipt. */
	#restored = false;

	constructor(modules: TextDeskModules) {
		this.#modules = modules;
	}

	get restored(): boolean {
		return this.#restored;
	}

	/** Takes up streams of a run that was killed: what was handed out of them can be settled, or is signed before the order's deadline. */
	async restore(): Promise<void> {
		const { journal, store, events, chainId, crypto, clock } = this.#modules;
		for (const { digest, head, lines } of await journal.kept(MOST_OPEN)) {
			try {
				const message = readOrder(head.body, chainId, crypto);
				if (message.digest !== digest || message.asked.kind !== "text")
					throw new FreeholdError("order.invalid", { reason: "another order than its name says" });
				if (store.get("answers", digest) !== undefined) {
					await journal.forget(digest);
					continue;
				}
				const deltas = lines.map((line) => deltaShape.read((line as { readonly delta?: unknown }).delta, "delta"));
				const key = callKey(message.order.gateway, message.order.callId);
				const acceptance = new Acceptance(key, message, this.#modules);
				const ended = new FreeholdError("text.brokenOff", { pieces: deltas.length, reason: "the node was stopped", charge: "what came of it" });
				const call = TextCall.earlier(message.asked.request, clock.now, { ...head, deltas }, ended);
				this.#keepOpen(key, message, acceptance, call, { write: () => undefined, end: () => void journal.forget(digest) });
				events.streamRestored(message.order.callId, deltas.length);
			} catch (error) {
				await journal.forget(digest);
				events.streamLost(digest, error);
			}
		}
		this.#restored = true;
	}

	async take(
		key: string,
		message: OrderMessage,
		request: TextRequest,
		body: unknown,
		{ stream, signal }: { readonly stream: boolean; readonly signal: AbortSignal },
	): Promise<Taken> {
		signal.throwIfAborted();
		this.#checkRestored();
		const known = this.#open.get(key);
		if (known !== undefined && known.message.digest !== message.digest) throw new FreeholdError("order.conflict");
		// One that everybody had left before anything was sent is on its way out.
		if (known?.call.signal.aborted === true && known.call.sent === 0 && known.settled === undefined) await known.call.over;
		const open = this.#open.get(key) ?? this.#begin(key, message, request, body);
		const { call } = open;
		const leave = call.listen(() => undefined);
		signal.addEventListener("abort", leave, { once: true });
		try {
			await call.begun;
			// Listens on as a stream, which the caller of this begins in the same turn.
			if (stream && open.settled === undefined) return { kind: "stream", call };
			await call.over;
			if (call.failure !== undefined && open.settled === undefined) throw call.failure;
			return { kind: "answer", body: await this.#settle(open, call.deltas) };
		} finally {
			signal.removeEventListener("abort", leave);
			if (stream) setImmediate(leave);
			else leave();
		}
	}

	async settle(digest: string, deltas: number): Promise<string> {
		const open = this.#byDigest.get(digest);
		if (open === undefined) this.#checkRestored();
		if (open === undefined) throw new FreeholdError("order.notFound", { digest });
		if (deltas > open.call.deltas)
			throw new FreeholdError("order.invalid", { field: "deltas", reason: `deltas is ${deltas}, the stream had ${open.call.deltas}` });
		return this.#settle(open, deltas);
	}

	async close(): Promise<void> {
		await Promise.allSettled([...this.#open.values()].map((open) => this.#conclude(open)));
	}

	#checkRestored(): void {
		if (!this.#restored) throw new FreeholdError("service.starting", { service: "The node" });
	}

	#begin(key: string, message: OrderMessage, request: TextRequest, body: unknown): Open {
		const { clock, events, journal } = this.#modules;
		let acceptance: Acceptance;
		try {
			if (this.#open.size >= MOST_OPEN) throw new FreeholdError("engine.busy", { waiting: this.#open.size });
			acceptance = new Acceptance(key, message, this.#modules);
		} catch (error) {
			events.refused(message.order.callId, message.order.release, error);
			throw error;
		}
		const log = journal.log(message.digest);
		const call = new TextCall(request, clock.now, (head, lines) => log.write(() => ({ version: 1, body, ...head }), lines));
		const open = this.#keepOpen(key, message, acceptance, call, log);
		void this.#run(open, request);
		return open;
	}

	#keepOpen(key: string, message: OrderMessage, acceptance: Acceptance, call: TextCall, log: StreamLog): Open {
		const left = Number(message.order.deadline) - this.#modules.clock.now();
		const settling = setTimeout(() => void this.#conclude(open), left - Math.min(SETTLE_MARGIN_MS, left / 2));
		const open: Open = { key, message, acceptance, call, log, settling, settled: undefined };
		this.#open.set(key, open);
		this.#byDigest.set(message.digest, open);
		return open;
	}

	async #run(open: Open, request: TextRequest): Promise<void> {
		const { acceptance, call, message } = open;
		const signal = AbortSignal.any([acceptance.signal, call.signal]);
		const refused = new AbortController();
		let engine: EngineDescription | undefined;
		try {
			const { files } = await acceptance.hold();
			const sink = {
				started: (inputTokens: number, by: EngineDescription): void => {
					engine = by;
					try {
						checkUnits("order.maxInputUnits", message.order.maxInputUnits, BigInt(inputTokens), "the request has");
						call.started(inputTokens, by);
					} catch (error) {
						refused.abort(error);
					}
				},
				delta: (delta: TextDelta): void => {
					if (!refused.signal.aborted) call.delta(delta);
				},
			};
			const { engine: by, vectors, inputTokens } = await this.#modules.runText(files, request, sink, AbortSignal.any([signal, refused.signal]));
			call.ended(by, vectors, inputTokens);
		} catch (error) {
			const reason = error instanceof FreeholdError ? error : new FreeholdError("engine.failed", { reason: "the run broke off" }, { cause: error });
			call.failed(reason, engine);
			if (!call.signal.aborted) this.#modules.events.refused(message.order.callId, message.order.release, error);
			// Nobody has received anything, so there is nothing to sign; the same order may be asked again.
			if (call.sent === 0 && open.settled === undefined) this.#forget(open);
		}
	}

	/** Signs once; whoever settles later gets the same. */
	#settle(open: Open, deltas: number): Promise<string> {
		open.settled ??= this.#sign(open, deltas);
		return open.settled;
	}

	async #sign(open: Open, deltas: number): Promise<string> {
		const { call, acceptance } = open;
		try {
			call.stop();
			await call.over;
			const outcome = call.outcome(deltas);
			if (outcome === undefined) throw call.failure ?? new FreeholdError("order.notFound", { digest: open.message.digest });
			const { engine, startedAt, finishedAt, ...text } = outcome;
			return await acceptance.sign({ outcome: { kind: "text", ...text }, engine, startedAt, finishedAt });
		} finally {
			this.#forget(open);
		}
	}

	/** Nobody came to settle: what was sent is what is signed; where nothing was, nothing is. */
	async #conclude(open: Open): Promise<void> {
		const { call } = open;
		if (open.settled !== undefined) {
			await open.settled.catch(() => undefined);
			return;
		}
		if (call.sent > 0) {
			await this.#settle(open, call.sent).catch((error: unknown) => this.#modules.events.refused(open.message.order.callId, open.message.order.release, error));
			return;
		}
		call.stop();
		await call.over;
		this.#forget(open);
	}

	#forget(open: Open): void {
		clearTimeout(open.settling);
		open.log.end();
		open.acceptance.end();
		if (this.#open.get(open.key) === open) this.#open.delete(open.key);
		if (this.#byDigest.get(open.message.digest) === open) this.#byDigest.delete(open.message.digest);
	}
}
