import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tensorFromElements } from "@freehold/protocol";
import { afterAll, expect, it } from "vitest";
import { randomNoise } from "../../../../../testing/onnx/models.js";
import { codeOf, describeEngine, modelFolder } from "../../../test/engine-compliance.js";
import { nativeOnnxEngine } from "./native-engine.js";
import { pinnedWasmSha256 } from "./pinned-artifact.js";
import { wasmOnnxEngine } from "./wasm-engine.js";

describeEngine("ONNX Runtime, native build", nativeOnnxEngine);
describeEngine("ONNX Runtime, pinned WebAssembly build", wasmOnnxEngine);

const models = modelFolder();
afterAll(() => models.remove());

it("runs random operators only where equal bits are not promised", async () => {
	const noise = await models.write(randomNoise());
	const fast = await (await nativeOnnxEngine()).load(noise);
	expect(await codeOf(fast.run({ X: tensorFromElements("float32", [2], [0, 0]) }))).toBe("no error");
	expect(await codeOf((await wasmOnnxEngine()).load(noise))).toBe("engine.unsupported");
});

it("pins the WebAssembly artefact by its digest", async () => {
	expect((await wasmOnnxEngine()).describe().artifact).toBe(pinnedWasmSha256);
});

it("writes nothing beside the model", async () => {
	const files = await models.write(randomNoise());
	await writeFile(join(models.path, "neighbour.bin"), "secret");
	const before = await readdir(models.path);
	await (await nativeOnnxEngine()).load(files);
	expect(await readdir(models.path)).toEqual(before);
});
