/** What the card of freehold/chat says, held against the file, the figures and the questions beside it. */
import { readFile } from "node:fs/promises";
import { parseOpg } from "@freehold/protocol";
import { describe, expect, it } from "vitest";

interface Figure {
	readonly correct: number;
	readonly samples: number;
	readonly accuracy: number;
}

interface ModelFile {
	readonly name: string;
	readonly release: string;
	readonly priceOpg: string;
	readonly priceInputTokenOpg: string;
	readonly priceOutputTokenOpg: string;
	readonly format: string;
	readonly metrics: Figure & { readonly tests: readonly (Figure & { readonly name: string; readonly least?: number })[] };
	readonly examples: readonly { readonly file: string; readonly answer: Expected }[];
}

/** What is right: the text, or name and arguments of each call. */
type Expected = { readonly text: string } | { readonly calls: readonly { readonly name: string; readonly arguments: object }[] };

interface Request {
	readonly messages: readonly { readonly role: string }[];
	readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

interface TestFile {
	readonly questions: readonly (Request & { readonly group: string; readonly expected: Expected })[];
}

const LARGEST_BYTES = 12_000_000;
/** Least shares below which `training/chat/examination.py` may not fall again. */
const COPYING = { "look-ups": 0.6, pairs: 0.6, echoes: 0.75 };
const folder = new URL("freehold-chat/", import.meta.url);
const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(new URL(path, folder), "utf8")) as T;

const model = await readJson<ModelFile>("model.json");
const card = await readFile(new URL("card.md", folder), "utf8");
const { questions } = await readJson<TestFile>("test.json");
const file = await readFile(new URL("model.gguf", folder));

describe("freehold/chat", () => {
	it("is a GGUF file of at most 12 MB, whose size its card states", () => {
		expect(file.subarray(0, 4).toString("latin1")).toBe("GGUF");
		expect(file.readUInt32LE(4)).toBe(3);
		expect(file.length).toBeLessThanOrEqual(LARGEST_BYTES);
		expect(card).toContain(`${file.length.toLocaleString("en-GB")} bytes of GGUF`);
	});

	it("has a card that states its name, prices and every figure", () => {
		expect(card).toContain(`# ${model.name} ${model.release}\n`);
		for (const price of [model.priceOpg, model.priceInputTokenOpg, model.priceOutputTokenOpg]) expect(parseOpg(price)).toBeDefined();
		expect(card).toContain(`${model.priceInputTokenOpg} OPG for a token read, ${model.priceOutputTokenOpg} OPG for a token written`);
		for (const { name, correct, samples } of model.metrics.tests) {
			const stated = new RegExp(`\\| \\*\\*${name}\\*\\*[^|]*\\| ${correct} of ${samples} \\| (\\d+) % \\|`).exec(card)?.[1];
			expect(Math.abs(Number(stated) - (100 * correct) / samples), name).toBeLessThanOrEqual(0.5);
		}
	});

	it("reaches every least share, and its figures add up", () => {
		const { tests, ...all } = model.metrics;
		const sum = (part: "correct" | "samples") => tests.reduce((total, test) => total + test[part], 0);
		expect({ correct: all.correct, samples: all.samples }).toEqual({ correct: sum("correct"), samples: sum("samples") });
		const figures: readonly (Figure & { readonly least?: number })[] = [...tests, all];
		for (const { correct, samples, accuracy, least = 0 } of figures) {
			expect(accuracy).toBeCloseTo(correct / samples, 6);
			expect(accuracy).toBeGreaterThanOrEqual(least);
		}
	});

	it("is held to look-ups of names that it never saw", () => {
		for (const [name, least] of Object.entries(COPYING))
			expect(model.metrics.tests.find((test) => test.name === name)?.least, name).toBeGreaterThanOrEqual(least);
	});

	it("keeps the questions that it was measured on, each once", () => {
		const counted = model.metrics.tests.map(({ name, samples }) => ({ name, samples }));
		expect(counted).toEqual(counted.map(({ name }) => ({ name, samples: questions.filter(({ group }) => group === name).length })));
		expect(new Set(questions.map((question) => JSON.stringify(question))).size).toBe(questions.length);
	});

	it("calls only tools that a question or example offers", async () => {
		const asked: (Request & { readonly expected: Expected })[] = [...questions];
		for (const { file, answer } of model.examples) asked.push({ ...(await readJson<Request>(file)), expected: answer });
		for (const { expected, tools = [] } of asked)
			if ("calls" in expected) expect(tools.map(({ function: { name } }) => name)).toEqual(expect.arrayContaining(expected.calls.map(({ name }) => name)));
	});
});
