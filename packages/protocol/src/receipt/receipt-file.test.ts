import { describe, expect, it } from "vitest";
import type { Hex } from "../bytes/bytes.js";
import { limits } from "../limits.js";
import { formatReceiptFile, parseReceiptFile, type ReceiptFile } from "./receipt-file.js";

const hex = (fill: string, length: number): Hex => `0x${fill.repeat(length)}`;

const file: ReceiptFile = {
	version: 1,
	chainId: 10741,
	order: {
		callId: hex("01", 32),
		gateway: hex("02", 20),
		node: hex("03", 20),
		release: hex("04", 32),
		priceVersion: 1,
		payer: hex("05", 32),
		request: hex("06", 32),
		mode: 0,
		maxInputUnits: 64n,
		maxOutputUnits: 11n,
		nodeFee: 50_000_000_000_000_000n,
		gatewayFee: 0n,
		deadline: 1_760_000_000_000n,
	},
	orderSignature: hex("07", 65),
	receipt: {
		order: hex("08", 32),
		response: hex("09", 32),
		engine: hex("0a", 32),
		inputUnits: 64n,
		outputUnits: 11n,
		charge: (1n << 256n) - 1n,
		startedAt: 1n,
		finishedAt: (1n << 64n) - 1n,
	},
	receiptSignature: hex("0b", 65),
	engine: { name: "onnxruntime-node", version: "1.30.0", artifact: hex("0c", 32), options: { threads: 1, 'élan "quoted" \\': true } },
	evidence: [{ kind: "audited", author: hex("0d", 20), body: "line\nbreak \u2028 😀", signature: hex("0e", 65) }],
	holder: { payer: hex("0f", 20), salt: hex("10", 32) },
	request: { require: ["signed"], inputs: { X: { dtype: "float32", shape: [1, 2], data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) } } },
	response: { outputs: {} },
};

type Plain = Record<string, unknown>;
const text = formatReceiptFile(file);
const edited = (edit: (value: { [name: string]: Plain }) => void): string => {
	const value = JSON.parse(text) as { [name: string]: Plain };
	edit(value);
	return JSON.stringify(value);
};

describe("a receipt file", () => {
	it("reads back as what was written, whatever its white space", () => {
		expect(parseReceiptFile(text)).toEqual(file);
		expect(parseReceiptFile(JSON.stringify(JSON.parse(text)))).toEqual(file);
		expect(parseReceiptFile(text.replaceAll("\n", "\r\n\t"))).toEqual(file);
	});

	it("holds tensors of many megabytes", () => {
		const data = new Uint8Array(limits.tensorBytes).fill(0x55);
		const large = { ...file, response: { outputs: { Y: { dtype: "uint8", shape: [data.length], data } } } };
		expect(parseReceiptFile(formatReceiptFile(large)).response?.outputs["Y"]?.data.length).toBe(data.length);
	});

	it("is refused with anything unknown, missing, or of another type, and says where", () => {
		const wrong: readonly (readonly [string, string])[] = [
			["file.note", edited((value) => void Object.assign(value, { note: 1 }))],
			["file.order.note", edited((value) => void Object.assign(value["order"] ?? {}, { note: 1 }))],
			["file.order.mode", edited((value) => void delete value["order"]?.["mode"])],
			["file.version", edited((value) => void Object.assign(value, { version: 2 }))],
			["file.chainId", edited((value) => void Object.assign(value, { chainId: "10741" }))],
			["file.chainId", edited((value) => void Object.assign(value, { chainId: 0 }))],
			["file.order.nodeFee", edited((value) => void Object.assign(value["order"] ?? {}, { nodeFee: 5 }))],
			["file.order.nodeFee", edited((value) => void Object.assign(value["order"] ?? {}, { nodeFee: "05" }))],
			["file.order.deadline", edited((value) => void Object.assign(value["order"] ?? {}, { deadline: "18446744073709551616" }))],
			["file.order.priceVersion", edited((value) => void Object.assign(value["order"] ?? {}, { priceVersion: 4_294_967_296 }))],
			["file.order.gateway", edited((value) => void Object.assign(value["order"] ?? {}, { gateway: hex("AB", 20) }))],
			["file.order.gateway", edited((value) => void Object.assign(value["order"] ?? {}, { gateway: hex("ab", 21) }))],
			["file.orderSignature", edited((value) => void Object.assign(value, { orderSignature: hex("07", 64) }))],
			["file.evidence[0].kind", edited((value) => void Object.assign((value["evidence"] as unknown as Plain[])[0] ?? {}, { kind: "trusted" }))],
			["file.request.inputs.X.data", text.replace("AQIDBAUGBwg=", "AQIDBAUGBwh=")],
			["file.request.inputs.X.shape[0]", text.replace(/"shape": \[\s+1,/, '"shape": [1.5,')],
		];
		for (const [path, altered] of wrong) {
			expect(altered).not.toBe(text);
			expect(() => parseReceiptFile(altered), path).toThrow(new RegExp(`^${path.replace(/[[\].]/g, "\\$&")} `));
		}
	});

	it("is refused when a name stands twice or a value is spelt in an unusual way", () => {
		const again = text.replace('"version": 1,', '"version": 1, "version": 1,');
		const escaped = text.replace("onnxruntime-node", "onnxruntime\\u002dnode");
		const exponent = text.replace('"chainId": 10741', '"chainId": 1.0741e4');
		const negativeZero = text.replace('"mode": 0', '"mode": -0');
		const slash = text.replace("1.30.0", "1\\/30");
		for (const altered of [again, escaped, exponent, negativeZero, slash]) {
			expect(altered).not.toBe(text);
			expect(() => parseReceiptFile(altered)).toThrow(SyntaxError);
		}
	});

	it("is refused when it is no JSON, or longer than any receipt", () => {
		for (const altered of ["", "null", "[]", "{", `${text}{}`, '"'.repeat(3)]) expect(() => parseReceiptFile(altered)).toThrow(SyntaxError);
		expect(() => parseReceiptFile(" ".repeat(limits.receiptFileBytes + 1))).toThrow(/longer than/);
	});
});
