import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { divide } from "./parcels.js";

const amounts = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 12 });

describe("dividing a field", () => {
	it("gives each amount an area as large as its part", () => {
		fc.assert(
			fc.property(amounts, fc.double({ min: 0.4, max: 3, noNaN: true }), (values, aspect) => {
				const total = values.reduce((sum, value) => sum + value, 0);
				for (const { index, width, height } of divide(values, aspect)) expect(width * height).toBeCloseTo((values[index] ?? 0) / total, 6);
			}),
		);
	});

	it("lets no parcel leave the field or lie over another", () => {
		fc.assert(
			fc.property(amounts, (values) => {
				const parcels = divide(values, 1.7);
				for (const a of parcels) {
					expect(a.left).toBeGreaterThan(-1e-6);
					expect(a.top).toBeGreaterThan(-1e-6);
					expect(a.left + a.width).toBeLessThan(1 + 1e-6);
					expect(a.top + a.height).toBeLessThan(1 + 1e-6);
					for (const b of parcels) {
						if (a === b) continue;
						const wide = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
						const high = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
						expect(Math.min(wide, high)).toBeLessThan(1e-6);
					}
				}
			}),
		);
	});

	it("has no parcel for nothing", () => expect(divide([0, -1], 1)).toEqual([]));
});
