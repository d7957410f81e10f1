/** What the pool and an engine's process say to each other. Every request has a number, which its replies repeat. */
import {
	checkTensor,
	deltaShape,
	type EngineDescription,
	type ErrorCode,
	FreeholdError,
	fromUtf8,
	isDtype,
	limits,
	type Tensor,
	type TensorSchema,
	type TensorSpec,
	type Tensors,
	type TextAbilities,
	type TextDelta,
	type TextRequest,
	type TextTask,
	textRequestShape,
	textTasks,
	utf8,
} from "@freehold/protocol";
import { encodeFrame, type Frame, FrameError } from "./frame.js";

export type Request =
	| { readonly kind: "load"; readonly session: string; readonly modelPath: string }
	| { readonly kind: "unload"; readonly session: string }
	| { readonly kind: "run"; readonly session: string; readonly tensors: Tensors }
	| { readonly kind: "write" | "count"; readonly session: string; readonly request: TextRequest }
	/** Give up an earlier request; only that one is answered. */
	| { readonly kind: "cancel"; readonly target: number };

/** Said before a request's last reply. */
export type Event = { readonly kind: "started"; readonly inputTokens: number } | { readonly kind: "delta"; readonly delta: TextDelta };

export type Reply =
	| { readonly kind: "ready"; readonly engine: EngineDescription }
	| { readonly kind: "loaded"; readonly schema: TensorSchema }
	| { readonly kind: "loadedText"; readonly abilities: TextAbilities }
	| { readonly kind: "unloaded" }
	| { readonly kind: "outputs"; readonly tensors: Tensors }
	| { readonly kind: "wrote"; readonly vectors: readonly Uint8Array[] }
	| { readonly kind: "counted"; readonly tokens: number }
	| { readonly kind: "cancelled" }
	/** `fatal`: the process is of no further use. */
	| { readonly kind: "error"; readonly error: FreeholdError; readonly fatal: boolean };

interface TensorHead {
	readonly name: string;
	readonly dtype: string;
	readonly shape: readonly number[];
	readonly bytes: number;
}

export interface Numbered<M> {
	readonly id: number;
	readonly message: M;
}

export function encodeRequest(id: number, request: Request): Uint8Array[] {
	switch (request.kind) {
		case "run":
			return encodeTensors({ id, kind: "run", session: request.session }, request.tensors);
		case "write":
		case "count":
			return encodeFrame({ id, kind: request.kind, session: request.session }, [utf8(JSON.stringify(textRequestShape.write(request.request)))]);
		default:
			return encodeFrame({ id, ...request });
	}
}

export function encodeReply(id: number, reply: Reply | Event): Uint8Array[] {
	switch (reply.kind) {
		case "outputs":
			return encodeTensors({ id, kind: "outputs" }, reply.tensors);
		case "delta":
			return encodeFrame({ id, kind: "delta" }, [utf8(JSON.stringify(deltaShape.write(reply.delta)))]);
		case "wrote":
			return encodeFrame({ id, kind: "wrote", lengths: reply.vectors.map(({ length }) => length) }, reply.vectors);
		case "error":
			return encodeFrame({ id, kind: "error", code: reply.error.code, detail: reply.error.detail, fatal: reply.fatal });
		default:
			return encodeFrame({ id, ...reply });
	}
}

/** The process trusts its parent's shape, not its tensors' lengths. */
export function decodeRequest(frame: Frame): Numbered<Request> {
	const header = record(frame.header);
	const id = length(header.id);
	if (header.kind === "cancel") return { id, message: { kind: "cancel", target: length(header.target) } };
	const session = string(header.session);
	switch (header.kind) {
		case "load":
			return { id, message: { kind: "load", session, modelPath: string(header.modelPath) } };
		case "unload":
			return { id, message: { kind: "unload", session } };
		case "run":
			return { id, message: { kind: "run", session, tensors: decodeTensors(header.tensors, frame.payload) } };
		case "write":
		case "count":
			return { id, message: { kind: header.kind, session, request: textRequestShape.read(json(frame.payload), "request") } };
		default:
			throw new FrameError("an unknown request");
	}
}

/** Refusals that a process may report of a call; anything else it says is a crash. */
const reportable: ReadonlySet<string> = new Set<ErrorCode>([
	"engine.failed",
	"engine.inputInvalid",
	"engine.modelInvalid",
	"engine.outOfMemory",
	"engine.unsupported",
	"request.invalid",
	"text.schemaRefused",
	"text.tooLong",
	"text.unsupported",
]);

/** Throws `FrameError` on anything malformed. Output tensors are checked byte by byte. */
export function decodeReply(frame: Frame): Numbered<Reply | Event> {
	const header = record(frame.header);
	return { id: length(header.id), message: readReply(header, frame.payload) };
}

export function isEvent(reply: Reply | Event): reply is Event {
	return reply.kind === "started" || reply.kind === "delta";
}

function readReply(header: Record<string, unknown>, payload: Uint8Array): Reply | Event {
	switch (header.kind) {
		case "ready": {
			const engine = record(header.engine);
			return {
				kind: "ready",
				engine: {
					name: string(engine.name),
					version: string(engine.version),
					artifact: string(engine.artifact) as `0x${string}`,
					options: record(engine.options) as EngineDescription["options"],
				},
			};
		}
		case "loaded": {
			const schema = record(header.schema);
			return { kind: "loaded", schema: { inputs: specs(schema.inputs), outputs: specs(schema.outputs) } };
		}
		case "loadedText": {
			const { contextTokens, tasks, tools } = record(header.abilities);
			return { kind: "loadedText", abilities: { contextTokens: length(contextTokens), tasks: list(tasks).map(task), tools: tools === true } };
		}
		case "unloaded":
		case "cancelled":
			return { kind: header.kind };
		case "started":
			return { kind: "started", inputTokens: length(header.inputTokens) };
		case "delta":
			return { kind: "delta", delta: delta(payload) };
		case "wrote":
			return { kind: "wrote", vectors: vectors(list(header.lengths).map(length), payload) };
		case "counted":
			return { kind: "counted", tokens: length(header.tokens) };
		case "outputs": {
			const tensors = decodeTensors(header.tensors, payload);
			for (const [name, tensor] of Object.entries(tensors)) checkTensor(name, tensor);
			return { kind: "outputs", tensors };
		}
		case "error": {
			const code = string(header.code);
			if (!reportable.has(code)) throw new FrameError("an error that no engine reports");
			return { kind: "error", error: new FreeholdError(code as ErrorCode, detail(header.detail)), fatal: header.fatal === true };
		}
		default:
			throw new FrameError("an unknown reply");
	}
}

function encodeTensors(head: object, tensors: Tensors): Uint8Array[] {
	const entries = Object.entries(tensors);
	const heads = entries.map(([name, { dtype, shape, bytes }]): TensorHead => ({ name, dtype, shape, bytes: bytes.length }));
	return encodeFrame(
		{ ...head, tensors: heads },
		entries.map(([, { bytes }]) => bytes),
	);
}

function decodeTensors(heads: unknown, payload: Uint8Array): Tensors {
	const tensors = Object.create(null) as { [name: string]: Tensor };
	let offset = 0;
	for (const item of list(heads)) {
		const { name, dtype, shape, bytes } = record(item);
		if (!isDtype(dtype) || typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0 || bytes > payload.length - offset)
			throw new FrameError("a tensor does not fit its message");
		tensors[string(name)] = { dtype, shape: list(shape).map(length), bytes: payload.subarray(offset, offset + bytes) };
		offset += bytes;
	}
	if (offset !== payload.length) throw new FrameError("a message is longer than its tensors");
	return tensors;
}

function delta(payload: Uint8Array): TextDelta {
	try {
		return deltaShape.read(json(payload), "delta");
	} catch (error) {
		throw new FrameError("a piece of an answer that is none", { cause: error });
	}
}

function vectors(lengths: readonly number[], payload: Uint8Array): Uint8Array[] {
	let offset = 0;
	return lengths.map((bytes) => {
		if (bytes > payload.length - offset || bytes > limits.embeddingDimensions * 4) throw new FrameError("a vector does not fit its message");
		offset += bytes;
		return new Uint8Array(payload.subarray(offset - bytes, offset));
	});
}

function task(value: unknown): TextTask {
	const found = textTasks.find((known) => known === value);
	if (found === undefined) throw new FrameError("a task that is none");
	return found;
}

function json(payload: Uint8Array): unknown {
	try {
		return JSON.parse(fromUtf8(payload)) as unknown;
	} catch {
		throw new FrameError("a payload that is not JSON");
	}
}

function specs(value: unknown): TensorSpec[] {
	return list(value).map((item) => {
		const { name, dtype, shape } = record(item);
		if (!isDtype(dtype)) throw new FrameError("a dtype that is none");
		return {
			name: string(name),
			dtype,
			shape: shape === null ? null : list(shape).map((dimension) => (dimension === null || typeof dimension === "string" ? dimension : length(dimension))),
		};
	});
}

function detail(value: unknown): Record<string, string | number> {
	const result: Record<string, string | number> = {};
	for (const [key, item] of Object.entries(record(value)).slice(0, 8)) {
		if (typeof item === "string") result[key] = item.slice(0, 400);
		else if (typeof item === "number") result[key] = item;
	}
	return result;
}

function record(value: unknown): Record<string, unknown> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw new FrameError("an object is missing");
	return value as Record<string, unknown>;
}

function list(value: unknown): unknown[] {
	if (!Array.isArray(value)) throw new FrameError("a list is missing");
	return value;
}

function string(value: unknown): string {
	if (typeof value !== "string") throw new FrameError("a text is missing");
	return value;
}

function length(value: unknown): number {
	if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw new FrameError("a length is missing");
	return value;
}
