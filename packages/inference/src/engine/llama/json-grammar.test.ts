import { FreeholdError, type JsonValue } from "@freehold/protocol";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { type LlamaAddon, loadAddon } from "./addon.js";
import { JsonGrammar, jsonText, schemaLimits } from "./json-grammar.js";

const deep = process.env["FREEHOLD_DEEP"] === "1";
let addon: LlamaAddon;
beforeAll(async () => {
	({ addon } = await loadAddon());
});

const bounds = { textChars: 20, listItems: 4 };

/** Whether llama.cpp itself, given the grammar of a schema, takes a text to its end. */
function takes(schema: JsonValue, strict = true): (text: string) => boolean {
	const grammar = new JsonGrammar(bounds);
	const text = grammar.write(grammar.schema(schema, strict, "it"));
	const compiled = new addon.AddonGrammar(text, { addonExports: addon, rootRuleName: "root" }) as unknown as { isTextCompatible(text: string): boolean };
	return (value) => compiled.isTextCompatible(value);
}

const person = {
	type: "object",
	properties: { name: { type: "string" }, age: { type: "integer" }, 'odd "key"': { type: "boolean" } },
	required: ["age"],
	additionalProperties: false,
};

describe("the grammar of a schema", () => {
	it.each<[string, JsonValue, readonly string[], readonly string[]]>([
		["a text", { type: "string" }, ['""', '"für 🏡"', '"\\n\\u00e9"', `"${"x".repeat(20)}"`], ['"', "x", '"a\nb"', '"\\x"', `"${"x".repeat(21)}"`]],
		["a text with bounds", { type: "string", minLength: 2, maxLength: 3 }, ['"ab"', '"abc"'], ['"a"', '"abcd"']],
		["a whole number", { type: "integer" }, ["0", "-7", "999999999999999"], ["01", "1.0", "--1", "1234567890123456", ""]],
		["a number", { type: "number" }, ["0", "-0.5", "1e10", "3.25E-2"], [".5", "1.", "1e9999", "NaN"]],
		["a truth", { type: "boolean" }, ["true", "false"], ["True", "1"]],
		["nothing", { type: "null" }, ["null"], ["", "nil"]],
		["some values", { enum: ["a", 1, null, { b: [true] }] }, ['"a"', "1", "null", '{"b": [true]}'], ['"b"', '{"b":[true]}']],
		["one value", { const: "x" }, ['"x"'], ['"y"']],
		["several types", { type: ["integer", "null"] }, ["1", "null"], ['"1"']],
		["one of several schemas", { anyOf: [{ type: "integer" }, { type: "string" }] }, ["1", '"1"'], ["null"]],
		["a list", { type: "array", items: { type: "integer" } }, ["[]", "[1]", "[1, 2, 3, 4]"], ["[1,2]", "[1, 2, 3, 4, 5]", "[1, ]", '["1"]']],
		["a list with bounds", { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 3 }, ["[1, 2]", "[1, 2, 3]"], ["[]", "[1]", "[1, 2, 3, 4]"]],
		["a list of nothing", { type: "array", maxItems: 0 }, ["[]"], ["[1]"]],
		[
			"an object",
			person,
			['{"age": 1}', '{"name": "x", "age": 1}', '{"name": "x", "age": 1, "odd \\"key\\"": true}'],
			["{}", '{"age": 1, "name": "x"}', '{"age":1}', '{"age": 1, }', '{"age": 1, "b": 2}'],
		],
		[
			"an object of optional members",
			{ type: "object", properties: { a: { type: "null" }, b: { type: "null" } } },
			["{}", '{"a": null}', '{"b": null}', '{"a": null, "b": null}'],
			['{"b": null, "a": null}', '{, "b": null}'],
		],
		["an empty object", { type: "object", properties: {} }, ["{}"], ['{"a": 1}']],
		["any object", { type: "object" }, ["{}", '{"a": [1, {"b": null}]}'], ["[]", "1"]],
		["anything", {}, ["1", "[]", '{"a": "b"}'], ["", "x"]],
		["a schema by reference", { $ref: "#/$defs/n", $defs: { n: { type: "integer" } } }, ["5"], ['"5"']],
		[
			"a tree",
			{
				$ref: "#/$defs/t",
				$defs: {
					t: { type: "object", properties: { v: { type: "integer" }, next: { anyOf: [{ $ref: "#/$defs/t" }, { type: "null" }] } }, required: ["v", "next"] },
				},
			},
			['{"v": 1, "next": null}', '{"v": 1, "next": {"v": 2, "next": null}}'],
			['{"v": 1}'],
		],
	])("of %s takes what fits and nothing else", (_, schema, good, bad) => {
		const fits = takes(schema);
		expect(good.filter((text) => !fits(text))).toEqual([]);
		expect(bad.filter((text) => fits(text))).toEqual([]);
	});

	it.each<[string, JsonValue, boolean, string]>([
		["a key word that no grammar keeps, in strict", { type: "string", pattern: "^a" }, true, "uses pattern"],
		["a type that JSON does not have", { type: "date" }, false, "no type of JSON"],
		["no schema", 7, false, "must be a schema"],
		["an empty enum", { enum: [] }, false, "enum must be a list"],
		["a reference into nothing", { $ref: "#/$defs/x" }, false, "points to nothing"],
		["a reference to elsewhere", { $ref: "https://example.org/schema" }, false, "into the same schema"],
		["a required member without a schema", { type: "object", properties: {}, required: ["a"] }, false, "names of properties"],
		["bounds that exclude each other", { type: "string", minLength: 3, maxLength: 2 }, false, "below its minLength"],
		["a least length beyond all bounds", { type: "string", minLength: 100_000 }, false, `at most ${schemaLimits.repetitions}`],
		["a depth beyond all bounds", deepSchema(40), false, "nested deeper"],
		["texts that are too long together", longTexts(50), false, "longer together"],
		["more rules than anybody needs", wideObject(1_200), false, "rules"],
		["choices that multiply", ambiguous(5), false, "ways open at once"],
	])("is refused for %s", (_, schema, strict, words) => {
		const compile = (): unknown => new JsonGrammar(bounds).schema(schema, strict, "it");
		expect(compile).toThrow(FreeholdError);
		expect(compile).toThrow(words);
	});

	it("of a circle without text is refused by the engine, not followed", () => {
		expect(() => takes({ $ref: "#/$defs/a", $defs: { a: { anyOf: [{ $ref: "#/$defs/a" }, { type: "null" }] } } })).toThrow();
	});

	it("takes every value that fits, of any schema", () => {
		fc.assert(
			fc.property(schemaAndValue(3), ([schema, value]) => {
				expect(takes(schema)(jsonText(value))).toBe(true);
			}),
			{ numRuns: deep ? 3_000 : 60 },
		);
	});
});

function deepSchema(depth: number): JsonValue {
	return depth === 0 ? { type: "null" } : { type: "array", items: deepSchema(depth - 1) };
}

function longTexts(count: number): JsonValue {
	return {
		type: "object",
		properties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, { type: "string", maxLength: 1_000 + index }])),
	};
}

function wideObject(count: number): JsonValue {
	return { type: "object", properties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, { enum: [index] }])) };
}

/** Each level leaves ten ways open, all of them alike in what comes first. */
function ambiguous(depth: number): JsonValue {
	if (depth === 0) return { type: "string" };
	return { anyOf: Array.from({ length: 10 }, (_, index) => ({ type: "array", items: ambiguous(depth - 1), maxItems: index + 1 })) };
}

function schemaAndValue(depth: number): fc.Arbitrary<[JsonValue, JsonValue]> {
	const leaf: fc.Arbitrary<[JsonValue, JsonValue]> = fc.oneof(
		fc.tuple(fc.constant<JsonValue>({ type: "integer" }), fc.integer()),
		fc.tuple(fc.constant<JsonValue>({ type: "boolean" }), fc.boolean()),
		fc.tuple(fc.constant<JsonValue>({ type: "null" }), fc.constant(null)),
		fc.tuple(fc.constant<JsonValue>({ type: "string" }), fc.string({ maxLength: 20 })),
		fc.string({ maxLength: 8 }).map((text): [JsonValue, JsonValue] => [{ enum: [text, 1] }, text]),
	);
	if (depth === 0) return leaf;
	const inner = schemaAndValue(depth - 1);
	return fc.oneof(
		leaf,
		inner.map(([schema, value]): [JsonValue, JsonValue] => [{ type: "array", items: schema, maxItems: 3 }, [value, value]]),
		fc
			.uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 6 }), inner, fc.boolean()), { maxLength: 3, selector: ([key]) => key })
			.map((members): [JsonValue, JsonValue] => {
				const kept = members.filter(([key]) => key !== "__proto__" && !/^\d+$/.test(key));
				return [
					{
						type: "object",
						properties: Object.fromEntries(kept.map(([key, [schema]]) => [key, schema])),
						required: kept.filter(([, , required]) => required).map(([key]) => key),
					},
					Object.fromEntries(kept.filter(([, , required]) => required).map(([key, [, value]]) => [key, value])),
				];
			}),
	);
}
