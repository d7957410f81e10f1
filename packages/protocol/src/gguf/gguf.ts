/** Looking into a GGUF file without running it: what it is, what it can be asked, and whether it is safe to hand to an engine. Only its head is read. */
import { FreeholdError } from "../errors/freehold-error.js";
import type { TextAbilities } from "../manifest/manifest.js";
import type { TextTask } from "../text/request.js";
import { GgufCursor, GgufError, type GgufScalar, GgufTruncated } from "./cursor.js";
import { ggufTensorTypes } from "./tensor-types.js";

export interface GgufModel {
	readonly version: number;
	readonly architecture: string;
	readonly name: string | undefined;
	/** Tokens of prompt and answer together. */
	readonly contextTokens: number;
	/** Numbers in the vector of one token. */
	readonly embeddingSize: number;
	readonly layers: number;
	readonly tokenizer: { readonly model: string; readonly tokens: number };
	/** Jinja, as the file holds it. */
	readonly chatTemplate: string | undefined;
	readonly tensors: number;
	readonly parameters: bigint;
	/** The type that holds most of the parameters. */
	readonly quantization: string;
	readonly sizeBytes: number;
	readonly abilities: TextAbilities;
}

export const ggufLimits = {
	/** Bytes in which the head must end; it is all that is read. */
	headBytes: 64 * 1024 * 1024,
	keys: 4_096,
	keyBytes: 256,
	textBytes: 4 * 1024 * 1024,
	templateBytes: 256 * 1024,
	/** Tokens of a vocabulary, and its merges. */
	elements: 2_097_152,
	tensors: 65_536,
	tensorNameBytes: 64,
	dimensions: 4,
	contextTokens: 16_777_216,
	embeddingSize: 65_536,
	layers: 1_024,
} as const;

const FIRST_READ_BYTES = 1024 * 1024;
const MAGIC = 0x46554747;
const DEFAULT_ALIGNMENT = 32;
/** Architectures that read a text into a vector and write nothing. */
const EMBEDDERS = new Set(["bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "eurobert", "gemma-embedding"]);
/** Parts of other models, and such that read one text to write another: no engine here runs them. */
const REFUSED: Readonly<Record<string, string>> = {
	clip: "it is the image part of another model",
	mmproj: "it is the image part of another model",
	t5: "models of an encoder and a decoder are not run here",
	t5encoder: "models of an encoder and a decoder are not run here",
};

/** True when the bytes begin as a GGUF file does. */
export function isGguf(bytes: Uint8Array): boolean {
	return bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) === MAGIC;
}

/**
 * What a GGUF file is. `head` holds the file's first bytes, at most `ggufLimits.headBytes` of them are needed; `sizeBytes` is the whole file's size.
 * Throws `engine.modelInvalid` with the reason when it is no model that we would run.
 */
export function inspectGguf(head: Uint8Array, sizeBytes: number = head.length): GgufModel {
	if (!isGguf(head)) throw refused("it is not a GGUF file");
	try {
		return readHead(head.length > ggufLimits.headBytes ? head.subarray(0, ggufLimits.headBytes) : head, sizeBytes);
	} catch (error) {
		if (error instanceof GgufTruncated && sizeBytes > ggufLimits.headBytes && head.length >= ggufLimits.headBytes)
			throw refused(`its head is longer than ${ggufLimits.headBytes} bytes`);
		if (error instanceof GgufError) throw refused(`it is not a well-formed GGUF file (${error.message})`);
		throw error;
	}
}

/**
 * As `inspectGguf`, of a file that is read from its beginning and no further than its head goes. `read` gives the first bytes of the file, as many as are asked for.
 */
export async function inspectGgufFile(
	read: (bytes: number) => Promise<Uint8Array>,
	sizeBytes: number,
): Promise<{ readonly model: GgufModel /** All that was read. */; readonly head: Uint8Array }> {
	const most = Math.min(sizeBytes, ggufLimits.headBytes);
	for (let bytes = Math.min(FIRST_READ_BYTES, most); ; bytes = Math.min(bytes * 4, most)) {
		const head = await read(bytes);
		try {
			if (bytes < most && isGguf(head)) return { model: readHead(head, sizeBytes), head };
			return { model: inspectGguf(head, sizeBytes), head };
		} catch (error) {
			// The last read says what is wrong; before it, there may be more of the head.
			if (bytes === most || !(error instanceof GgufTruncated)) return { model: inspectGguf(head, sizeBytes), head };
		}
	}
}

function readHead(bytes: Uint8Array, sizeBytes: number): GgufModel {
	const cursor = new GgufCursor(bytes, { maxTextBytes: ggufLimits.textBytes, maxElements: ggufLimits.elements });
	cursor.u32();
	const version = cursor.u32();
	if (version !== 2 && version !== 3) throw refused(`it is a GGUF file of version ${version}; versions 2 and 3 in little-endian order are read`);
	const tensorCount = cursor.size("the number of tensors", ggufLimits.tensors);
	const keyCount = cursor.size("the number of keys", ggufLimits.keys);
	const metadata = new Map<string, GgufScalar>();
	const lists = new Map<string, number>();
	for (let index = 0; index < keyCount; index++) {
		const key = cursor.text("a key", ggufLimits.keyBytes);
		if (metadata.has(key) || lists.has(key)) throw new GgufError(`${key} stands twice`);
		const value = cursor.value(key);
		if ("scalar" in value) metadata.set(key, value.scalar);
		else lists.set(key, value.length);
	}
	const facts = new Facts(metadata, lists);
	const architecture = facts.text("general.architecture", 64);
	if (architecture === undefined) throw refused("it does not name its architecture");
	const why = REFUSED[architecture];
	if (why !== undefined) throw refused(why);
	const kind = facts.text("general.type", 64);
	if (kind !== undefined && kind !== "model") throw refused(`it is of type ${kind}, not a whole model`);
	if ((facts.whole("split.count", 0, 1_000_000) ?? 1) > 1) throw refused("it is one part of a model that is split over several files; join them first");
	const contextTokens = facts.required(`${architecture}.context_length`, 1, ggufLimits.contextTokens);
	const embeddingSize = facts.required(`${architecture}.embedding_length`, 1, ggufLimits.embeddingSize);
	const layers = facts.required(`${architecture}.block_count`, 1, ggufLimits.layers);
	const tokenizer = facts.text("tokenizer.ggml.model", 64);
	const tokens = lists.get("tokenizer.ggml.tokens");
	if (tokenizer === undefined || tokenizer === "none" || tokens === undefined || tokens === 0) throw refused("it has no vocabulary");
	for (const list of ["tokenizer.ggml.token_type", "tokenizer.ggml.scores"]) {
		const length = lists.get(list);
		if (length !== undefined && length !== tokens) throw refused(`it has ${tokens} tokens and ${length} entries in ${list}`);
	}
	const chatTemplate = facts.text("tokenizer.chat_template", ggufLimits.templateBytes);
	const table = readTensors(cursor, tensorCount, facts.whole("general.alignment", 8, 65_536) ?? DEFAULT_ALIGNMENT, sizeBytes);
	return {
		version,
		architecture,
		name: facts.text("general.name", 1_024),
		contextTokens,
		embeddingSize,
		layers,
		tokenizer: { model: tokenizer, tokens },
		chatTemplate,
		tensors: tensorCount,
		...table,
		sizeBytes,
		abilities: { contextTokens, tasks: tasksOf(architecture, chatTemplate), tools: chatTemplate !== undefined && offersTools(chatTemplate) },
	};
}

/** A template that writes tool calls between marks of their own; in any other, a call cannot be told from text. */
function offersTools(template: string): boolean {
	return template.includes("<tool_call>") && /\btools\b/.test(template);
}

function tasksOf(architecture: string, chatTemplate: string | undefined): readonly TextTask[] {
	if (EMBEDDERS.has(architecture)) return ["embedding"];
	return chatTemplate === undefined ? ["completion", "embedding"] : ["chat", "completion", "embedding"];
}

/** Every tensor lies where the one before it ends, aligned, inside the file: engines take offsets at their word. */
function readTensors(cursor: GgufCursor, count: number, alignment: number, sizeBytes: number): { readonly parameters: bigint; readonly quantization: string } {
	if ((alignment & (alignment - 1)) !== 0) throw new GgufError(`the alignment ${alignment} is no power of two`);
	if (count === 0) throw refused("it has no tensors");
	const names = new Set<string>();
	const byType = new Map<string, bigint>();
	let parameters = 0n;
	let end = 0n;
	let lastByte = 0n;
	for (let index = 0; index < count; index++) {
		const name = cursor.text("a tensor's name", ggufLimits.tensorNameBytes);
		if (names.has(name)) throw new GgufError(`two tensors are named ${name}`);
		names.add(name);
		const rank = cursor.u32();
		if (rank < 1 || rank > ggufLimits.dimensions) throw new GgufError(`tensor ${name} has ${rank} dimensions`);
		let elements = 1n;
		let row = 1n;
		for (let dimension = 0; dimension < rank; dimension++) {
			const length = BigInt(cursor.size(`a dimension of tensor ${name}`, 2 ** 40));
			if (length === 0n) throw new GgufError(`tensor ${name} is empty`);
			if (dimension === 0) row = length;
			elements *= length;
			if (elements > 1n << 48n) throw new GgufError(`tensor ${name} is larger than any file`);
		}
		const number = cursor.u32();
		const type = ggufTensorTypes[number];
		if (type === undefined) throw new GgufError(`tensor ${name} has the unknown type ${number}`);
		if (row % BigInt(type.blockElements) !== 0n) throw new GgufError(`rows of tensor ${name} are no whole blocks of ${type.name}`);
		const offset = cursor.u64();
		if (offset !== end) throw new GgufError(`tensor ${name} lies at ${offset}, not at ${end}`);
		lastByte = end + (elements / BigInt(type.blockElements)) * BigInt(type.blockBytes);
		end = aligned(lastByte, BigInt(alignment));
		if (end > BigInt(Number.MAX_SAFE_INTEGER)) throw new GgufError("its tensors are larger than any file");
		parameters += elements;
		byType.set(type.name, (byType.get(type.name) ?? 0n) + elements);
	}
	const start = aligned(BigInt(cursor.offset), BigInt(alignment));
	// The padding behind the last tensor may be missing.
	if (start + lastByte > BigInt(sizeBytes)) throw new GgufError("its tensors reach beyond its end");
	const [most] = [...byType].sort((a, b) => (a[1] < b[1] ? 1 : -1));
	return { parameters, quantization: most?.[0] ?? "" };
}

function aligned(value: bigint, alignment: bigint): bigint {
	return ((value + alignment - 1n) / alignment) * alignment;
}

class Facts {
	readonly #metadata: ReadonlyMap<string, GgufScalar>;
	readonly #lists: ReadonlyMap<string, number>;

	constructor(metadata: ReadonlyMap<string, GgufScalar>, lists: ReadonlyMap<string, number>) {
		this.#metadata = metadata;
		this.#lists = lists;
	}

	text(key: string, maxBytes: number): string | undefined {
		const value = this.#metadata.get(key);
		if (value === undefined && !this.#lists.has(key)) return undefined;
		if (typeof value !== "string") throw new GgufError(`${key} is not a text`);
		if (value.length > maxBytes) throw new GgufError(`${key} is longer than ${maxBytes} characters`);
		return value;
	}

	whole(key: string, least: number, most: number): number | undefined {
		const value = this.#metadata.get(key);
		if (value === undefined && !this.#lists.has(key)) return undefined;
		const number = typeof value === "bigint" ? Number(value) : value;
		if (typeof number !== "number" || !Number.isSafeInteger(number) || number < least || number > most)
			throw new GgufError(`${key} is not a whole number from ${least} to ${most}`);
		return number;
	}

	required(key: string, least: number, most: number): number {
		const value = this.whole(key, least, most);
		if (value === undefined) throw new GgufError(`${key} is missing`);
		return value;
	}
}

function refused(reason: string): FreeholdError {
	return new FreeholdError("engine.modelInvalid", { reason });
}
