import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { locate } from "./locate.js";

describe("finding a value in a JSON text", () => {
	it("gives the very bytes, also after letters of several bytes", () => {
		const text = '{"title": "Ziffern für ё", "order": {"list": [1, {"deep": "\\"x\\""}]}}';
		const place = locate(text, "order.list[1].deep");
		expect(place && text.slice(place.textFrom, place.textTo)).toBe('"\\"x\\""');
		expect(place && Buffer.from(text).subarray(place.from, place.to).toString()).toBe('"\\"x\\""');
	});

	it("finds every member of any JSON", () => {
		fc.assert(
			fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.jsonValue()), fc.constantFrom(undefined, 2), (value, indent) => {
				const text = JSON.stringify(value, null, indent);
				for (const [key, member] of Object.entries(value)) {
					const place = locate(text, key);
					expect(place && JSON.parse(text.slice(place.textFrom, place.textTo))).toEqual(JSON.parse(JSON.stringify(member)));
				}
			}),
		);
	});

	it("gives nothing for what is not there, and for what is no JSON", () => {
		expect([locate("{}", "a"), locate("[1]", "1"), locate('{"a": ', "a"), locate("nonsense", "a"), locate('{"a": 1}', "a.b")]).toEqual([
			undefined,
			undefined,
			undefined,
			undefined,
			undefined,
		]);
	});
});
