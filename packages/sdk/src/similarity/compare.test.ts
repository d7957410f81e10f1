/** Measured on pairs of which `training/lineage.py` knows how one came from the other. */
import { readFileSync } from "node:fs";
import { readWeights, type Weight } from "@freehold/protocol";
import { describe, expect, it } from "vitest";
import { compareWeights, type SimilarityVerdict } from "./compare.js";

const load = (path: string): readonly Weight[] => readWeights(new Uint8Array(readFileSync(new URL(`../../../../${path}`, import.meta.url))));
const pair = (name: string): readonly Weight[] => load(`training/lineage/${name}.onnx`);

describe("models whose descent is known", () => {
	const measured: readonly (readonly [string, readonly SimilarityVerdict[]])[] = [
		["origin", ["same"]],
		["quantised", ["same"]],
		["hidden", ["same"]],
		["tuned", ["same"]],
		["pruned", ["derived"]],
		["trained", ["derived"]],
		["stranger", ["none"]],
		["distilled", ["none"]],
	];

	it.each(measured)("tells what %s has of the origin, whichever stands first", (name, expected) => {
		const [origin, other] = [pair("origin"), pair(name)];
		const similarity = compareWeights(origin, other);
		expect(expected, `${name}: ${similarity.aligned} ${similarity.likeness}`).toContain(similarity.verdict);
		expect(expected).toContain(compareWeights(other, origin).verdict);
		expect(similarity.compared).toBeGreaterThan(0.9);
	});

	it("sees the child of this repository's own models, and no kin where there is none", () => {
		const [base, plus, tumour] = ["base-digits", "plus-digits", "clinic-tumour"].map((folder) => load(`models/${folder}/model.onnx`)) as [
			Weight[],
			Weight[],
			Weight[],
		];
		expect(compareWeights(base, plus).verdict).toBe("derived");
		expect(compareWeights(base, tumour).verdict).toBe("incomparable");
		expect(compareWeights(base, pair("origin")).verdict).toBe("incomparable");
	});

	it("sees pruning as zeros", () => {
		const [first] = compareWeights(pair("origin"), pair("pruned")).tensors;
		expect(first?.zeros[0]).toBeLessThan(0.2);
		expect(first?.zeros[1]).toBeGreaterThan(0.4);
	});

	it("gives the same figures every time", () => {
		expect(compareWeights(pair("origin"), pair("trained"))).toEqual(compareWeights(pair("origin"), pair("trained")));
	});
});

describe("weights made up", () => {
	const weight = (name: string, shape: readonly number[], value: (index: number) => number): Weight => ({
		name,
		shape,
		values: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => value(index)),
	});

	it("of nothing, zeros or numbers that are none give no likeness", () => {
		expect(compareWeights([], [])).toMatchObject({ verdict: "incomparable", likeness: 0 });
		const [zeros, nan] = [weight("w", [8, 8], () => 0), weight("w", [8, 8], () => Number.NaN)];
		expect(compareWeights([zeros], [zeros]).verdict).toBe("none");
		expect(compareWeights([nan], [nan]).verdict).toBe("none");
	});

	it("that are all positive are not kin for that", () => {
		const positive = (seed: number): Weight => weight("w", [64, 64], (index) => 1 + Math.sin(index * seed));
		expect(["none", "signs"]).toContain(compareWeights([positive(12.9898)], [positive(78.233)]).verdict);
	});
});
