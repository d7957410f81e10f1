/** What every engine does, whichever process and build it runs in. Called by a test file with a way to make one. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Dtype, FreeholdError, type Tensor, type Tensors, tensorElements, tensorFromElements } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { externalData, failsWhenRun, identity, linear } from "../../../testing/onnx/models.js";
import { model, node, onnxType, proto, tensorValue } from "../../../testing/onnx/onnx-builder.js";
import type { Engine, ReleaseFiles } from "../src/engine/engine.js";

/** Errors by code, so that a test names what it expects. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
	try {
		await work;
	} catch (error) {
		if (error instanceof FreeholdError) return error.code;
		throw error;
	}
	return "no error";
}

/** Writes models into a folder and names them as releases. */
export function modelFolder(): { write(model: Uint8Array): Promise<ReleaseFiles>; readonly path: string; remove(): Promise<void> } {
	let folder = "";
	let count = 0;
	return {
		get path() {
			return folder;
		},
		async write(bytes) {
			folder ||= await mkdtemp(join(tmpdir(), "freehold-models-"));
			const id = `release-${count++}`;
			const modelPath = join(folder, `${id}.onnx`);
			await writeFile(modelPath, bytes);
			return { id, format: "onnx", modelPath };
		},
		remove: () => rm(folder, { recursive: true, force: true }),
	};
}

const samples: { readonly [type: number]: readonly [Dtype, readonly unknown[]] } = {
	[onnxType.float]: ["float32", [1.5, -0.25, "NaN", "Infinity", "-0"]],
	[onnxType.double]: ["float64", [1e300, "-Infinity", "NaN"]],
	[onnxType.float16]: ["float16", [0.5, 65504, "NaN"]],
	[onnxType.int8]: ["int8", [-128, 127]],
	[onnxType.uint8]: ["uint8", [0, 255]],
	[onnxType.int32]: ["int32", [-2147483648, 2147483647]],
	[onnxType.int64]: ["int64", ["-9223372036854775808", "9223372036854775807"]],
	[onnxType.bool]: ["bool", [true, false]],
	[onnxType.string]: ["string", ["", "für", "🏡"]],
};

export function describeEngine(name: string, open: () => Promise<Engine>): void {
	describe(`${name} as an engine`, () => {
		const models = modelFolder();
		let engine: Engine;
		beforeAll(async () => {
			engine = await open();
		});
		afterAll(async () => {
			await engine.dispose();
			await models.remove();
		});
		const load = async (bytes: Uint8Array) => engine.load(await models.write(bytes));
		const x = (...rows: number[][]): Tensors => ({ X: tensorFromElements("float32", [rows.length, rows[0]?.length ?? 0], rows.flat()) });

		it("names its build and the digest of the file that computes", () => {
			const { name: engineName, version, artifact, options } = engine.describe();
			expect(engineName).toMatch(/^onnxruntime-/);
			expect(version).toBe("1.30.0");
			expect(artifact).toMatch(/^0x[0-9a-f]{64}$/);
			expect(options.threads).toBe(1);
		});

		it("says what a release takes and gives, and computes it", async () => {
			const session = await load(linear());
			expect(session.schema).toEqual({
				inputs: [{ name: "X", dtype: "float32", shape: ["batch", 2] }],
				outputs: [{ name: "Y", dtype: "float32", shape: ["batch", 2] }],
			});
			const { Y } = await session.run(x([1, 1], [0, 2]));
			expect(Y?.shape).toEqual([2, 2]);
			expect(tensorElements(Y as Tensor)).toEqual([4.5, 5.5, 6.5, 7.5]);
			await session.dispose();
		});

		it.each(Object.entries(samples))("passes every kind of element through unchanged (type %s)", async (type, [dtype, elements]) => {
			const session = await load(identity(Number(type)));
			const given = tensorFromElements(dtype, [elements.length], elements);
			const { Y } = await session.run({ X: given });
			expect(Y?.dtype).toBe(dtype);
			expect(tensorElements(Y as Tensor)).toEqual(elements);
			expect(Buffer.from((Y as Tensor).bytes).equals(given.bytes)).toBe(true);
			await session.dispose();
		});

		it("takes scalars and empty tensors", async () => {
			const scalar = await load(identity(onnxType.float, []));
			expect(tensorElements((await scalar.run({ X: tensorFromElements("float32", [], [3]) })).Y as Tensor)).toEqual([3]);
			const empty = await load(identity(onnxType.float));
			expect((await empty.run({ X: tensorFromElements("float32", [0], []) })).Y?.shape).toEqual([0]);
		});

		it("gives the same bits for the same call", async () => {
			const session = await load(linear([0.1, 0.7, -3.3, 1e-7], [1 / 3, 2 / 3]));
			const first = await session.run(x([0.1, 0.2]));
			const again = await session.run(x([0.1, 0.2]));
			expect(Buffer.from(again.Y?.bytes ?? [])).toEqual(Buffer.from(first.Y?.bytes ?? []));
		});

		it("keeps sessions apart", async () => {
			const one = await load(linear([1, 0, 0, 1], [0, 0]));
			const two = await load(linear([2, 0, 0, 2], [0, 0]));
			expect(tensorElements((await one.run(x([1, 2]))).Y as Tensor)).toEqual([1, 2]);
			await one.dispose();
			expect(tensorElements((await two.run(x([1, 2]))).Y as Tensor)).toEqual([2, 4]);
		});

		it("refuses inputs that do not fit and goes on", async () => {
			const session = await load(linear());
			expect(await codeOf(session.run(x([1, 2, 3])))).toBe("engine.inputInvalid");
			expect(await codeOf(session.run({}))).toBe("engine.inputInvalid");
			expect(await codeOf(session.run({ X: tensorFromElements("float64", [1, 2], [1, 2]) }))).toBe("engine.inputInvalid");
			expect(await codeOf(session.run(x([1, 2])))).toBe("no error");
		});

		it("reports a model that fails on an input and goes on", async () => {
			const session = await load(failsWhenRun());
			expect(await codeOf(session.run({ X: tensorFromElements("float32", [3], [1, 2, 3]) }))).toBe("engine.failed");
			expect(await codeOf(session.run({ X: tensorFromElements("float32", [7], [1, 2, 3, 4, 5, 6, 7]) }))).toBe("no error");
		});

		it.each([
			["garbage", new TextEncoder().encode("not a model at all")],
			["a truncated model", linear().subarray(0, 80)],
			["data outside the file", externalData("release-0.onnx", "initializer")],
			[
				"an unknown operator",
				model({
					nodes: [node("NoSuchOperator", ["X"], ["Y"])],
					inputs: [tensorValue("X", onnxType.float, [1])],
					outputs: [tensorValue("Y", onnxType.float, [1])],
				}),
			],
			[
				"an operator set from the future",
				model(
					{ nodes: [node("Identity", ["X"], ["Y"])], inputs: [tensorValue("X", onnxType.float, [1])], outputs: [tensorValue("Y", onnxType.float, [1])] },
					{ opset: 99 },
				),
			],
			["a graph that is only bytes", proto([1, 8], [7, new Uint8Array(100).fill(0xff)])],
		])("refuses to load %s", async (_what, bytes) => {
			expect(await codeOf(load(bytes))).toBe("engine.modelInvalid");
		});

		it("does not start a call that was given up", async () => {
			const session = await load(linear());
			await expect(session.run(x([1, 2]), AbortSignal.abort(new Error("given up")))).rejects.toThrow("given up");
		});
	});
}
