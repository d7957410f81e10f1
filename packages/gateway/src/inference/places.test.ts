import { errorResponse } from "@freehold/service";
import { describe, expect, it } from "vitest";
import { Places } from "./places.js";

describe("places", () => {
	it("are as many as were said, and each is given back once", () => {
		const { enter } = new Places(2);
		const first = enter();
		enter();
		expect(enter).toThrow("Too many calls are waiting");
		first();
		first();
		enter();
		expect(enter).toThrow("Too many calls are waiting");
	});

	it("turn away at the door while none is free, with the time to come back", () => {
		const places = new Places(1);
		const door = places.door(errorResponse);
		expect(door()).toBeUndefined();
		const leave = places.enter();
		expect(door()).toMatchObject({ status: 429, headers: { "retry-after": "1" } });
		leave();
		expect(door()).toBeUndefined();
	});
});
