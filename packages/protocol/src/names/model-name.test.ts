import { encodeAbiParameters, keccak256, stringToHex } from "viem";
import { describe, expect, it } from "vitest";
import { formatModelName, isNamePart, modelId, parseModelName, parseVersion, releaseId } from "./model-name.js";

describe("a model's name", () => {
	it("is namespace/name with or without a version", () => {
		for (const text of ["a/b", "base/digits@1.0", "0x/7-up@65535.65535", `${"n".repeat(63)}/${"m".repeat(63)}@0.0`]) {
			const name = parseModelName(text);
			expect(name, text).toBeDefined();
			expect(name && formatModelName(name)).toBe(text);
		}
		expect(parseModelName("base/digits@1.0")).toEqual({ namespace: "base", name: "digits", version: { major: 1, minor: 0 } });
	});

	it("is nothing else", () => {
		const wrong = [
			"",
			"a",
			"/",
			"a/",
			"/b",
			"a/b/c",
			"A/b",
			"a/B",
			"-a/b",
			"a/-b",
			"a_b/c",
			"a.b/c",
			"a/b@",
			"a/b@1",
			"a/b@1.0.0",
			"a/b@01.0",
			"a/b@1.65536",
			"a/b@1.0@1.0",
			"a/b@v1.0",
		];
		for (const text of [...wrong, " a/b", "a/b ", "a/b\n", "ä/b", `${"n".repeat(64)}/b`]) expect(parseModelName(text), text).toBeUndefined();
		expect(isNamePart("a\n")).toBe(false);
		expect(parseVersion("1.0\n")).toBeUndefined();
	});

	it("has the ids that the registry computes", () => {
		const model = modelId("base", "digits");
		expect(model).toBe(keccak256(stringToHex("base/digits")));
		const types = [{ type: "uint256" }, { type: "uint16" }, { type: "uint16" }] as const;
		expect(releaseId(model, { major: 3, minor: 258 })).toBe(keccak256(encodeAbiParameters(types, [BigInt(model), 3, 258])));
	});
});
