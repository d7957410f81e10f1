/** What the pool and an engine's process say to each other. */
import {
	checkTensor,
	type EngineDescription,
	type ErrorCode,
	FreeholdError,
	isDtype,
	type Tensor,
	type TensorSchema,
	type TensorSpec,
	type Tensors,
} from "@freehold/protocol";
import { encodeFrame, type Frame, FrameError } from "./frame.js";

export type Request =
	| { readonly kind: "load"; readonly session: string; readonly modelPath: string }
	| { readonly kind: "unload"; readonly session: string }
	| { readonly kind: "run"; readonly session: string; readonly tensors: Tensors };

export type Reply =
	| { readonly kind: "ready"; readonly engine: EngineDescription }
	| { readonly kind: "loaded"; readonly schema: TensorSchema }
	| { readonly kind: "unloaded" }
	| { readonly kind: "outputs"; readonly tensors: Tensors }
	/** `fatal`: the process is of no further use. */
	| { readonly kind: "error"; readonly error: FreeholdError; readonly fatal: boolean };

interface TensorHead {
	readonly name: string;
	readonly dtype: string;
	readonly shape: readonly number[];
	readonly bytes: number;
}

export function encodeRequest(request: Request): Uint8Array[] {
	return request.kind === "run" ? encodeTensors({ kind: "run", session: request.session }, request.tensors) : encodeFrame(request);
}

export function encodeReply(reply: Reply): Uint8Array[] {
	if (reply.kind === "outputs") return encodeTensors({ kind: "outputs" }, reply.tensors);
	if (reply.kind !== "error") return encodeFrame(reply);
	return encodeFrame({ kind: "error", code: reply.error.code, detail: reply.error.detail, fatal: reply.fatal });
}

/** The process trusts its parent's shape, not its tensors' lengths. */
export function decodeRequest(frame: Frame): Request {
	const header = record(frame.header);
	const session = string(header.session);
	if (header.kind === "load") return { kind: "load", session, modelPath: string(header.modelPath) };
	if (header.kind === "unload") return { kind: "unload", session };
	if (header.kind === "run") return { kind: "run", session, tensors: decodeTensors(header.tensors, frame.payload) };
	throw new FrameError("an unknown request");
}

/** Refusals that a process may report of a call; anything else it says is a crash. */
const reportable: ReadonlySet<string> = new Set<ErrorCode>([
	"engine.failed",
	"engine.inputInvalid",
	"engine.modelInvalid",
	"engine.outOfMemory",
	"engine.unsupported",
]);

/** Throws `FrameError` on anything malformed. Output tensors are checked byte by byte. */
export function decodeReply(frame: Frame): Reply {
	const header = record(frame.header);
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
		case "unloaded":
			return { kind: "unloaded" };
		case "outputs": {
			const tensors = decodeTensors(header.tensors, frame.payload);
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
