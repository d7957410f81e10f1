import {
	answerOfDeltas,
	charge,
	commit,
	commitTensors,
	engineDigest,
	fromHex,
	type Hex,
	type Order,
	orderDigest,
	type Receipt,
	receiptDigest,
	receiptShape,
	type Tensors,
	type TextDelta,
	type TextRequest,
	tensorFromElements,
	tensorsToJson,
	textResponseText,
	toHex,
} from "@freehold/protocol";
import { createDigestSigner, nativeCrypto } from "@freehold/service";
import { describe, expect, it } from "vitest";
import { checkAnswer } from "./receipt-check.js";

const CHAIN = 10741;
const node = createDigestSigner(new Uint8Array(32).fill(7));
const stranger = createDigestSigner(new Uint8Array(32).fill(8));
const word = (byte: string): Hex => `0x${byte.repeat(32)}`;
const price = { perCall: 1000n, perInputUnit: 3n, perOutputUnit: 5n };
const inputs: Tensors = { x: tensorFromElements("float32", [1, 4], [1, 2, 3, 4]) };
const outputs: Tensors = { y: tensorFromElements("float32", [1, 2], [5, 6]) };
const salt = word("aa");
const engine = { name: "test", version: "1", artifact: word("bb"), options: {} };
const order: Order = {
	callId: word("01"),
	gateway: "0x00000000000000000000000000000000000000aa",
	node: node.address,
	release: word("02"),
	priceVersion: 1,
	payer: word("03"),
	request: word("04"),
	mode: 0,
	maxInputUnits: 4n,
	maxOutputUnits: 2n,
	nodeFee: 7n,
	gatewayFee: 9n,
	deadline: 2_000n,
};
const honest: Receipt = {
	order: orderDigest(order, CHAIN),
	response: commit({ kind: "inference", version: 1, outputs: commitTensors(outputs) }, salt),
	engine: engineDigest(engine),
	inputUnits: 4n,
	outputUnits: 2n,
	charge: charge(price, { calls: 1n, inputUnits: 4n, outputUnits: 2n }, order),
	startedAt: 1_000n,
	finishedAt: 1_500n,
};

function answer(change: Partial<Receipt> = {}, more: Readonly<Record<string, unknown>> = {}, signer = node): Record<string, unknown> {
	const receipt = { ...honest, ...change };
	const receiptSignature = toHex(signer.signDigest(fromHex(receiptDigest(receipt, CHAIN))));
	return { receipt: receiptShape.write(receipt), receiptSignature, engine, evidence: [], outputs: tensorsToJson(outputs, "base64"), ...more };
}

const check = (given: unknown, of: Order = order) =>
	checkAnswer(of, given, {
		chainId: CHAIN,
		crypto: nativeCrypto,
		price,
		digest: orderDigest(of, CHAIN),
		question: { inputs },
		salt,
		isNodeKey: (key) => key === node.address,
	});

describe("a node's answer", () => {
	it("that is what the order asked for is taken over", () => {
		expect(check(answer())).toMatchObject({ receipt: honest, nodeKey: node.address, engine, content: { outputs } });
	});

	it.each<[string, unknown]>([
		["is signed by another key", answer({}, {}, stranger)],
		["is for another order", answer({ order: word("55") })],
		["commits to another answer", answer({ response: word("55") })],
		["names another engine", answer({ engine: word("55") })],
		["carries another engine", answer({}, { engine: { ...engine, version: "2" } })],
		["carries other outputs", answer({}, { outputs: tensorsToJson({ y: tensorFromElements("float32", [1, 2], [5, 7]) }, "base64") })],
		["counts more input", answer({ inputUnits: 5n })],
		["counts less output", answer({ outputUnits: 1n })],
		["charges one unit more", answer({ charge: honest.charge + 1n })],
		["charges one unit less", answer({ charge: honest.charge - 1n })],
		["ended after the deadline", answer({ finishedAt: 2_001n })],
		["ended before it began", answer({ startedAt: 1_501n })],
		["has no receipt", { ...answer(), receipt: undefined }],
		["has a malformed signature", { ...answer(), receiptSignature: "0x12" }],
		["is no object", "yes"],
	])("that %s is refused", (_, given) => {
		expect(() => check(given)).toThrow(expect.objectContaining({ code: "node.refused" }));
	});

	it("that uses more than the order allows is refused, even if it is counted right", () => {
		const tight = { ...order, maxOutputUnits: 1n };
		expect(() => check(answer({ order: orderDigest(tight, CHAIN) }), tight)).toThrow(/more units/);
	});

	it("in pieces counts the input that it began with; a provider's own count at the end replaces the estimate, within the order", () => {
		const deltas: readonly TextDelta[] = [
			{ choice: 0, text: "Hi", outputTokens: 1 },
			{ choice: 0, finish: "stop", outputTokens: 1 },
		];
		const textRequest = { task: "chat", messages: [], choices: 1 } as unknown as TextRequest;
		const text = answerOfDeltas("chat", 1, deltas).answer;
		const given = answer({
			response: commit(textResponseText(text, nativeCrypto), salt),
			outputUnits: 1n,
			charge: charge(price, { calls: 1n, inputUnits: 4n, outputUnits: 1n }, order),
		});
		const checkStream = (inputTokens: number, routed: boolean) =>
			checkAnswer(order, given, {
				chainId: CHAIN,
				crypto: nativeCrypto,
				price,
				digest: orderDigest(order, CHAIN),
				question: { textRequest },
				salt,
				routed,
				streamed: { inputTokens, deltas },
				isNodeKey: (key) => key === node.address,
			});
		expect(checkStream(4, false)).toMatchObject({ content: { textAnswer: text } });
		expect(() => checkStream(3, false)).toThrow(/other input tokens/);
		expect(checkStream(3, true)).toMatchObject({ receipt: { inputUnits: 4n } });
	});
});
