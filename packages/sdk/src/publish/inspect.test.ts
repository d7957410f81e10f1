import { defaultCrypto } from "@freehold/proofs";
import { defaultHashes, FreeholdError, modelFormats, parseManifest, schemaDigest } from "@freehold/protocol";
import { describe, expect, it } from "vitest";
import { string } from "../../../../testing/gguf/gguf-builder.js";
import { tinyLlama } from "../../../../testing/gguf/tiny-llama.js";
import { linear } from "../../../../testing/onnx/models.js";
import { inspectModel } from "./inspect.js";
import { preparePublication } from "./prepare.js";

const provider = { version: 1, provider: "openai", model: "some-model", abilities: { contextTokens: 128_000, tasks: ["chat"], tools: true } };
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe("a model file", () => {
	it("is told by its content", () => {
		expect(inspectModel(linear()).format).toBe("onnx");
		expect(inspectModel(tinyLlama())).toMatchObject({
			format: "gguf",
			architecture: "llama",
			quantization: "F32",
			abilities: { contextTokens: 512, tasks: ["chat", "completion", "embedding"], tools: true },
		});
		expect(inspectModel(tinyLlama({ chatTemplate: null }))).toMatchObject({ abilities: { tasks: ["completion", "embedding"], tools: false } });
		expect(inspectModel(json(provider))).toMatchObject({ format: "upstream", provider: "openai", model: "some-model" });
	});

	it.each([
		["a part of a model", tinyLlama({ metadata: { "general.type": string("adapter") } }), "of type adapter"],
		["a provider's model without its abilities", json({ ...provider, abilities: undefined }), "text: must be an object"],
		["a provider that has no plain name", json({ ...provider, provider: "https://x" }), "provider"],
		["a provider's model with a field that nobody knows", json({ ...provider, apiKey: "k" }), "apiKey is not known"],
	])("is refused when it is %s", (_, bytes, words) => {
		expect(() => inspectModel(bytes)).toThrow(FreeholdError);
		expect(() => inspectModel(bytes)).toThrow(words);
	});

	it.each([
		["GGUF", tinyLlama(), "gguf", "model.gguf"],
		["a provider's model", json(provider), "upstream", "model.json"],
	] as const)("of %s is published with what it can be asked, by prices per token", (_, model, format, path) => {
		const price = { perCall: 0n, perInputUnit: 3n, perOutputUnit: 12n };
		const { manifest, data, blobs } = preparePublication({ name: "ada/words", model, price }, defaultCrypto);
		expect(manifest).toMatchObject({ format, inputs: [], outputs: [], text: { tools: true }, files: [{ path, bytes: model.length }] });
		const written = blobs.at(-1)?.bytes;
		expect(parseManifest(new TextDecoder().decode(written instanceof Uint8Array ? written : undefined))).toEqual(manifest);
		expect(data).toMatchObject({ format: modelFormats[format], modes: 1, inputSchema: schemaDigest([], defaultHashes) });
	});
});
