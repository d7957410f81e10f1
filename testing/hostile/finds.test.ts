/** What fuzzing and reading with a stranger's eyes found, each as a plain test so that it stays mended. */
import { decodePayment, decodePaymentRequired, encodeHeader } from "@freehold/payments";
import { readBatchPayload } from "@freehold/payments/server";
import { canonicalJson, FreeholdError, limits, parseJson, parseManifest, parseReceiptFile, toBase64, utf8 } from "@freehold/protocol";
import { describe, expect, it } from "vitest";

const address = (digit: string): `0x${string}` => `0x${digit.repeat(40)}`;
const manifest = (change: object): string =>
	canonicalJson({
		version: 1,
		release: "base/digits@1.0",
		format: "onnx",
		files: [{ path: "model.onnx", sha256: `0x${"ab".repeat(32)}`, bytes: 1 }],
		inputs: [{ name: "X", dtype: "float32", shape: [1] }],
		outputs: [{ name: "Y", dtype: "float32", shape: [1] }],
		licence: "MIT",
		...change,
	});
const refused = expect.objectContaining({ code: "request.invalid" });

describe("JSON from outside", () => {
	it("is measured before anything is built of it: depth, lists and names, values", () => {
		expect(() => parseJson("[".repeat(100_000))).toThrow(/nested deeper than 64/);
		expect(() => parseJson(`[${"{},".repeat(limits.jsonMembers)}{}]`)).toThrow(/more than 100000 lists, objects and names/);
		expect(() => parseJson(`{${Array.from({ length: limits.jsonMembers + 1 }, (_, index) => `"${index}":0`).join(",")}}`)).toThrow(/lists, objects and names/);
		expect(() => parseJson(`[${"1,".repeat(limits.jsonValues + 1)}1]`)).toThrow(/more than 500000 values; send large tensors as base64/);
	});

	it("does not count what stands in strings", () => {
		const text = `${"[{:,".repeat(limits.jsonValues)}\\"`;
		expect(parseJson(JSON.stringify([text, "\\"]))).toEqual([text, "\\"]);
		expect(() => parseJson('["')).toThrow(SyntaxError);
	});

	it("that nests too deeply is no receipt file, rather than the end of the stack", () => {
		expect(() => parseReceiptFile(`${"[".repeat(50_000)}${"]".repeat(50_000)}`)).toThrow(SyntaxError);
	});
});

describe("a manifest", () => {
	it("with text that has no canonical form is refused in our words", () => {
		const text = manifest({ title: "T" }).replace('"T"', '"\\ud800"');
		expect(() => parseManifest(text)).toThrow(refused);
	});

	it("names dtypes that there are, and each tensor once", () => {
		expect(() => parseManifest(manifest({ inputs: [{ name: "X", dtype: "float99", shape: [1] }] }))).toThrow(refused);
		expect(() => parseManifest(manifest({ inputs: [{ name: "X", dtype: "constructor", shape: [1] }] }))).toThrow(refused);
		const twice = { name: "X", dtype: "float32", shape: [1] };
		expect(() => parseManifest(manifest({ inputs: [twice, twice] }))).toThrow(refused);
		expect(() => parseManifest(manifest({}))).not.toThrow(FreeholdError);
	});
});

describe("a payment", () => {
	const requirements = { scheme: "batch-settlement", network: "eip155:10741", amount: "5", asset: address("a"), payTo: address("b"), maxTimeoutSeconds: 60 };
	const header = (accepted: object): string => toBase64(utf8(JSON.stringify({ x402Version: 2, accepted, payload: {} }).replace('"1e400"', "1e400")));

	it("has amounts of one spelling", () => {
		expect(decodePayment(header(requirements))).toBeDefined();
		expect(decodePayment(header({ ...requirements, amount: "05" }))).toBeUndefined();
	});

	it("is valid for a time that can be computed with", () => {
		for (const maxTimeoutSeconds of ["1e400", 2 ** 53, 0.5, 0, -1]) {
			expect(decodePayment(header({ ...requirements, maxTimeoutSeconds }))).toBeUndefined();
		}
		const offer = encodeHeader({ x402Version: 2, resource: { url: "" }, accepts: [{ ...requirements, maxTimeoutSeconds: 1e300 }] });
		expect(decodePaymentRequired(offer)?.accepts).toEqual([]);
	});

	it("names its channel's delay as a number that the contract can hold", () => {
		const read = (withdrawDelay: unknown) =>
			readBatchPayload({
				type: "voucher",
				channelConfig: {
					payer: address("1"),
					payerAuthorizer: address("1"),
					receiver: address("2"),
					receiverAuthorizer: address("2"),
					token: address("3"),
					salt: `0x${"0".repeat(64)}`,
					withdrawDelay,
				},
				voucher: { channelId: `0x${"d".repeat(64)}`, maxClaimableAmount: "1", signature: `0x${"ab".repeat(65)}` },
			})?.config.withdrawDelay;
		expect([read(900), read("900")]).toEqual([900, 900]);
		for (const odd of ["", " 5", "0x10", "1e3", "05", -1, 2 ** 40]) expect(read(odd)).toBeUndefined();
	});
});
