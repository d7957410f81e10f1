import { describe, expect, it } from "vitest";
import { FreeholdError } from "../errors/freehold-error.js";
import { limits } from "../limits.js";
import { parseUploadPlan, partRange, planUpload, uploadId } from "./upload-plan.js";

const PART = limits.uploadPartLeastBytes;
const bytes = new Uint8Array(2 * PART + 5).map((_, index) => index % 251);
const plan = planUpload(bytes, { partBytes: PART });

describe("the plan of an upload", () => {
	it("names every part and is read back the same", () => {
		expect(plan.parts).toHaveLength(3);
		expect(parseUploadPlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
		expect([partRange(plan, 0), partRange(plan, 2)]).toEqual([
			{ start: 0, end: PART },
			{ start: 2 * PART, end: bytes.length },
		]);
		expect([partRange(plan, 3), partRange(plan, -1), partRange(plan, 0.5)]).toEqual([undefined, undefined, undefined]);
	});

	it("is named by all that it says", () => {
		expect(uploadId(plan)).toBe(uploadId(planUpload(bytes, { partBytes: PART, sha256: plan.sha256 })));
		const others = [
			{ ...plan, bytes: plan.bytes - 1 },
			{ ...plan, sha256: plan.parts[0] ?? "0x" },
			{ ...plan, parts: plan.parts.toReversed() },
		];
		expect(new Set([plan, ...others].map((other) => uploadId(other))).size).toBe(4);
	});

	it.each([
		["a part too few", { parts: plan.parts.slice(1) }],
		["parts that are too small", { partBytes: PART - 1 }],
		["parts that are too large", { partBytes: limits.uploadPartBytes + 1 }],
		["nothing", { bytes: 0, parts: [] }],
		["more than a blob may have", { bytes: limits.blobBytes + 1 }],
		["a digest that is none", { sha256: "0x12" }],
		["a word that is not known", { colour: "red" }],
	])("refuses %s", (_, change) => {
		expect(() => parseUploadPlan({ ...plan, ...change })).toThrow(FreeholdError);
	});
});
