import { describe, expect, it } from "vitest";
import { type ErrorCode, errorCatalogue } from "./catalogue.js";
import { errorBody, errorFromBody, FreeholdError } from "./freehold-error.js";

describe("the catalogue of errors", () => {
	it("gives each code a status, a fault and words", () => {
		for (const [code, { status, message, fault }] of Object.entries(errorCatalogue)) {
			expect(code).toMatch(/^[a-z]+(\.[a-z][A-Za-z0-9]*)?$/);
			expect(status, code).toBeGreaterThanOrEqual(400);
			expect(status, code).toBeLessThan(600);
			expect(message, code).toMatch(/\S/);
			expect(["caller", "owner", "node", "gateway", "network"], code).toContain(fault);
		}
	});

	it("fills a message from its detail and leaves what is not given visible", () => {
		expect(new FreeholdError("payment.insufficient", { given: 1n, needed: 2n }).message).toBe("The payment allows 1, the call costs 2.");
		expect(new FreeholdError("payment.insufficient", { given: 1n }).message).toContain("{needed}");
		expect(new FreeholdError("payment.invalid", { reason: "{reason}" }).message).toBe("The payment is refused: {reason}");
	});
});

describe("an error on the wire", () => {
	it("comes back as the same refusal", () => {
		for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
			const error = new FreeholdError(code, { field: "inputs.X", limit: 5 });
			const back = errorFromBody({ error: JSON.parse(JSON.stringify(errorBody(error))) as unknown });
			expect(back?.code).toBe(code);
			expect(back?.message).toBe(error.message);
		}
	});

	it("is none when the body is anything else", () => {
		for (const body of [undefined, null, "x", {}, { error: "no" }, { error: { code: "toString", message: "x" } }, { error: { code: "internal" } }]) {
			expect(errorFromBody(body)).toBeUndefined();
		}
	});
});
