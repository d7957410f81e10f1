/** Receipts that real programs made, judged when nothing of the network is left: from the file, the checkpoint, and arithmetic. */
import { type VerifyOptions, verifyReceiptText } from "@freehold/proofs";
import { type CallBody, formatReceiptFile, type Hex, type ReceiptFile, receiptFileShape } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { account, CHAIN_ID, startNetwork, type TestNetwork } from "../gateway/network.js";
import { createTestPayer } from "../gateway/payer.js";
import { eventually } from "../journey/programs.js";

let files: readonly ReceiptFile[];
let trust: VerifyOptions;

beforeAll(async () => {
	const network = await startNetwork();
	try {
		const payer = createTestPayer(network);
		const answers = [await payer.ask(), ...(await Promise.all([payer.ask(), payer.ask(), payer.ask()]))];
		files = await Promise.all(answers.map((answer) => finalFile(network, answer.body.callId)));
		const { signer, genesis } = (await network.client.request("freehold_status")) as { signer: Hex; genesis: { height: number; hash: Hex } };
		trust = { checkpoint: { kind: "sequencer", signer, ...genesis }, chainId: CHAIN_ID, crypto: nativeCrypto, require: ["signed"] };
	} finally {
		await network.stop();
	}
});

function finalFile(network: TestNetwork, callId: string): Promise<ReceiptFile> {
	return eventually(async () => {
		const call = (await (await fetch(`${network.gatewayUrl()}/v1/calls/${callId}`)).json()) as CallBody;
		return call.state === "final" ? receiptFileShape.read(call.receiptFile, "receiptFile") : undefined;
	}, "the call's proof");
}

describe("a receipt that real programs made", () => {
	it("meets its policy in every check, with the pure primitives and the native ones", () => {
		for (const file of files) {
			for (const options of [trust, { checkpoint: trust.checkpoint }]) {
				const verdict = verifyReceiptText(formatReceiptFile(file), options);
				expect(verdict.checks.filter(({ ok }) => !ok)).toEqual([]);
				expect(verdict).toMatchObject({ outcome: "meets", kinds: ["signed"] });
			}
			expect(file.holder?.payer).toBe(account("payer").address);
		}
	});

	it("is no receipt of another network", () => {
		const [file] = files as readonly [ReceiptFile];
		const stranger: VerifyOptions = { ...trust, checkpoint: { kind: "sequencer", signer: `0x${"07".repeat(32)}`, height: 1, hash: `0x${"00".repeat(32)}` } };
		expect(verifyReceiptText(formatReceiptFile(file), stranger).outcome).toBe("forged");
	});

	it("cannot take its anchor, signature, answer or payer from another one", () => {
		const [file, other] = files as readonly [ReceiptFile, ReceiptFile];
		for (const name of ["anchor", "order", "receipt", "orderSignature", "receiptSignature", "holder"] as const) {
			expect(verifyReceiptText(formatReceiptFile({ ...file, [name]: other[name] }), trust).outcome, name).toBe("forged");
		}
	});

	it("is a forgery with any character changed", () => {
		const text = JSON.stringify(receiptFileShape.write(files[0] as ReceiptFile));
		fc.assert(
			fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0123456789abcdef"{}[],:AZ+/='), (position, character) => {
				if (text[position] === character) return true;
				return verifyReceiptText(text.slice(0, position) + character + text.slice(position + 1), trust).outcome === "forged";
			}),
			{ numRuns: process.env["FREEHOLD_DEEP"] === "1" ? 20_000 : 600 },
		);
	});
});
