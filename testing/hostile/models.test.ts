/** ONNX files under damage: a stranger's file is inspected before anything runs it. */
import { readFileSync } from "node:fs";
import { FreeholdError, inspectOnnx, isOnnx } from "@freehold/protocol";
import { bitwiseTelling, endlessLoop, identity, linear } from "../onnx/models.js";
import { onnxType } from "../onnx/onnx-builder.js";
import { mutateBytes } from "./fuzz/bytes.ts";
import { fuzz, type Target } from "./fuzz/fuzzer.ts";
import type { Random } from "./fuzz/random.ts";

const real = ["base-digits", "plus-digits", "clinic-tumour"].map(
	(name) => new Uint8Array(readFileSync(new URL(`../../models/${name}/model.onnx`, import.meta.url))),
);

const files: Target<Uint8Array> = {
	name: "ONNX files",
	seeds: () => [linear(), identity(onnxType.int64), endlessLoop(), ...real.filter((file) => file.length < 20_000)],
	mutate: (file, random, seeds) => (random.chance(0.5) ? damagedField(file, random) : mutateBytes(file, random, seeds)),
	read: (file) => {
		const model = inspectOnnx(file);
		isOnnx(file);
		if (model.outputs.length === 0) throw new Error("a model that answers nothing");
		for (const { shape, name } of [...model.inputs, ...model.outputs]) {
			if (name === "") throw new Error("a tensor without a name");
			for (const dimension of shape ?? [])
				if (typeof dimension === "number" && !(Number.isSafeInteger(dimension) && dimension > 0)) throw new Error(`a length of ${dimension}`);
		}
		return true;
	},
	isRefusal: (error) => error instanceof FreeholdError && error.code === "engine.modelInvalid",
};

/** Larger files: their weights are most of them, so that damage lands there. */
const large: Target<Uint8Array> = { ...files, name: "large ONNX files", seeds: () => [bitwiseTelling(), ...real] };

/** Finds something that looks like a field with a length, and lies about the length or repeats the field. */
function damagedField(file: Uint8Array, random: Random): Uint8Array {
	for (let attempt = 0; attempt < 20; attempt++) {
		const at = random.below(file.length);
		const length = file[at + 1] ?? 0;
		if (((file[at] ?? 0) & 7) !== 2 || length === 0 || length > 127 || at + 2 + length > file.length) continue;
		const field = file.subarray(at, at + 2 + length);
		const rest = file.subarray(at + 2 + length);
		switch (random.below(4)) {
			case 0:
				return Buffer.concat([file.subarray(0, at), field, field, rest]);
			case 1:
				return Buffer.concat([file.subarray(0, at), rest]);
			case 2:
				return Buffer.concat([file.subarray(0, at), Uint8Array.of(field[0] ?? 0, random.below(256)), file.subarray(at + 2)]);
			default:
				return Buffer.concat([file.subarray(0, at), Uint8Array.of(field[0] ?? 0, 0xff, 0xff, 0xff, 0xff, random.below(128)), file.subarray(at + 2)]);
		}
	}
	return mutateBytes(file, random, [file]);
}

fuzz(files, large);
