import { keccak256 } from "viem";
import { describe, expect, it } from "vitest";
import { concatBytes, fromHex, type Hex, toHex, utf8 } from "../bytes/bytes.js";
import { charge, ownerAmount } from "./charge.js";
import { commit, engineDigest, type InferenceRequestText } from "./commitment.js";

const salt: Hex = `0x${"11".repeat(32)}`;
const request: InferenceRequestText = {
	kind: "inference",
	version: 1,
	release: `0x${"22".repeat(32)}`,
	mode: "fast",
	require: ["signed"],
	inputs: { X: { dtype: "float32", shape: [1, 2], sha256: `0x${"33".repeat(32)}`, bytes: 8 } },
};

describe("a commitment", () => {
	it("is keccak256 of the salt and the canonical text", () => {
		const text = `{"inputs":{"X":{"bytes":8,"dtype":"float32","sha256":"0x${"33".repeat(32)}","shape":[1,2]}},"kind":"inference","mode":"fast","release":"0x${"22".repeat(32)}","require":["signed"],"version":1}`;
		expect(commit(request, salt)).toBe(keccak256(toHex(concatBytes(fromHex(salt), utf8(text)))));
	});

	it("changes with everything that could change the answer", () => {
		const changed: readonly InferenceRequestText[] = [
			{ ...request, release: `0x${"23".repeat(32)}` },
			{ ...request, mode: "bit-exact" },
			{ ...request, require: [] },
			{ ...request, inputs: { x: request.inputs["X"] as never } },
			{ ...request, inputs: { X: { ...(request.inputs["X"] as never as object), shape: [2, 1] } as never } },
		];
		expect(new Set([request, ...changed].map((text) => commit(text, salt))).size).toBe(changed.length + 1);
		expect(commit(request, `0x${"12".repeat(32)}`)).not.toBe(commit(request, salt));
	});

	it("of an engine is keccak256 of its canonical text", () => {
		const engine = { name: "ort", version: "1", artifact: `0x${"44".repeat(32)}` as Hex, options: { b: true, a: 1 } };
		expect(engineDigest(engine)).toBe(keccak256(toHex(utf8(`{"artifact":"0x${"44".repeat(32)}","name":"ort","options":{"a":1,"b":true},"version":"1"}`))));
	});
});

it("a charge is the owner's price by what was used, and the two fees", () => {
	const price = { perCall: 100n, perInputUnit: 3n, perOutputUnit: 7n };
	expect(ownerAmount(price, { calls: 2n, inputUnits: 10n, outputUnits: 1n })).toBe(237n);
	expect(charge(price, { calls: 1n, inputUnits: 10n, outputUnits: 1n }, { nodeFee: 5n, gatewayFee: 4n })).toBe(146n);
});
