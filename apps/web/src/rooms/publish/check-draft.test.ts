import { describe, expect, it } from "vitest";
import { basisPoints, checkDraft } from "./check-draft.js";
import { emptyDraft } from "./draft.js";

const good = { ...emptyDraft, name: "ada/digits", price: "1.50" };

describe("the form of a publication", () => {
	it("passes what the registry takes", () =>
		expect(checkDraft({ ...good, inputPrice: "0.01" })).toMatchObject({
			faults: {},
			price: { perCall: 1_500_000_000_000_000_000n, perInputUnit: 10_000_000_000_000_000n, perOutputUnit: 0n },
			leastBps: 0,
			leastPerCall: 0n,
		}));
	it.each([
		["name", { name: "Ada/Digits" }],
		["name", { name: "ada/digits@1.0" }],
		["version", { version: "1" }],
		["price", { price: "1,50" }],
		["inputPrice", { inputPrice: "" }],
		["outputPrice", { outputPrice: "-1" }],
		["leastAmount", { leastAmount: "a lot" }],
		["leastShare", { leastShare: "101" }],
		["licence", { licence: " " }],
		["tags", { tags: "digits Small" }],
		["parents", { parents: [{ release: "base/digits", share: "10" }] }],
		[
			"parents",
			{
				parents: [
					{ release: "base/digits@1.0", share: "60" },
					{ release: "base/letters@1.0", share: "50" },
				],
			},
		],
		[
			"parents",
			{
				parents: [
					{ release: "base/digits@1.0", share: "10" },
					{ release: "base/digits@1.0", share: "10" },
				],
			},
		],
	] as const)("names the field %s", (field, part) => expect(Object.keys(checkDraft({ ...good, ...part }).faults)).toEqual([field]));
	it("reads shares exactly", () =>
		expect([basisPoints("12.5"), basisPoints("0.01"), basisPoints("100"), basisPoints("0.001"), basisPoints("-1")]).toEqual([
			1_250,
			1,
			10_000,
			undefined,
			undefined,
		]));
});
