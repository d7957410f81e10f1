/** Readers of the protocol's own forms under damaged input: RLP, canonical JSON, tensors, manifests. */

import { join } from "node:path";
import {
	canonicalJson,
	decodeEvmHeader,
	decodeRlp,
	dtypes,
	encodeEvmHeader,
	encodeRlp,
	equalBytes,
	FreeholdError,
	isManifestPath,
	type Manifest,
	manifestText,
	parseInputs,
	parseManifest,
	parseModelName,
	parseTensors,
	type RlpItem,
	type TensorSpec,
	tensorsToJson,
	utf8,
} from "@freehold/protocol";
import fc from "fast-check";
import { mutateBytes } from "./fuzz/bytes.ts";
import { fuzz, type Target } from "./fuzz/fuzzer.ts";
import { type Json, mutateJson, mutateJsonText } from "./fuzz/json.ts";
import type { Random } from "./fuzz/random.ts";

const sample = <T>(arbitrary: fc.Arbitrary<T>, random: Random, numRuns = 300): T[] => fc.sample(arbitrary, { seed: random.bits() | 0, numRuns });
const isOurs = (error: unknown): boolean => error instanceof FreeholdError && error.entry.status < 500;

const rlpItem = fc.letrec<{ item: RlpItem }>((tie) => ({
	item: fc.oneof({ maxDepth: 4, withCrossShrink: false }, fc.uint8Array({ maxLength: 70 }), fc.array(tie("item"), { maxLength: 5 })),
})).item;

const header = encodeEvmHeader({
	parentHash: new Uint8Array(32).fill(1),
	ommersHash: new Uint8Array(32),
	beneficiary: new Uint8Array(20),
	stateRoot: new Uint8Array(32).fill(2),
	transactionsRoot: new Uint8Array(32),
	receiptsRoot: new Uint8Array(32),
	logsBloom: new Uint8Array(256),
	difficulty: 0n,
	number: 77n,
	gasLimit: 100_000_000n,
	gasUsed: 21_000n,
	timestamp: 1_760_000_000n,
	extraData: utf8("freehold"),
	prevRandao: new Uint8Array(32),
	nonce: new Uint8Array(8),
	baseFeePerGas: 7n,
	withdrawalsRoot: new Uint8Array(32),
	blobGasUsed: 0n,
	excessBlobGas: 0n,
	parentBeaconBlockRoot: new Uint8Array(32),
	requestsHash: new Uint8Array(32),
});

const rlp: Target<Uint8Array> = {
	name: "RLP",
	seeds: (random) => [header, ...sample(rlpItem, random).map(encodeRlp)],
	mutate: mutateBytes,
	read: (bytes) => {
		if (!equalBytes(encodeRlp(decodeRlp(bytes)), bytes)) throw new Error("two spellings of one value");
		return true;
	},
	isRefusal: (error) => error instanceof SyntaxError,
};

const evmHeader: Target<Uint8Array> = {
	name: "EVM headers",
	seeds: () => [header],
	mutate: mutateBytes,
	read: (bytes) => {
		if (!equalBytes(encodeEvmHeader(decodeEvmHeader(bytes)), bytes)) throw new Error("two spellings of one header");
		return true;
	},
	isRefusal: (error) => error instanceof SyntaxError,
};

const canonical: Target<Json> = {
	name: "canonical JSON",
	seeds: (random) => sample(fc.jsonValue({ maxDepth: 5 }) as fc.Arbitrary<Json>, random).filter((value) => !/\\ud[89a-f]/.test(JSON.stringify(value))),
	mutate: mutateJson,
	read: (value) => {
		const text = canonicalJson(value);
		const back: unknown = JSON.parse(text);
		if (canonicalJson(back) !== text) throw new Error("its own text is spelt otherwise");
		// JSON itself writes -0 as 0.
		if (JSON.stringify(sorted(back as Json)) !== JSON.stringify(sorted(value))) throw new Error("the text means something else");
		return true;
	},
	isRefusal: (error) => error instanceof TypeError && error.message.startsWith("JSON"),
};

function sorted(value: Json): Json {
	if (Array.isArray(value)) return value.map(sorted);
	if (typeof value !== "object" || value === null) return value;
	return Object.entries(value)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([key, member]) => [key, sorted(member as Json)]);
}

const numbers = fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 12 });
const flat = fc.record({ dtype: fc.constantFrom(...dtypes.filter((dtype) => !["string", "bool", "int64", "uint64"].includes(dtype))), data: numbers });
const tensorRecord = fc.dictionary(
	fc.constantFrom("X", "a", "scores", "__proto__"),
	fc.oneof(
		flat.map(({ dtype, data }) => ({ dtype, shape: [data.length], data })),
		numbers.map((data) => ({ dtype: "int64", shape: [1, data.length], data: data.map(String) })),
		fc.array(fc.string({ unit: "grapheme" }), { maxLength: 4 }).map((data) => ({ dtype: "string", shape: [data.length], data })),
		fc.constant({ dtype: "float32", shape: [2], data: "base64:AAAAAAAAgD8=" }),
		fc.constant({ dtype: "float64", shape: [], data: ["NaN"] }),
	),
	{ maxKeys: 3, noNullPrototype: true },
) as fc.Arbitrary<Json>;

const tensors: Target<Json> = {
	name: "tensors",
	seeds: (random) => sample(tensorRecord, random),
	mutate: mutateJson,
	read: (value) => {
		const read = parseTensors(value);
		for (const form of ["base64", "list"] as const) {
			const again = parseTensors(JSON.parse(JSON.stringify(tensorsToJson(read, form))));
			const [names, namesAgain] = [Object.keys(read), Object.keys(again)];
			if (names.join("\0") !== namesAgain.join("\0")) throw new Error(`as ${form}: other names`);
			for (const name of names)
				if (!equalBytes(read[name]?.bytes ?? utf8("none"), again[name]?.bytes ?? utf8("lost"))) throw new Error(`as ${form}: ${name} has other bytes`);
		}
		return true;
	},
	isRefusal: isOurs,
};

const specs: readonly TensorSpec[] = [
	{ name: "X", dtype: "float32", shape: ["batch", 2] },
	{ name: "ids", dtype: "int64", shape: [null] },
	{ name: "words", dtype: "string", shape: ["batch"] },
	{ name: "free", dtype: "bool", shape: null },
];
const inputs: Target<Json> = {
	name: "inputs of a call",
	seeds: () => [
		{ X: [[1, 2]], ids: ["1", "-5"], words: ["ü"], free: { dtype: "bool", shape: [2], data: [true, false] } },
		{
			X: [
				[1, "NaN"],
				[0.5, 2],
			],
			ids: [],
			words: ["", "b"],
			free: { dtype: "bool", shape: [], data: [true] },
		},
		{ X: { dtype: "float32", shape: [1, 2], data: "base64:AACAPwAAAEA=" }, ids: ["0"], words: ["a"], free: { dtype: "bool", shape: [0], data: [] } },
	],
	mutate: mutateJson,
	read: (value) => {
		const read = parseInputs(value, specs);
		if (read["X"]?.shape[0] !== read["words"]?.shape[0]) throw new Error("equal symbols stand for other lengths");
		if (read["X"]?.bytes.length !== 8 * (read["X"]?.shape[0] ?? -1)) throw new Error("bytes that the shape does not say");
		return true;
	},
	isRefusal: isOurs,
};

const manifests: readonly Manifest[] = [
	{
		version: 1,
		release: "base/digits@1.0",
		format: "onnx",
		files: [
			{ path: "model.onnx", sha256: `0x${"ab".repeat(32)}`, bytes: 12_345 },
			{ path: "docs/card.md", sha256: `0x${"cd".repeat(32)}`, bytes: 0 },
		],
		inputs: [{ name: "image", dtype: "float32", shape: ["batch", 1, 8, 8] }],
		outputs: [{ name: "scores", dtype: "float32", shape: [null, 10] }],
		licence: "Apache-2.0",
		title: "Digits",
		task: "image-classification",
		tags: ["digits", "small"],
	},
	{
		version: 1,
		release: "a/b@0.1",
		format: "gguf",
		files: [{ path: "m.gguf", sha256: `0x${"00".repeat(32)}`, bytes: 1 }],
		inputs: [],
		outputs: [],
		text: { contextTokens: 4096, tasks: ["chat"], tools: false },
		licence: "LicenseRef-LICENSE",
	},
];
const manifest: Target<string> = {
	name: "manifests",
	seeds: () => manifests.map(manifestText),
	mutate: (text, random) => {
		const value = JSON.parse(text) as Json;
		if (random.chance(0.2)) return mutateJsonText(value, random, VALUES);
		const changed = mutateJson(value, random, VALUES);
		try {
			// In canonical form, so that it is judged by what it says.
			return canonicalJson(changed);
		} catch {
			return JSON.stringify(changed);
		}
	},
	read: (text) => {
		const read = parseManifest(text);
		if (manifestText(read) !== text) throw new Error("another spelling was accepted");
		if (parseModelName(read.release)?.version === undefined) throw new Error("a release without version");
		for (const { path } of read.files) {
			if (!isManifestPath(path) || !join("/models/here", path).startsWith("/models/here/")) throw new Error(`the path ${path} leaves its folder`);
		}
		for (const { dtype } of [...read.inputs, ...read.outputs]) if (!dtypes.includes(dtype)) throw new Error(`no engine knows the dtype ${dtype}`);
		for (const list of [read.inputs, read.outputs])
			if (new Set(list.map(({ name }) => name)).size !== list.length) throw new Error("two tensors have one name");
		return true;
	},
	isRefusal: isOurs,
};
const VALUES: readonly Json[] = ["../../etc/passwd", "model.onnx", "float32", "base/digits@1.0", ["chat"], 4096, { path: "x", bytes: 1 }];

fuzz(rlp, evmHeader, canonical, tensors, inputs, manifest);
