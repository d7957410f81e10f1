import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bool, buildGguf, floats, type GgufParts, i32s, type MetaValue, string, strings, u32 } from "../../../../testing/gguf/gguf-builder.js";
import { tinyLlama } from "../../../../testing/gguf/tiny-llama.js";
import { FreeholdError } from "../errors/freehold-error.js";
import { type GgufModel, ggufLimits, inspectGguf, inspectGgufFile, isGguf } from "./gguf.js";

const deep = process.env["FREEHOLD_DEEP"] === "1";
const row = { name: "token_embd.weight", dimensions: [4, 2], data: floats([1, 2, 3, 4, 5, 6, 7, 8]) };
const least: GgufParts = {
	metadata: {
		"general.architecture": string("llama"),
		"llama.context_length": u32(128),
		"llama.embedding_length": u32(4),
		"llama.block_count": u32(1),
		"tokenizer.ggml.model": string("gpt2"),
		"tokenizer.ggml.tokens": strings(["a", "b"]),
	},
	tensors: [row],
};
const withMeta = (metadata: Readonly<Record<string, MetaValue>>): Uint8Array => buildGguf({ ...least, metadata: { ...least.metadata, ...metadata } });
const without = (key: string): Uint8Array => {
	const { [key]: _, ...metadata } = least.metadata;
	return buildGguf({ ...least, metadata });
};
const withTensor = (change: object): Uint8Array => buildGguf({ ...least, tensors: [{ ...row, ...change }] });
/** A type, then bytes: what no builder of good files writes. */
const raw = (type: number, ...bytes: number[]): MetaValue => ({ type: "raw", value: Uint8Array.of(type, 0, 0, 0, ...bytes) });

describe("a GGUF file", () => {
	it("says what it is and what it can be asked", () => {
		const bytes = tinyLlama();
		const model = inspectGguf(bytes);
		expect(model).toMatchObject({
			version: 3,
			architecture: "llama",
			name: "tiny",
			contextTokens: 512,
			embeddingSize: 32,
			layers: 2,
			tokenizer: { model: "gpt2", tokens: 263 },
			tensors: 21,
			parameters: 35_424n,
			quantization: "F32",
			sizeBytes: bytes.length,
			abilities: { contextTokens: 512, tasks: ["chat", "completion", "embedding"], tools: true },
		} satisfies Partial<GgufModel>);
		expect(model.chatTemplate).toContain("<|im_start|>");
	});

	it("is read from its head alone", () => {
		const bytes = tinyLlama();
		const headBytes = bytes.length - 35_424 * 4;
		const { sizeBytes, ...head } = inspectGguf(bytes.subarray(0, headBytes), bytes.length);
		expect({ sizeBytes, ...head }).toEqual(inspectGguf(bytes));
	});

	it("is read no further than its head, in steps", async () => {
		const bytes = buildGguf({
			...least,
			metadata: { ...least.metadata, "a.long.list": strings(Array.from({ length: 300 }, () => "x".repeat(5_000))) },
		});
		const file = new Uint8Array(bytes.length + 32 * 1024 * 1024);
		file.set(bytes);
		const reads: number[] = [];
		const read = async (count: number): Promise<Uint8Array> => {
			reads.push(count);
			return file.subarray(0, count);
		};
		const { model, head } = await inspectGgufFile(read, file.length);
		expect(model).toEqual(inspectGguf(file));
		expect([reads, head.length]).toEqual([[1024 ** 2, 4 * 1024 ** 2], 4 * 1024 ** 2]);
		await expect(inspectGgufFile(async (count) => new Uint8Array(count), 9_000_000)).rejects.toThrow("not a GGUF file");
		await expect(inspectGgufFile(async (count) => file.subarray(0, count), 1_200_000)).rejects.toThrow("ends in the middle");
	});

	it.each([
		["without a template serves completions", least, ["completion", "embedding"], false],
		["of a model that reads only makes vectors", { ...least, metadata: { ...least.metadata, ...bertFacts() } }, ["embedding"], false],
		[
			"whose template knows no tools has none",
			{ ...least, metadata: { ...least.metadata, "tokenizer.chat_template": string("{{ messages }}") } },
			["chat", "completion", "embedding"],
			false,
		],
	] as const)("%s", (_, parts, tasks, tools) => {
		expect(inspectGguf(buildGguf(parts)).abilities).toMatchObject({ tasks, tools });
	});

	it.each([
		["something else", new TextEncoder().encode("not a model"), "not a GGUF file"],
		["nothing", new Uint8Array(), "not a GGUF file"],
		["a mark alone", new TextEncoder().encode("GGUF"), "ends in the middle"],
		["version 1", buildGguf({ ...least, version: 1 }), "version 1"],
		["big-endian order", buildGguf({ ...least, version: 3 << 24 }), "little-endian"],
		["a count of keys beyond all bounds", buildGguf({ ...least, keyCount: 1n << 40n }), "the number of keys"],
		["a count of tensors beyond all bounds", buildGguf({ ...least, tensorCount: 2n ** 63n }), "the number of tensors"],
		["fewer keys than it says", buildGguf({ ...least, keyCount: 60n }), "well-formed"],
		["no architecture", without("general.architecture"), "architecture"],
		["no window", without("llama.context_length"), "context_length is missing"],
		["a window of nothing", withMeta({ "llama.context_length": u32(0) }), "context_length"],
		["a window beyond all bounds", withMeta({ "llama.context_length": u32(2 ** 31 - 1) }), "context_length"],
		["a window that is a text", withMeta({ "llama.context_length": string("8") }), "context_length"],
		["no vocabulary", without("tokenizer.ggml.tokens"), "vocabulary"],
		["an empty vocabulary", withMeta({ "tokenizer.ggml.tokens": strings([]) }), "vocabulary"],
		["more types than tokens", withMeta({ "tokenizer.ggml.token_type": i32s([1, 1, 1]) }), "2 tokens and 3 entries"],
		["an adapter", withMeta({ "general.type": string("adapter") }), "adapter"],
		["one part of several", withMeta({ "split.count": u32(3) }), "split over several files"],
		["a model of two halves", withMeta({ "general.architecture": string("t5") }), "encoder"],
		["an image part", withMeta({ "general.architecture": string("clip") }), "image part"],
		["a truth that is neither", withMeta({ x: raw(7, 2) }), "neither true nor false"],
		["a value of no type", withMeta({ x: raw(99, 0) }), "unknown type 99"],
		["a list of lists", withMeta({ x: raw(9, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0) }), "unknown type 9"],
		["a list beyond all bounds", withMeta({ x: raw(9, 4, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 127) }), "the list x"],
		["a text longer than it", withMeta({ x: raw(8, 255, 255, 255, 255, 0, 0, 0, 0) }), "the length of x"],
		["a text that is no UTF-8", withMeta({ x: raw(8, 1, 0, 0, 0, 0, 0, 0, 0, 0xff) }), "UTF-8"],
		["a template beyond all bounds", withMeta({ "tokenizer.chat_template": string("x".repeat(ggufLimits.templateBytes + 1)) }), "chat_template is longer"],
		["an alignment that is none", withMeta({ "general.alignment": u32(48) }), "power of two"],
		["a tensor of no type", withTensor({ type: 77 }), "unknown type 77"],
		["a tensor of a type that was withdrawn", withTensor({ type: 4 }), "unknown type 4"],
		["a tensor without dimensions", withTensor({ dimensions: [] }), "0 dimensions"],
		["a tensor of five dimensions", withTensor({ dimensions: [1, 1, 1, 1, 8] }), "5 dimensions"],
		["an empty tensor", withTensor({ dimensions: [4, 0] }), "is empty"],
		["a tensor larger than any file", withTensor({ dimensions: [2 ** 39, 2 ** 39] }), "larger than any file"],
		["rows that are no whole blocks", withTensor({ type: 8 }), "whole blocks of Q8_0"],
		["a tensor that lies elsewhere", withTensor({ offset: 64n }), "lies at 64, not at 0"],
		["a tensor before the file", withTensor({ offset: 2n ** 64n - 32n }), "lies at"],
		["a tensor beyond the end", withTensor({ dimensions: [4, 2_000] }), "beyond its end"],
		["two tensors of one name", buildGguf({ ...least, tensors: [row, row] }), "two tensors"],
		["no tensors", buildGguf({ ...least, tensors: [] }), "no tensors"],
	])("is refused when it is %s", (_, bytes, words) => {
		expect(() => inspectGguf(bytes)).toThrow(FreeholdError);
		expect(() => inspectGguf(bytes)).toThrow(words);
	});

	it("that repeats a key is refused: readers would differ about it", () => {
		const once = buildGguf(least);
		const key = Buffer.from("general.architecture");
		const at = Buffer.from(once).indexOf(key);
		const twice = Buffer.from(withMeta({ "general.architecturf": string("llama") }));
		twice[twice.indexOf("general.architecturf") + key.length - 1] = once[at + key.length - 1] as number;
		expect(() => inspectGguf(twice)).toThrow("stands twice");
	});

	it("is never anything but read or refused, whatever bits are turned or cut off", () => {
		const good = [tinyLlama({ contextTokens: 64 }), buildGguf({ ...least, metadata: { ...least.metadata, flag: bool(true) } })];
		fc.assert(
			fc.property(
				fc.constantFrom(...good),
				fc.array(fc.tuple(fc.nat(6_000), fc.nat(255)), { maxLength: 6 }),
				fc.option(fc.nat(6_000), { nil: undefined }),
				(source, edits, cut) => {
					const bytes = Uint8Array.from(source);
					for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value;
					const damaged = cut === undefined ? bytes : bytes.subarray(0, cut);
					try {
						const model = inspectGguf(damaged);
						expect(model.sizeBytes).toBe(damaged.length);
						expect(model.contextTokens).toBeLessThanOrEqual(ggufLimits.contextTokens);
					} catch (error) {
						expect(error).toMatchObject({ code: "engine.modelInvalid" });
					}
				},
			),
			{ numRuns: deep ? 100_000 : 1_000 },
		);
	});

	it("is told from other files by its mark", () => {
		expect(isGguf(tinyLlama())).toBe(true);
		expect(isGguf(Uint8Array.of(0x47, 0x47, 0x55))).toBe(false);
	});
});

function bertFacts(): Readonly<Record<string, MetaValue>> {
	return { "general.architecture": string("bert"), "bert.context_length": u32(64), "bert.embedding_length": u32(4), "bert.block_count": u32(1) };
}
