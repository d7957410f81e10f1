/**
 * A language model of the Llama architecture that has learned nothing: random weights, one token for each byte, the prompt format of `freehold/chat`.
 * What it writes is noise, always the same noise; that is enough to see how an engine counts, stops, constrains and cancels.
 */
import { type BuiltTensor, bool, buildGguf, f32, floats, i32s, type MetaValue, string, strings, u32 } from "./gguf-builder.js";

export interface TinyLlamaOptions {
	readonly contextTokens?: number;
	readonly seed?: number;
	/** Null: a model for completions only. */
	readonly chatTemplate?: string | null;
	readonly metadata?: Readonly<Record<string, MetaValue>>;
}

export const controlTokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"] as const;

/** As the format of `freehold/chat` has it. */
export const chatTemplate = [
	"{%- if messages[0].role == 'system' %}{%- set system = messages[0].content %}{%- set turns = messages[1:] %}",
	"{%- else %}{%- set system = '' %}{%- set turns = messages %}{%- endif %}",
	"{%- if system or tools %}{{- '<|im_start|>system\\n' + system }}{%- if tools %}{{- ('\\n\\n' if system else '') + 'Tools:' }}",
	"{%- for tool in tools %}{{- '\\n' + tool.function.name }}{%- if tool.function.description %}{{- ' - ' + tool.function.description }}{%- endif %}{%- endfor %}{%- endif %}",
	"{{- '<|im_end|>\\n' }}{%- endif %}",
	"{%- for message in turns %}{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}",
	"{%- for call in message.tool_calls or [] %}{{- '<tool_call>{\"name\": \"' + call.function.name + '\", \"arguments\": ' + (call.function.arguments | tojson) + '}</tool_call>' }}{%- endfor %}",
	"{{- '<|im_end|>\\n' }}{%- endfor %}",
	"{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}",
].join("");

const SIZE = 32;
const LAYERS = 2;
const HEADS = 4;
const KV_HEADS = 2;
const FEED_FORWARD = 64;

export function tinyLlama({ contextTokens = 512, seed = 1, chatTemplate: template = chatTemplate, metadata = {} }: TinyLlamaOptions = {}): Uint8Array {
	const tokens = [...controlTokens, ...Array.from({ length: 256 }, (_, byte) => byteText(byte)), "th", "Ġt"];
	const types = tokens.map((_, id) => (id < controlTokens.length ? 3 : 1));
	return buildGguf({
		metadata: {
			"general.architecture": string("llama"),
			"general.name": string("tiny"),
			"llama.context_length": u32(contextTokens),
			"llama.embedding_length": u32(SIZE),
			"llama.block_count": u32(LAYERS),
			"llama.feed_forward_length": u32(FEED_FORWARD),
			"llama.attention.head_count": u32(HEADS),
			"llama.attention.head_count_kv": u32(KV_HEADS),
			"llama.attention.layer_norm_rms_epsilon": f32(1e-5),
			"llama.rope.dimension_count": u32(SIZE / HEADS),
			"llama.vocab_size": u32(tokens.length),
			"tokenizer.ggml.model": string("gpt2"),
			"tokenizer.ggml.pre": string("smollm"),
			"tokenizer.ggml.tokens": strings(tokens),
			"tokenizer.ggml.token_type": i32s(types),
			"tokenizer.ggml.merges": strings(["t h", "Ġ t"]),
			"tokenizer.ggml.bos_token_id": u32(0),
			"tokenizer.ggml.eos_token_id": u32(2),
			"tokenizer.ggml.padding_token_id": u32(0),
			"tokenizer.ggml.add_bos_token": bool(false),
			...(template === null ? {} : { "tokenizer.chat_template": string(template) }),
			...metadata,
		},
		tensors: weights(tokens.length, seed),
	});
}

function weights(vocabulary: number, seed: number): BuiltTensor[] {
	const random = generator(seed);
	const matrix = (name: string, columns: number, rows: number): BuiltTensor => ({
		name,
		dimensions: [columns, rows],
		data: floats(Array.from({ length: columns * rows }, () => random() / Math.sqrt(columns))),
	});
	const norm = (name: string): BuiltTensor => ({ name, dimensions: [SIZE], data: floats(Array.from({ length: SIZE }, () => 1)) });
	const kv = (SIZE / HEADS) * KV_HEADS;
	const layers = Array.from({ length: LAYERS }, (_, layer) => [
		norm(`blk.${layer}.attn_norm.weight`),
		matrix(`blk.${layer}.attn_q.weight`, SIZE, SIZE),
		matrix(`blk.${layer}.attn_k.weight`, SIZE, kv),
		matrix(`blk.${layer}.attn_v.weight`, SIZE, kv),
		matrix(`blk.${layer}.attn_output.weight`, SIZE, SIZE),
		norm(`blk.${layer}.ffn_norm.weight`),
		matrix(`blk.${layer}.ffn_gate.weight`, SIZE, FEED_FORWARD),
		matrix(`blk.${layer}.ffn_up.weight`, SIZE, FEED_FORWARD),
		matrix(`blk.${layer}.ffn_down.weight`, FEED_FORWARD, SIZE),
	]);
	const output = matrix("output.weight", SIZE, vocabulary);
	// Marks are never the likeliest token, so that a greedy answer goes on until something ends it.
	output.data.fill(0, 0, controlTokens.length * SIZE * 4);
	return [matrix("token_embd.weight", SIZE, vocabulary), norm("output_norm.weight"), ...layers.flat(), output];
}

/** Standard normal, the same on every machine. */
function generator(seed: number): () => number {
	let state = seed >>> 0;
	const uniform = (): number => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return (state + 0.5) / 2 ** 32;
	};
	return () => Array.from({ length: 12 }, uniform).reduce((sum, value) => sum + value, -6);
}

/** The letter that stands for a byte in byte-level vocabularies. */
function byteText(byte: number): string {
	const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
	if (printable) return String.fromCodePoint(byte);
	let shift = 0;
	for (let other = 0; other < byte; other++) if (!((other >= 33 && other <= 126) || (other >= 161 && other <= 172) || other >= 174)) shift++;
	return String.fromCodePoint(256 + shift);
}
