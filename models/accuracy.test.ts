/** The figures on the cards, measured again in the engines that serve. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { createEnginePool, type EngineMode, type EnginePool, type ReleaseFiles } from "@freehold/inference";
import { parseInputs, type Tensor, type TensorSchema, tensorElements } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

interface ModelFile {
	readonly name: string;
	readonly release: string;
	readonly priceOpg: string;
	readonly inputs: TensorSchema["inputs"];
	readonly outputs: TensorSchema["outputs"];
	readonly metrics: Figure & { readonly tests: readonly (Figure & { readonly name: string; readonly file: string })[] };
	readonly examples: readonly { readonly file: string; readonly label: number }[];
}

interface Figure {
	readonly accuracy: number;
	readonly correct: number;
	readonly samples: number;
}

interface TestFile {
	readonly labels: readonly number[];
	readonly inputs: { readonly [name: string]: readonly (readonly number[])[] };
}

const folders = ["base-digits", "plus-digits", "clinic-tumour"];
const modes: readonly EngineMode[] = ["fast", "bit-exact"];
const root = new URL("../", import.meta.url);

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(new URL(path, root), "utf8")) as T;

let pool: EnginePool;

beforeAll(async () => {
	pool = await createEnginePool();
});

afterAll(async () => {
	await pool.close();
});

describe.each(folders)("%s", (folder) => {
	let model: ModelFile;
	let card: string;
	let files: ReleaseFiles;

	beforeAll(async () => {
		model = await readJson<ModelFile>(`models/${folder}/model.json`);
		card = await readFile(new URL(`models/${folder}/card.md`, root), "utf8");
		const url = new URL(`models/${folder}/model.onnx`, root);
		const digest = createHash("sha256")
			.update(await readFile(url))
			.digest("hex");
		files = { id: digest, format: "onnx", modelPath: fileURLToPath(url) };
	});

	const answer = async (mode: EngineMode, inputs: unknown): Promise<{ labels: number[]; best: number[] }> => {
		const { outputs } = await pool.run(files, mode, parseInputs(inputs, model.inputs));
		const labels = elements(outputs["label"]);
		const probabilities = elements(outputs["probabilities"]);
		const classes = probabilities.length / labels.length;
		return { labels, best: labels.map((_, row) => Math.max(...probabilities.slice(row * classes, (row + 1) * classes))) };
	};

	it.each(modes)("takes and gives what its metadata says (%s)", async (mode) => {
		const schema = await pool.load(files, mode);
		const shape = ({ name, dtype, shape }: TensorSchema["inputs"][number]) => ({ name, dtype, shape });
		expect({ inputs: schema.inputs.map(shape), outputs: schema.outputs.map(shape) }).toEqual({
			inputs: model.inputs.map(shape),
			outputs: model.outputs.map(shape),
		});
	});

	it.each(modes)("has every figure of its metadata (%s)", async (mode) => {
		expect(model.metrics.tests.length).toBeGreaterThan(0);
		for (const figure of model.metrics.tests) {
			const test = await readJson<TestFile>(figure.file);
			const { labels } = await answer(mode, test.inputs);
			const correct = labels.filter((label, index) => label === test.labels[index]).length;
			expect({ file: figure.file, samples: labels.length, correct }).toEqual({ file: figure.file, samples: test.labels.length, correct: figure.correct });
			expect(figure.samples).toBe(test.labels.length);
			expect(figure.accuracy).toBeCloseTo(correct / labels.length, 6);
		}
	});

	it.each(modes)("answers its examples rightly and surely (%s)", async (mode) => {
		for (const example of model.examples) {
			const { labels, best } = await answer(mode, await readJson(`models/${folder}/${example.file}`));
			expect({ file: example.file, labels }).toEqual({ file: example.file, labels: [example.label] });
			expect(best[0]).toBeGreaterThanOrEqual(0.95);
		}
	});

	it("has a card that states the same figures, name and price", () => {
		const { tests, ...first } = model.metrics;
		expect(tests[0]).toMatchObject(first);
		for (const figure of tests)
			expect(card).toContain(`| ${figure.correct} of ${figure.samples} | ${((100 * figure.correct) / figure.samples).toFixed(2)} % |`);
		expect(card).toContain(`# ${model.name} ${model.release}\n`);
		expect(card).toContain(`${model.priceOpg} OPG a call`);
	});
});

/** Elements as numbers; labels are int64, which JSON spells as strings. */
function elements(tensor: Tensor | undefined): number[] {
	if (tensor === undefined) throw new Error("the model gave no such output");
	return tensorElements(tensor).map(Number);
}
