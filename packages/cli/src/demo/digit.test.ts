import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { drawDigit } from "./digit.js";

describe("a digit in half blocks", () => {
	it("shows two rows of pixels in one of text", () => {
		const pixels = Array.from({ length: 64 }, () => 0);
		pixels[0] = 16;
		pixels[9] = 16;
		pixels[2] = 16;
		pixels[10] = 16;
		expect(drawDigit(pixels)[0]).toBe("▀▄█     ");
		expect(drawDigit(pixels)).toHaveLength(4);
	});

	it("shows the seven that the demo asks about", async () => {
		const example = new URL("../../../../models/plus-digits/examples/seven.json", import.meta.url);
		const { pixels } = JSON.parse(await readFile(example, "utf8")) as { pixels: number[][] };
		expect(drawDigit(pixels[0] ?? [])).toEqual(["  ▄███  ", "  ▀ ▄█  ", "   ▀█▀▀ ", "   █▀   "]);
	});
});
