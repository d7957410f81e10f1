import { describe, expect, test } from "vitest";
import { type PaidLine, spentFor } from "./standing.js";

const line: PaidLine = { owner: "0xa", node: "0xb", gateway: "0xc", calls: 1, nodeFee: 50n, gatewayFee: 30n, protocolFee: 10n };

describe("money that counts", () => {
	test("is what went to others", () => {
		expect(spentFor(line)).toBe(80n);
	});

	test("of an owner that runs the node or the gateway too is what it could not pay to itself", () => {
		expect(spentFor({ ...line, node: "0xa" })).toBe(30n);
		expect(spentFor({ ...line, gateway: "0xa" })).toBe(60n);
		expect(spentFor({ ...line, node: "0xa", gateway: "0xa" })).toBe(10n);
	});
});
