/** From a contract's request to the answer that is delivered: decode, run, encode. */
import {
	checkTensors,
	FreeholdError,
	fromHex,
	type Hex,
	type Sampling,
	type Tensor,
	type Tensors,
	type TextDelta,
	type TextMessage,
	type TextRequest,
	tensorElements,
	tensorFromElements,
} from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { type AbiParameter, decodeAbiParameters, encodeAbiParameters } from "viem";
import type { EnginePool, ReleaseFiles } from "../engine/engine.js";
import { runOnceMore } from "../engine/pool/once-more.js";
import type { TextListener } from "../engine/pool/text-pool.js";
import type { Models } from "../node/models.js";
import { countUnits } from "../node/order-check.js";
import type { ReleaseRecord } from "../node/tables.js";
import { type NumberTensor, numbersOf, tensorOf } from "./numbers.js";

export interface ModelRunners {
	readonly models: Models;
	readonly pool: EnginePool;
	/** Runs a language model. */
	readonly write: (files: ReleaseFiles, request: TextRequest, listener: TextListener, signal: AbortSignal) => Promise<unknown>;
}

/** What a contract asked. */
export interface ContractRequest {
	/** 0 model, 1 completion, 2 chat. */
	readonly kind: number;
	/** As the contract wrote it: a name or a release id. */
	readonly model: string;
	readonly fields: Readonly<Record<string, unknown>>;
}

export interface EncodedAnswer {
	readonly output: Hex;
	readonly inputUnits: bigint;
	readonly outputUnits: bigint;
}

interface StringTensor {
	readonly name: string;
	readonly values: readonly string[];
}

const functions = ["runModelInference", "runLLMCompletion", "runLLMChat"] as const;

/** Types as the contract's own functions have them. */
function parametersOf(kind: number): { readonly inputs: readonly AbiParameter[]; readonly outputs: readonly AbiParameter[] } {
	const name = functions[kind];
	const entry = contracts.Inference.abi.find((item) => item.type === "function" && item.name === name);
	if (entry?.type !== "function") throw new FreeholdError("engine.inputInvalid", { input: "kind", expected: "0 to 2", given: String(kind) });
	return entry;
}

/** Throws `engine.inputInvalid` for bytes that are no request of this kind. */
export function readRequest(kind: number, request: Hex): ContractRequest {
	const { inputs } = parametersOf(kind);
	try {
		const [fields] = decodeAbiParameters(inputs, request) as readonly [Readonly<Record<string, unknown>>];
		return { kind, model: String(fields["modelCID"]), fields };
	} catch (cause) {
		throw new FreeholdError("engine.inputInvalid", { input: "request", expected: "an encoded request", given: "other bytes" }, { cause });
	}
}

/** Runs the release on what was asked. Throws what the engines refuse with. */
export async function answerRequest(request: ContractRequest, release: ReleaseRecord, runners: ModelRunners, signal: AbortSignal): Promise<EncodedAnswer> {
	const { manifest, files, giveBack } = await runners.models.hold(release.manifest);
	try {
		if (request.kind === 0) {
			const inputs = tensorsOf(request.fields["input"] as Parameters<typeof tensorsOf>[0], manifest.inputs);
			checkTensors(inputs, manifest.inputs);
			const { outputs } = await runOnceMore(runners.pool, files, "fast", inputs, signal);
			return { output: encode(0, modelOutput(outputs)), inputUnits: countUnits(inputs), outputUnits: countUnits(outputs) };
		}
		if (files.format === "onnx") throw new FreeholdError("text.unsupported", { what: "A text", reason: "the model takes tensors" });
		const text = request.kind === 1 ? completionOf(request.fields) : chatOf(request.fields);
		const written = new Writing();
		await runners.write(files, text, written, signal);
		const output = request.kind === 1 ? { answer: written.text } : { finish_reason: written.finish, message: written.message() };
		return { output: encode(request.kind, output), inputUnits: BigInt(written.inputTokens), outputUnits: BigInt(written.outputTokens) };
	} finally {
		giveBack();
	}
}

function encode(kind: number, value: unknown): Hex {
	return encodeAbiParameters(parametersOf(kind).outputs, [value]);
}

function tensorsOf(
	{ numbers, strings }: { readonly numbers: readonly NumberTensor[]; readonly strings: readonly StringTensor[] },
	specs: readonly { readonly name: string; readonly dtype: Tensor["dtype"]; readonly shape: readonly unknown[] | null }[],
): Tensors {
	const found: [string, Tensor][] = [];
	const specOf = (name: string) => {
		const spec = specs.find((candidate) => candidate.name === name);
		if (spec === undefined) throw new FreeholdError("engine.inputInvalid", { input: name, expected: specs.map((item) => item.name).join(", "), given: name });
		return spec as Parameters<typeof tensorOf>[1];
	};
	for (const tensor of numbers) found.push([tensor.name, tensorOf(tensor, specOf(tensor.name))]);
	for (const { name, values } of strings) {
		// The interface has no shape for strings: a list, or, where the model's shape says more, that shape with the list's length.
		const { shape } = specOf(name);
		const lengths = shape === null || shape.length === 1 ? [values.length] : [...shape.slice(0, -1).map(() => 1), values.length];
		found.push([name, tensorFromElements("string", lengths, values, name)]);
	}
	return Object.fromEntries(found);
}

/** A string output of one element that is a JSON object or list is a JSON scalar: what a workflow's reader understands. */
function modelOutput(outputs: Tensors): object {
	const entries = Object.entries(outputs);
	const texts = entries.flatMap(([name, tensor]) => (tensor.dtype === "string" ? [{ name, values: tensorElements(tensor) as string[] }] : []));
	const isJson = ({ values }: StringTensor): boolean => values.length === 1 && isJsonText(values[0] ?? "");
	return {
		numbers: entries.flatMap(([name, tensor]) => (tensor.dtype === "string" ? [] : [{ name, values: numbersOf(tensor), shape: tensor.shape }])),
		strings: texts.filter((text) => !isJson(text)),
		jsons: texts.filter(isJson).map(({ name, values }) => ({ name, value: values[0] })),
		is_simulation_result: false,
	};
}

function isJsonText(text: string): boolean {
	if (!/^\s*[[{]/.test(text)) return false;
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
}

/** Fixed, so that a call that is answered again gets the same text. */
const SEED = 0;
const sampling = (temperature: unknown): Sampling => ({
	temperature: Number(temperature) / 100,
	topP: 1,
	topK: 0,
	minP: 0,
	presencePenalty: 0,
	frequencyPenalty: 0,
	seed: SEED,
});

function generation(fields: Readonly<Record<string, unknown>>) {
	return {
		sampling: sampling(fields["temperature"]),
		stop: fields["stop_sequence"] as readonly string[],
		maxOutputTokens: Number(fields["max_tokens"]),
		choices: 1,
	};
}

function completionOf(fields: Readonly<Record<string, unknown>>): TextRequest {
	return { task: "completion", prompt: String(fields["prompt"]), echo: false, ...generation(fields) } as TextRequest;
}

interface ContractMessage {
	readonly role: string;
	readonly content: string;
	readonly name: string;
	readonly tool_call_id: string;
	readonly tool_calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
}

function chatOf(fields: Readonly<Record<string, unknown>>): TextRequest {
	const tools = (fields["tools"] as readonly { readonly description: string; readonly name: string; readonly parameters: string }[]).map((tool) => ({
		name: tool.name,
		description: tool.description,
		parameters: JSON.parse(tool.parameters === "" ? "{}" : tool.parameters) as never,
		strict: false,
	}));
	const choice = String(fields["tool_choice"]);
	return {
		task: "chat",
		messages: (fields["messages"] as readonly ContractMessage[]).map(messageOf),
		tools,
		toolChoice: choice === "none" || choice === "required" ? { type: choice } : { type: "auto" },
		parallelToolCalls: false,
		format: { type: "text" },
		...generation(fields),
	} as TextRequest;
}

function messageOf({ role, content, tool_call_id, tool_calls }: ContractMessage): TextMessage {
	const parts = [{ type: "text", text: content }] as const;
	switch (role) {
		case "system":
		case "user":
			return { role, content: parts };
		case "assistant":
			return { role, content: content === "" ? [] : parts, toolCalls: tool_calls };
		case "tool":
			return { role, toolCallId: tool_call_id, content: parts };
		default:
			throw new FreeholdError("engine.inputInvalid", { input: "role", expected: "system, user, assistant or tool", given: role });
	}
}

/** Collects a text as it comes. */
class Writing implements TextListener {
	text = "";
	finish = "stop";
	inputTokens = 0;
	outputTokens = 0;
	readonly #calls: ContractMessage["tool_calls"][number][] = [];

	started(inputTokens: number): void {
		this.inputTokens = inputTokens;
	}

	delta({ text = "", toolCall, finish, outputTokens }: TextDelta): void {
		this.text += text;
		this.outputTokens = outputTokens;
		if (finish !== undefined) this.finish = finish === "tools" ? "tool_calls" : finish;
		if (toolCall === undefined) return;
		const call = this.#calls[toolCall.index] ?? { id: toolCall.id ?? "", name: toolCall.name ?? "", arguments: "" };
		this.#calls[toolCall.index] = { ...call, arguments: call.arguments + toolCall.arguments };
	}

	message(): ContractMessage {
		return { role: "assistant", content: this.text, name: "", tool_call_id: "", tool_calls: this.#calls };
	}
}

/** UTF-8 of a failure's reason, as it is delivered. */
export function failureText(error: unknown): Hex {
	const reason = error instanceof FreeholdError ? error.message : "the node could not answer";
	return `0x${Buffer.from(reason.slice(0, MAX_REASON)).toString("hex")}`;
}

const MAX_REASON = 300;

/** Length in bytes. */
export const sizeOf = (output: Hex): number => fromHex(output).length;
