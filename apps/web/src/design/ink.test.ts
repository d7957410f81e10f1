import { describe, expect, it } from "vitest";
import { stroke } from "./ink.js";

const paper = Array.from({ length: 64 }, () => 0);

describe("a pen on a small grid", () => {
	it("inks the cell that it touches fully", () =>
		expect(stroke(paper, { side: 8, most: 16, from: { x: 3.5, y: 4.5 }, to: { x: 3.5, y: 4.5 } })[4 * 8 + 3]).toBe(16));
	it("inks every cell on its way", () => {
		const line = stroke(paper, { side: 8, most: 16, from: { x: 0.5, y: 2.5 }, to: { x: 7.5, y: 2.5 } });
		expect(line.slice(16, 24)).toEqual(Array.from({ length: 8 }, () => 16));
		expect(Math.max(...line.slice(0, 8))).toBe(0);
	});
	it("only ever adds, in whole values from 0 to the most", () => {
		const first = stroke(paper, { side: 8, most: 16, from: { x: 1, y: 1 }, to: { x: 6, y: 6 } });
		const second = stroke(first, { side: 8, most: 16, from: { x: 6, y: 1 }, to: { x: 1, y: 6 } });
		expect(second.every((value, index) => value >= (first[index] ?? 0) && value <= 16 && Number.isInteger(value))).toBe(true);
	});
});
