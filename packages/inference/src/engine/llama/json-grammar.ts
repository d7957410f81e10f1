/**
 * From a JSON Schema to a grammar (GBNF of llama.cpp) that a model's answer cannot leave. White space is fixed, numbers and texts are bounded, so that a small
 * model comes to an end; sizes and choices are bounded too, so that no schema makes the engine slow for others.
 */
import { FreeholdError, type JsonValue } from "@freehold/protocol";

export interface GrammarBounds {
	/** Characters of a text whose schema names no `maxLength`; undefined: none. */
	readonly textChars: number | undefined;
	/** Elements of a list whose schema names no `maxItems`. */
	readonly listItems: number;
}

export const schemaLimits = {
	rules: 1_024,
	grammarChars: 131_072,
	depth: 24,
	/** Ways in which one beginning may go on. */
	alternatives: 256,
	enumValues: 512,
	/** Of one text or list; the engine writes each out as a rule. */
	repetitions: 2_000,
	repetitionsTogether: 20_000,
} as const;

/** Digits before the point: what JSON readers keep exactly. */
const INTEGER = '"-"? ("0" | [1-9] [0-9]{0,14})';
const NUMBER = `${INTEGER} ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?`;
const CHARACTER = String.raw`[^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt/] | "u" [0-9a-fA-F]{4})`;
/** Any JSON value, as deep as an answer in JSON needs. */
const ANY_DEPTH = 5;
const SEPARATOR = '", "';
/** Key words that change which values are good, and that no grammar here keeps. */
const UNKEPT = [
	"pattern",
	"format",
	"patternProperties",
	"propertyNames",
	"minProperties",
	"maxProperties",
	"dependentRequired",
	"dependentSchemas",
	"dependencies",
	"if",
	"then",
	"else",
	"not",
	"contains",
	"uniqueItems",
	"multipleOf",
	"minimum",
	"maximum",
	"exclusiveMinimum",
	"exclusiveMaximum",
	"unevaluatedProperties",
	"unevaluatedItems",
] as const;

type Schema = Readonly<Record<string, JsonValue>>;

/** One language: rules that call each other by name, each written once for equal schemas. */
export class JsonGrammar {
	readonly #bounds: GrammarBounds;
	readonly #rules = new Map<string, string>();
	readonly #names = new Map<string, string>();
	/** Ways in which a rule may go on at once. */
	readonly #widths = new Map<string, number>();
	readonly #schemas = new Map<string, number>();
	#chars = 0;
	#repetitions = 0;

	constructor(bounds: GrammarBounds) {
		this.#bounds = bounds;
		this.#define("char", CHARACTER);
	}

	/** Name of the rule for a schema. Throws `text.schemaRefused` naming `what` and the place. */
	schema(schema: JsonValue, strict: boolean, what: string): string {
		return new SchemaReader(this, this.#bounds, schema, strict, what).read(schema, "", 0);
	}

	/** Name of the rule for any JSON object. */
	anyObject(): string {
		return this.#any(ANY_DEPTH, "object");
	}

	any(): string {
		return this.#any(ANY_DEPTH, "value");
	}

	/** The grammar's text; `root` is a body. Throws `text.schemaRefused` when it is too large. */
	write(root: string): string {
		return [`root ::= ${root}`, ...[...this.#rules].map(([name, body]) => `${name} ::= ${body}`)].join("\n");
	}

	/** Rule for a key, made once. `body` may ask for the rule's own name. */
	rule(key: string, what: string, width: number, body: (name: string) => string): string {
		const known = this.#names.get(key);
		if (known !== undefined) return known;
		const name = `r${this.#names.size}`;
		this.#names.set(key, name);
		this.#widths.set(name, width);
		if (this.#names.size > schemaLimits.rules) throw refused(what, `it needs more than ${schemaLimits.rules} rules`);
		this.#define(name, body(name), what);
		return name;
	}

	width(name: string): number {
		return this.#widths.get(name) ?? 1;
	}

	widen(name: string, width: number): void {
		this.#widths.set(name, width);
	}

	text(minimum: number, maximum: number | undefined, what: string): string {
		const most = maximum ?? this.#bounds.textChars;
		return this.rule(`text ${minimum} ${most}`, what, 1, () => String.raw`"\"" char${this.repeat(minimum, most, what)} "\""`);
	}

	/** Range of repetitions, `most` undefined for any number. */
	repeat(least: number, most: number | undefined, what: string): string {
		this.#repetitions += most === undefined ? least : Math.max(least, most);
		if (this.#repetitions > schemaLimits.repetitionsTogether)
			throw refused(what, `its texts and lists may be longer together than ${schemaLimits.repetitionsTogether}; name smaller maxLength and maxItems`);
		if (most === undefined) return least === 0 ? "*" : `{${least},}`;
		return `{${least},${Math.max(least, most)}}`;
	}

	/** A number for a whole schema, the same for equal ones: what its references mean depends on it. */
	numberOf(schema: JsonValue): number {
		const text = JSON.stringify(schema);
		const number = this.#schemas.get(text) ?? this.#schemas.size;
		this.#schemas.set(text, number);
		return number;
	}

	#any(depth: number, kind: "object" | "list" | "value"): string {
		return this.rule(`any ${kind} ${depth}`, "JSON", 1, () => {
			const text = this.text(0, undefined, "JSON");
			if (kind === "value") {
				const leaf = `${text} | ${NUMBER} | "true" | "false" | "null"`;
				return depth === 0 ? leaf : `${this.#any(depth, "object")} | ${this.#any(depth, "list")} | ${leaf}`;
			}
			const value = this.#any(depth - 1, "value");
			const item = kind === "list" ? value : `${text} ": " ${value}`;
			const [open, close] = kind === "list" ? ['"["', '"]"'] : ['"{"', '"}"'];
			return `${open} (${item} (${SEPARATOR} ${item})${this.repeat(0, this.#bounds.listItems - 1, "JSON")})? ${close}`;
		});
	}

	#define(name: string, body: string, what = "JSON"): void {
		this.#chars += body.length + name.length + 8;
		if (this.#chars > schemaLimits.grammarChars) throw refused(what, `its grammar is longer than ${schemaLimits.grammarChars} characters`);
		this.#rules.set(name, body);
	}
}

class SchemaReader {
	readonly #grammar: JsonGrammar;
	readonly #bounds: GrammarBounds;
	readonly #root: JsonValue;
	readonly #strict: boolean;
	readonly #what: string;
	readonly #number: number;
	/** Names of references that are being read: one of them again is a rule that calls itself. */
	readonly #open = new Set<string>();

	constructor(grammar: JsonGrammar, bounds: GrammarBounds, root: JsonValue, strict: boolean, what: string) {
		this.#grammar = grammar;
		this.#bounds = bounds;
		this.#root = root;
		this.#strict = strict;
		this.#what = what;
		this.#number = grammar.numberOf(root);
	}

	read(schema: JsonValue, path: string, depth: number): string {
		if (depth > schemaLimits.depth) throw this.#refuse(path, `is nested deeper than ${schemaLimits.depth}`);
		if (schema === true || (isObject(schema) && Object.keys(schema).length === 0)) return this.#grammar.any();
		if (!isObject(schema)) throw this.#refuse(path, "must be a schema");
		const reference = schema["$ref"];
		if (reference !== undefined) return this.#reference(reference, path, depth);
		if (this.#strict) {
			const unkept = UNKEPT.find((word) => schema[word] !== undefined);
			if (unkept !== undefined) throw this.#refuse(path, `uses ${unkept}, which no engine here can hold a model to; leave it out, or ask without strict`);
		}
		const text = JSON.stringify(schema);
		// Equal words with a reference may mean different things in another schema. The order of members counts: it is the order of the answer.
		const key = `${this.#strict ? "strict" : "loose"} ${text.includes('"$ref"') ? this.#number : ""} ${text}`;
		return this.#grammar.rule(key, this.#what, 1, (name) => {
			const { body, width } = this.#body(schema, path, depth);
			if (width > schemaLimits.alternatives) throw this.#refuse(path, `leaves more than ${schemaLimits.alternatives} ways open at once`);
			this.#grammar.widen(name, width);
			return body;
		});
	}

	#body(schema: Schema, path: string, depth: number): { readonly body: string; readonly width: number } {
		const { enum: values, const: constant, anyOf, oneOf, allOf, type } = schema;
		if (constant !== undefined) return { body: literal(jsonText(constant)), width: 1 };
		if (values !== undefined) {
			if (!Array.isArray(values) || values.length === 0 || values.length > schemaLimits.enumValues)
				throw this.#refuse(`${path}/enum`, `must be a list of 1 to ${schemaLimits.enumValues} values`);
			return { body: [...new Set(values.map((value) => literal(jsonText(value))))].join(" | "), width: 1 };
		}
		const options = anyOf ?? oneOf;
		if (options !== undefined) return this.#choice(options, `${path}/${anyOf === undefined ? "oneOf" : "anyOf"}`, depth);
		if (allOf !== undefined) {
			const [only] = Array.isArray(allOf) ? allOf : [];
			if (!Array.isArray(allOf) || allOf.length !== 1 || only === undefined) throw this.#refuse(`${path}/allOf`, "can hold one schema only");
			const name = this.read(only, `${path}/allOf/0`, depth + 1);
			return { body: name, width: this.#grammar.width(name) };
		}
		if (Array.isArray(type))
			return this.#choice(
				type.map((one): JsonValue => ({ ...schema, type: one })),
				`${path}/type`,
				depth,
			);
		switch (type) {
			case "string":
				return { body: this.#text(schema, path), width: 1 };
			case "integer":
				return { body: INTEGER, width: 1 };
			case "number":
				return { body: NUMBER, width: 1 };
			case "boolean":
				return { body: '"true" | "false"', width: 1 };
			case "null":
				return { body: '"null"', width: 1 };
			case "array":
				return this.#list(schema, path, depth);
			case "object":
				return this.#object(schema, path, depth);
			case undefined:
				if (schema["properties"] !== undefined) return this.#object(schema, path, depth);
				if (schema["items"] !== undefined) return this.#list(schema, path, depth);
				return { body: this.#grammar.any(), width: 1 };
			default:
				throw this.#refuse(`${path}/type`, `${JSON.stringify(type).slice(0, 50)} is no type of JSON`);
		}
	}

	#reference(reference: JsonValue, path: string, depth: number): string {
		if (typeof reference !== "string" || !reference.startsWith("#")) throw this.#refuse(`${path}/$ref`, "must point into the same schema");
		let target: JsonValue | undefined = this.#root;
		for (const part of reference.slice(1).split("/").slice(1)) {
			const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
			target = Array.isArray(target) ? target[Number(name)] : isObject(target) && Object.hasOwn(target, name) ? target[name] : undefined;
		}
		if (target === undefined) throw this.#refuse(`${path}/$ref`, `${reference.slice(0, 100)} points to nothing`);
		const key = `ref ${this.#strict ? "strict" : "loose"} ${this.#number} ${reference}`;
		if (this.#open.has(key)) return this.#grammar.rule(key, this.#what, 1, () => '"null"');
		const resolved = target;
		return this.#grammar.rule(key, this.#what, 1, (name) => {
			this.#open.add(key);
			const inner = this.read(resolved, reference, depth + 1);
			this.#open.delete(key);
			this.#grammar.widen(name, this.#grammar.width(inner));
			return inner;
		});
	}

	#choice(options: JsonValue, path: string, depth: number): { readonly body: string; readonly width: number } {
		if (!Array.isArray(options) || options.length === 0) throw this.#refuse(path, "must be a list of schemas");
		const names = [...new Set(options.map((option, index) => this.read(option, `${path}/${index}`, depth + 1)))];
		return { body: names.join(" | "), width: names.reduce((sum, name) => sum + this.#grammar.width(name), 0) };
	}

	#text(schema: Schema, path: string): string {
		const least = this.#count(schema, "minLength", path) ?? 0;
		const most = this.#count(schema, "maxLength", path);
		if (most !== undefined && most < least) throw this.#refuse(path, "has a maxLength below its minLength");
		return this.#grammar.text(least, most, this.#what);
	}

	#list(schema: Schema, path: string, depth: number): { readonly body: string; readonly width: number } {
		const { items, prefixItems } = schema;
		if (prefixItems !== undefined && this.#strict) throw this.#refuse(`${path}/prefixItems`, "is not kept by any engine here");
		const item = items === undefined ? this.#grammar.any() : this.read(items, `${path}/items`, depth + 1);
		const least = this.#count(schema, "minItems", path) ?? 0;
		const most = this.#count(schema, "maxItems", path) ?? Math.max(least, this.#bounds.listItems);
		if (most < least) throw this.#refuse(path, "has a maxItems below its minItems");
		const width = this.#grammar.width(item);
		if (most === 0) return { body: '"[]"', width };
		const more = `${item} (${SEPARATOR} ${item})${this.#grammar.repeat(Math.max(0, least - 1), most - 1, this.#what)}`;
		return { body: least === 0 ? `"[" (${more})? "]"` : `"[" ${more} "]"`, width };
	}

	/** Members in the order of the schema; those that are not required may be left out. */
	#object(schema: Schema, path: string, depth: number): { readonly body: string; readonly width: number } {
		const properties = schema["properties"] ?? {};
		if (!isObject(properties)) throw this.#refuse(`${path}/properties`, "must be an object");
		const required = schema["required"] ?? [];
		if (!Array.isArray(required) || required.some((name) => typeof name !== "string" || !Object.hasOwn(properties, name)))
			throw this.#refuse(`${path}/required`, "must be a list of names of properties");
		const names = Object.keys(properties);
		if (names.length === 0) {
			if (schema["additionalProperties"] === false || schema["properties"] !== undefined) return { body: '"{}"', width: 1 };
			return { body: this.#grammar.anyObject(), width: 1 };
		}
		let width = 1;
		const members = names.map((name) => {
			const value = this.read(properties[name] as JsonValue, `${path}/properties/${name}`, depth + 1);
			width = Math.max(width, this.#grammar.width(value));
			return { text: `${literal(`${jsonText(name)}: `)} ${value}`, required: required.includes(name) };
		});
		return { body: `"{" ${this.#members(members, path)} "}"`, width };
	}

	/** A comma stands between two members that are there: rules for "the rest after some member" and "the rest before any". */
	#members(members: readonly { readonly text: string; readonly required: boolean }[], path: string): string {
		const key = `${path} ${JSON.stringify(members)}`;
		const rest = (index: number, after: boolean): string => {
			const member = members[index];
			if (member === undefined) return '""';
			return this.#grammar.rule(`rest ${after} ${index} ${key}`, this.#what, 1, () => {
				const here = `${after ? `${SEPARATOR} ` : ""}${member.text} ${rest(index + 1, true)}`;
				return member.required ? here : `${here} | ${rest(index + 1, after)}`;
			});
		};
		return rest(0, false);
	}

	#count(schema: Schema, name: string, path: string): number | undefined {
		const value = schema[name];
		if (value === undefined) return undefined;
		if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) throw this.#refuse(`${path}/${name}`, "must be a whole number");
		if (value > schemaLimits.repetitions) {
			if (name.startsWith("max")) return schemaLimits.repetitions;
			throw this.#refuse(`${path}/${name}`, `must be at most ${schemaLimits.repetitions}`);
		}
		return value;
	}

	#refuse(path: string, reason: string): FreeholdError {
		return refused(this.#what, `${path === "" ? "it" : path} ${reason}`);
	}
}

/** As models were shown JSON: a space behind each comma and colon. */
export function jsonText(value: JsonValue): string {
	if (Array.isArray(value)) return `[${value.map(jsonText).join(", ")}]`;
	if (isObject(value))
		return `{${Object.entries(value)
			.map(([key, member]) => `${JSON.stringify(key)}: ${jsonText(member)}`)
			.join(", ")}}`;
	return JSON.stringify(value);
}

/** A text of a grammar. */
export function literal(text: string): string {
	let written = "";
	for (const character of text) {
		const code = character.codePointAt(0) as number;
		if (character === '"' || character === "\\") written += `\\${character}`;
		else if (code < 0x20 || code === 0x7f) written += `\\x${code.toString(16).padStart(2, "0").toUpperCase()}`;
		else written += character;
	}
	return `"${written}"`;
}

function isObject(value: JsonValue | undefined): value is Schema {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(what: string, reason: string): FreeholdError {
	return new FreeholdError("text.schemaRefused", { what, reason });
}
