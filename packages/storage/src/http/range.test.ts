import { expect, it } from "vitest";
import { parseRange } from "./range.js";

const part = (start: number, end: number) => ({ kind: "part", range: { start, end } });
const whole = { kind: "whole" };
const unsatisfiable = { kind: "unsatisfiable" };

it.each([
	[undefined, whole],
	["bytes=0-0", part(0, 1)],
	["bytes=2-4", part(2, 5)],
	["bytes=2-", part(2, 10)],
	["bytes=-3", part(7, 10)],
	["bytes=-30", part(0, 10)],
	["bytes=5-500", part(5, 10)],
	["bytes=10-", unsatisfiable],
	["bytes=99-100", unsatisfiable],
	["bytes=-0", unsatisfiable],
	["bytes=4-2", whole],
	["bytes=-", whole],
	["bytes=0-1,3-4", whole],
	["items=0-1", whole],
	["bytes=a-b", whole],
])("reads %s of ten bytes", (header, answer) => {
	expect(parseRange(header, 10)).toEqual(answer);
});

it("finds nothing in an empty blob", () => {
	expect(parseRange("bytes=0-", 0)).toEqual(unsatisfiable);
	expect(parseRange("bytes=-1", 0)).toEqual(unsatisfiable);
});
