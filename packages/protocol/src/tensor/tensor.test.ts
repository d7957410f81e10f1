import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FreeholdError } from "../errors/freehold-error.js";
import { type Dtype, dtypes } from "./dtype.js";
import { fromFloat16Bits, toFloat16Bits } from "./float16.js";
import { parseInputs, parseTensors, tensorElements, tensorFromElements, tensorsToJson, tensorToJson } from "./json.js";
import { canonicalizeNans } from "./nan.js";
import { checkTensors } from "./schema.js";
import { commitTensor, type Tensor, type TensorSpec } from "./tensor.js";

const deep = process.env["FREEHOLD_DEEP"] === "1";
const matrix: TensorSpec = { name: "X", dtype: "float32", shape: ["batch", 3] };
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function refusal(work: () => unknown): string {
	try {
		work();
	} catch (error) {
		if (error instanceof FreeholdError) return `${error.code}: ${error.message}`;
		throw error;
	}
	throw new Error("nothing was refused");
}

const elementOf: { readonly [dtype in Dtype]: fc.Arbitrary<unknown> } = {
	float16: fc.integer({ min: 0, max: 0xffff }).map((bits) => spell(fromFloat16Bits(bits))),
	float32: fc.float().map(spell),
	float64: fc.double().map(spell),
	int8: fc.integer({ min: -128, max: 127 }),
	int16: fc.integer({ min: -32_768, max: 32_767 }),
	int32: fc.integer(),
	int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
	uint8: fc.integer({ min: 0, max: 255 }),
	uint16: fc.integer({ min: 0, max: 65_535 }),
	uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
	uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
	bool: fc.boolean(),
	string: fc.string({ unit: "grapheme" }),
};

function spell(value: number): number | string {
	return Object.is(value, -0) ? "-0" : Number.isFinite(value) ? value : String(value);
}

describe("the two spellings of a tensor", () => {
	it.each(dtypes)("%s survives a list and base64 through JSON text", (dtype) => {
		fc.assert(
			fc.property(fc.array(elementOf[dtype], { maxLength: 12 }), (elements) => {
				const tensor = tensorFromElements(dtype, [elements.length], elements);
				expect(tensorElements(tensor)).toEqual(elements);
				for (const form of ["list", "base64"] as const) {
					const text = JSON.stringify(tensorsToJson({ t: tensor }, form));
					const back = parseTensors(JSON.parse(text)).t as Tensor;
					expect(back.shape).toEqual(tensor.shape);
					expect(hex(back.bytes)).toBe(hex(tensor.bytes));
				}
			}),
			{ numRuns: deep ? 5_000 : 60 },
		);
	});

	it("commits to the little-endian bytes, never to the JSON", () => {
		const tensor = tensorFromElements("float32", [2], [1, -2.5]);
		expect(hex(tensor.bytes)).toBe("0000803f000020c0");
		expect(commitTensor(tensor)).toEqual({
			dtype: "float32",
			shape: [2],
			sha256: `0x${createHash("sha256").update(tensor.bytes).digest("hex")}`,
			bytes: 8,
		});
	});

	it("commits to strings as lengths and UTF-8", () => {
		expect(hex(tensorFromElements("string", [2], ["é", ""]).bytes)).toBe("02000000c3a900000000");
	});

	it("spells what JSON cannot hold as text", () => {
		const tensor = tensorFromElements("float64", [4], ["NaN", "Infinity", "-Infinity", "-0"]);
		expect(tensorToJson(tensor, "list").data).toEqual(["NaN", "Infinity", "-Infinity", "-0"]);
		expect(hex(tensor.bytes)).toBe("000000000000f87f000000000000f07f000000000000f0ff0000000000000080");
	});

	it("holds every binary16 value and rounds to the nearest, ties to even", () => {
		for (let bits = 0; bits < 0x10000; bits++) {
			const value = fromFloat16Bits(bits);
			if (!Number.isNaN(value)) expect(toFloat16Bits(value)).toBe(bits);
		}
		expect(toFloat16Bits(2049)).toBe(toFloat16Bits(2048));
		expect(toFloat16Bits(2051)).toBe(toFloat16Bits(2052));
		expect(toFloat16Bits(65_519)).toBe(0x7bff);
		expect(toFloat16Bits(65_520)).toBe(0x7c00);
		expect(toFloat16Bits(2 ** -25)).toBe(0);
		expect(toFloat16Bits(2 ** -14 - 2 ** -26)).toBe(0x0400);
	});
});

describe("nested lists against a schema", () => {
	it("takes the length of a symbolic dimension from the list", () => {
		const inputs = parseInputs(
			{
				X: [
					[1, 2, 3],
					[4, 5, 6],
				],
			},
			[matrix],
		);
		expect(inputs.X?.shape).toEqual([2, 3]);
		expect(tensorElements(inputs.X as Tensor)).toEqual([1, 2, 3, 4, 5, 6]);
	});

	it("takes a bare value for a scalar and keeps explicit tensors as they are", () => {
		const specs: TensorSpec[] = [
			{ name: "k", dtype: "int64", shape: [] },
			{ name: "free", dtype: "bool", shape: null },
		];
		const inputs = parseInputs({ k: 7, free: { dtype: "bool", shape: [1, 1], data: [true] } }, specs);
		expect(tensorElements(inputs.k as Tensor)).toEqual(["7"]);
		expect(inputs.free?.shape).toEqual([1, 1]);
	});

	it.each([
		["a missing input", {}, "X: expected float32 [batch, 3], given nothing"],
		["a stranger", { X: [[1, 2, 3]], Y: [] }, "Y: expected inputs named X, given an input the model does not take"],
		["another rank", { X: [1, 2, 3] }, "X: expected float32 [batch, 3], given a list of shape [3]"],
		["another length", { X: [[1, 2]] }, "X: expected float32 [batch, 3], given float32 [1, 2]"],
		["another dtype", { X: { dtype: "float64", shape: [1, 3], data: [1, 2, 3] } }, "X: expected float32 [batch, 3], given float64 [1, 3]"],
		["ragged lists", { X: [[1, 2, 3], [4]] }, "X: expected float32 [batch, 3] with lists of equal length, given 3 in one place and 1 in another"],
		["a list too deep", { X: [[1, 2, [3]]] }, "X: expected float32 [batch, 3] with lists of equal depth, given a deeper list"],
		["a value of another type", { X: [[1, 2, "three"]] }, 'X: expected values of float32, given "three" at element 2'],
		["a number that does not fit", { X: [[1, 2, 1e39]] }, "X: expected values of float32, given 1e+39 at element 2"],
		["a scalar for a matrix", { X: 5 }, "X: expected float32 [batch, 3], given 5"],
	])("refuses %s by name", (_what, inputs, message) => {
		expect(refusal(() => parseInputs(inputs, [matrix]))).toBe(`engine.inputInvalid: Input ${message}.`);
	});

	it("makes equal symbols agree over all inputs", () => {
		const specs: TensorSpec[] = [matrix, { name: "mask", dtype: "bool", shape: ["batch"] }];
		expect(refusal(() => parseInputs({ X: [[1, 2, 3]], mask: [true, false] }, specs))).toContain("with batch = 1, as in X, given batch = 2");
		expect(() => checkTensors(parseInputs({ X: [[1, 2, 3]], mask: [true] }, specs), specs)).not.toThrow();
	});

	it("does not mistake a name for a property of objects", () => {
		const specs: TensorSpec[] = [{ name: "__proto__", dtype: "uint8", shape: [1] }];
		const inputs = parseInputs(JSON.parse('{"__proto__":[3]}'), specs);
		expect(Object.keys(inputs)).toEqual(["__proto__"]);
		expect(refusal(() => parseInputs({}, [{ name: "toString", dtype: "uint8", shape: [1] }]))).toContain("given nothing");
	});
});

describe("refusals of spellings", () => {
	const one = (item: unknown) => refusal(() => parseTensors({ t: item }));
	it.each([
		["base64 without padding", { dtype: "uint8", shape: [1], data: "base64:AA" }, "canonical padded base64"],
		["base64 with stray bits", { dtype: "uint8", shape: [1], data: "base64:AB==" }, "canonical padded base64"],
		["bytes of another length", { dtype: "uint16", shape: [1], data: "base64:AA==" }, "2 bytes for uint16 [1], given 1 bytes"],
		["a bool that is neither", { dtype: "bool", shape: [1], data: "base64:Ag==" }, "bytes 0 and 1"],
		["another NaN", { dtype: "float32", shape: [1], data: "base64:AQDAfw==" }, "the canonical NaN"],
		["text that is no UTF-8", { dtype: "string", shape: [1], data: "base64:AQAAAP8=" }, "1 strings"],
		["a string too long for its bytes", { dtype: "string", shape: [1], data: "base64://///w==" }, "1 strings"],
		["a lone surrogate", { dtype: "string", shape: [1], data: ["\ud800"] }, "well-formed Unicode"],
		["a 64-bit integer with a leading zero", { dtype: "int64", shape: [1], data: ["01"] }, "values of int64"],
		["a 64-bit integer out of range", { dtype: "uint64", shape: [1], data: ["18446744073709551616"] }, "values of uint64"],
		["a fraction for an integer", { dtype: "int8", shape: [1], data: [0.5] }, "values of int8"],
		["an unknown member", { dtype: "int8", shape: [1], data: [1], note: "" }, 'a member "note"'],
		["an unknown dtype", { dtype: "bfloat16", shape: [1], data: [1] }, "a known dtype"],
		["a negative length", { dtype: "int8", shape: [-1], data: [] }, "a shape of whole numbers"],
		["a huge shape", { dtype: "int8", shape: [2 ** 40, 0], data: [] }, "elements"],
		["a shape whose product overflows", { dtype: "int8", shape: Array(16).fill(2 ** 22), data: [] }, "elements"],
		["too many dimensions", { dtype: "int8", shape: Array(17).fill(1), data: [1] }, "more than 16 dimensions"],
		["a list for a tensor", [1], "an object with dtype, shape and data"],
	])("refuses %s", (_what, item, message) => {
		expect(one(item)).toContain(message);
	});

	it("bounds all tensors together", () => {
		const half = { dtype: "uint8", shape: [6], data: "base64:AAAAAAAA" };
		const tight = { maxTensors: 2, maxRank: 4, maxElements: 11, maxBytes: 100 };
		expect(refusal(() => parseTensors({ a: half, b: half }, tight))).toContain("more than 11 elements");
		expect(refusal(() => parseTensors({ a: half, b: half, c: half }, tight))).toContain("more than 2 tensors");
		expect(refusal(() => parseTensors({ a: half, b: half }, { ...tight, maxElements: 99, maxBytes: 11 }))).toContain("request.tooLarge");
	});

	it("never throws anything but a refusal on arbitrary JSON", () => {
		fc.assert(
			fc.property(fc.jsonValue(), (value) => {
				for (const work of [() => parseTensors(value), () => parseInputs(value, [matrix]), () => parseInputs({ X: value }, [matrix])]) {
					try {
						work();
					} catch (error) {
						expect(error).toBeInstanceOf(FreeholdError);
					}
				}
			}),
			{ numRuns: deep ? 100_000 : 300 },
		);
	});
});

it("rewrites every NaN to the canonical one and leaves all else", () => {
	const floats = new Uint32Array([0xffc00001, 0x7f800001, 0x7f800000, 0xff800000, 0x3f800000]);
	canonicalizeNans("float32", new Uint8Array(floats.buffer));
	expect([...floats]).toEqual([0x7fc00000, 0x7fc00000, 0x7f800000, 0xff800000, 0x3f800000]);
	const doubles = new BigUint64Array([0xfff0000000000001n, 0x7ff0000000000000n]);
	canonicalizeNans("float64", new Uint8Array(doubles.buffer));
	expect([...doubles]).toEqual([0x7ff8000000000000n, 0x7ff0000000000000n]);
	const halves = new Uint16Array([0xfe01, 0x7c00]);
	canonicalizeNans("float16", new Uint8Array(halves.buffer));
	expect([...halves]).toEqual([0x7e00, 0x7c00]);
});
