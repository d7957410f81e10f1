import { describe, expect, it } from "vitest";
import { nextVersion, priceNext, priceNow } from "./price-now.js";

const version = (number: number, from: number) => ({ version: number, perCall: String(number), perInputUnit: "0", perOutputUnit: "0", from });
const prices = [version(1, 100), version(2, 200), version(3, 300)];

describe("a release's prices", () => {
	it.each([
		[50, 1, 3],
		[200, 2, 3],
		[299, 2, 3],
		[300, 3, undefined],
	])("at %i: version %i counts, version %s is announced", (now, current, next) =>
		expect([priceNow({ prices }, now)?.version, priceNext({ prices }, now)?.version]).toEqual([current, next]),
	);
});

describe("the next release", () => {
	it.each([
		[[], "1.0"],
		[["1.0"], "1.1"],
		[["1.9", "1.10", "0.3"], "1.11"],
		[["2.0", "10.4", "9.9"], "10.5"],
	])("after %j is %s", (versions, next) => expect(nextVersion(versions)).toBe(next));
});
