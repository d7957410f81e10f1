/**
 * An order to a language model between its acceptance and its receipt: what the model has said so far, who listens, and where the answer ends for the receipt.
 * Whoever comes late hears everything from the beginning; when nobody listens any more, the model is stopped.
 */
import {
	answerOfDeltas,
	deltaShape,
	type EngineDescription,
	errorBody,
	FreeholdError,
	type OrderStreamLine,
	type TextAnswer,
	type TextDelta,
	type TextRequest,
} from "@freehold/protocol";

/** What a run gave, as far as a receipt needs it. */
export interface TextOutcome {
	readonly answer: TextAnswer;
	readonly inputTokens: bigint;
	readonly outputTokens: bigint;
	readonly engine: EngineDescription;
	readonly startedAt: number;
	readonly finishedAt: number;
}

/** A stream of an earlier run, as far as it was handed out. */
export interface EarlierRun {
	readonly inputTokens: number;
	readonly engine: EngineDescription;
	readonly startedAt: number;
	readonly deltas: readonly TextDelta[];
}

/** Told that there is more to read. */
export type Listener = () => void;

type End = { readonly kind: "done"; readonly vectors: readonly Uint8Array[] } | { readonly kind: "failed"; readonly error: FreeholdError };

export class TextCall {
	/** Resolves when the model has read the prompt, rejects when it came to nothing before. */
	readonly begun: Promise<void>;
	/** Resolves when the run is over, however it ended. */
	readonly over: Promise<void>;
	readonly #request: TextRequest;
	readonly #now: () => number;
	readonly #startedAt: number;
	readonly #keep: ((head: Omit<EarlierRun, "deltas">, lines: readonly string[]) => void) | undefined;
	readonly #stop = new AbortController();
	readonly #listeners = new Set<Listener>();
	readonly #deltas: TextDelta[] = [];
	/** The same as the lines that are sent. */
	readonly #lines: string[] = [];
	readonly #opened = openPromise();
	readonly #closed = openPromise();
	#inputTokens: number | undefined;
	#engine: EngineDescription | undefined;
	#end: End | undefined;
	#finishedAt: number | undefined;
	#sent = 0;

	/** `keep` is given what is handed out, before it is. */
	constructor(request: TextRequest, now: () => number, keep?: (head: Omit<EarlierRun, "deltas">, lines: readonly string[]) => void, startedAt = now()) {
		this.#request = request;
		this.#now = now;
		this.#keep = keep;
		this.#startedAt = startedAt;
		this.begun = this.#opened.promise;
		this.over = this.#closed.promise;
		// Whoever waits is told; nobody has to.
		this.begun.catch(() => undefined);
	}

	/** A call whose run ended with the process: what it had said can be heard and signed, and no more comes. */
	static earlier(request: TextRequest, now: () => number, { inputTokens, engine, startedAt, deltas }: EarlierRun, end: FreeholdError): TextCall {
		const call = new TextCall(request, now, undefined, startedAt);
		call.started(inputTokens, engine);
		for (const delta of deltas) call.delta(delta);
		call.#sent = deltas.length;
		call.failed(end, engine);
		return call;
	}

	/** Aborted when the run is to stop. */
	get signal(): AbortSignal {
		return this.#stop.signal;
	}

	get sent(): number {
		return this.#sent;
	}

	get deltas(): number {
		return this.#deltas.length;
	}

	/** Undefined unless the run came to nothing, or broke off. */
	get failure(): FreeholdError | undefined {
		return this.#end?.kind === "failed" ? this.#end.error : undefined;
	}

	started(inputTokens: number, engine: EngineDescription): void {
		this.#inputTokens = inputTokens;
		this.#engine = engine;
		this.#lines.push(line({ started: { inputTokens } }));
		this.#opened.resolve();
		this.#tell();
	}

	delta(delta: TextDelta): void {
		if (this.#end !== undefined) return;
		this.#deltas.push(delta);
		this.#lines.push(line({ delta: deltaShape.write(delta) }));
		this.#tell();
	}

	/** The run is over. `inputTokens`: counted now, where they were estimated before. */
	ended(engine: EngineDescription, vectors: readonly Uint8Array[], inputTokens: number | undefined): void {
		this.#engine = engine;
		this.#inputTokens = inputTokens ?? this.#inputTokens;
		this.#finish({ kind: "done", vectors }, { ended: { deltas: this.#deltas.length } });
	}

	/** The run came to nothing, broke off, or was stopped; what was said before stays. */
	failed(error: FreeholdError, engine: EngineDescription | undefined): void {
		this.#engine ??= engine;
		this.#finish({ kind: "failed", error }, { error: errorBody(error) });
		this.#opened.reject(error);
	}

	/** Line number `index`, undefined while there is none. */
	line(index: number): string | undefined {
		const text = this.#lines[index];
		if (text !== undefined && index > 0) this.#sendUpTo(Math.min(index, this.#deltas.length));
		return text;
	}

	#sendUpTo(sent: number): void {
		if (sent <= this.#sent) return;
		if (this.#inputTokens !== undefined && this.#engine !== undefined)
			this.#keep?.({ inputTokens: this.#inputTokens, engine: this.#engine, startedAt: this.#startedAt }, this.#lines.slice(this.#sent + 1, sent + 1));
		this.#sent = sent;
	}

	/** True when all lines are there. */
	get complete(): boolean {
		return this.#end !== undefined;
	}

	/** The returned function ends the listening; with the last listener the run is stopped. */
	listen(listener: Listener): () => void {
		this.#listeners.add(listener);
		return () => {
			if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.stop();
		};
	}

	get heard(): boolean {
		return this.#listeners.size > 0;
	}

	/** Stops a run that still goes on. */
	stop(): void {
		if (this.#end === undefined) this.#stop.abort(new FreeholdError("request.aborted"));
	}

	/** What the first deltas amount to; of an embedding its vectors. Undefined when there is nothing that could be signed. */
	outcome(deltas: number): TextOutcome | undefined {
		if (this.#inputTokens === undefined || this.#engine === undefined) return undefined;
		const common = { inputTokens: BigInt(this.#inputTokens), engine: this.#engine, startedAt: this.#startedAt, finishedAt: this.#finishedAt ?? this.#now() };
		if (this.#request.task === "embedding")
			return this.#end?.kind === "done" ? { ...common, outputTokens: 0n, answer: { task: "embedding", vectors: this.#end.vectors } } : undefined;
		return { ...common, ...answerOfDeltas(this.#request.task, this.#request.choices, this.#deltas.slice(0, deltas)) };
	}

	#finish(end: End, last: OrderStreamLine): void {
		if (this.#end !== undefined) return;
		this.#end = end;
		this.#finishedAt = Math.max(this.#startedAt, this.#now());
		this.#lines.push(line(last));
		this.#closed.resolve();
		this.#tell();
	}

	#tell(): void {
		for (const listener of [...this.#listeners]) listener();
	}
}

export function line(value: OrderStreamLine): string {
	return `${JSON.stringify(value)}\n`;
}

function openPromise(): { readonly promise: Promise<void>; readonly resolve: () => void; readonly reject: (error: unknown) => void } {
	let resolve: () => void = () => undefined;
	let reject: (error: unknown) => void = () => undefined;
	const promise = new Promise<void>((onDone, onFail) => {
		resolve = onDone;
		reject = onFail;
	});
	return { promise, resolve, reject };
}
