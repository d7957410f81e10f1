import { formatReceiptFile, type ReceiptFile } from "@freehold/protocol";
import { describe, expect, it } from "vitest";
import { CHAIN_ID, conversation, gatewayKey, keyOf, type Made, makeReceipt, node, nodeKey, type Story } from "../../test/genuine-receipt.js";
import type { Check, CheckName } from "./checks.js";
import { type ReceiptVerdict, type VerifyOptions, verifyReceipt, verifyReceiptText } from "./verify-receipt.js";

const HOUR = 3_600n;
const BATCH_TIME = 1_760_000_000n;

function verdictOn(made: Made, options: Partial<VerifyOptions> = {}): ReceiptVerdict {
	return verifyReceiptText(formatReceiptFile(made.file), { checkpoint: made.checkpoint, ...options });
}

async function verdictOf(changes: Partial<Story>, options: Partial<VerifyOptions> = {}): Promise<ReceiptVerdict> {
	return verdictOn(await makeReceipt(changes), options);
}

function failing(verdict: ReceiptVerdict): readonly CheckName[] {
	return verdict.checks.filter((check) => check.result === "fails").map((check) => check.name);
}

function check(verdict: ReceiptVerdict, name: CheckName): Check | undefined {
	return verdict.checks.find((candidate) => candidate.name === name);
}

describe("a genuine receipt", () => {
	it("meets its policy, every check in order, and says what is known", async () => {
		const verdict = await verdictOf({}, { require: ["signed"], chainId: CHAIN_ID });
		expect(verdict.checks.filter(({ ok }) => !ok)).toEqual([]);
		expect(verdict.outcome).toBe("meets");
		expect(verdict.kinds).toEqual(["signed"]);
		expect(verdict.checks.map(({ name }) => name)).toEqual([
			"file",
			"order",
			"signed",
			"payer",
			"request",
			"answer",
			"engine",
			"evidence",
			"release",
			"price",
			"anchored",
			"sum",
			"state",
			"header",
		]);
		expect(verdict.known.join(" ")).toContain(`One bonded node, ${node.address}, vouches`);
		expect(verdict.known.join(" ")).toContain("1.08 OPG");
		expect(verdict.notKnown).toEqual(["That another machine agrees."]);
	});

	it("may be the only call of its batch, or one of many", async () => {
		for (const otherCalls of [0, 1, 2, 30]) expect((await verdictOf({ otherCalls })).outcome).toBe("meets");
	});

	it("may be charged by units, up to the order's maxima", async () => {
		const price = { perCall: 0n, perInputUnit: 7n, perOutputUnit: 11n, validFrom: BATCH_TIME - HOUR, validUntil: 0n };
		expect((await verdictOf({ price })).outcome).toBe("meets");
		expect(failing(await verdictOf({ price, order: { maxInputUnits: 2n } }))).toEqual(["order"]);
	});

	it("lacks evidence when a kind that nobody gave is required", async () => {
		const verdict = await verdictOf({}, { require: ["signed", "replayed"] });
		expect(verdict.outcome).toBe("missingEvidence");
	});

	it("is not vouched for by a node whose bond is too small, leaving, or for another role", async () => {
		const small = { bond: 1n, unbonding: 0n, roles: 1n };
		const leaving = { bond: 100n * 10n ** 18n, unbonding: 1n, roles: 1n };
		const storage = { bond: 100n * 10n ** 18n, unbonding: 0n, roles: 4n };
		for (const node of [small, leaving, storage]) {
			const verdict = await verdictOf({ node }, { require: ["signed"] });
			expect(verdict.outcome).toBe("missingEvidence");
			expect(verdict.kinds).toEqual([]);
		}
	});

	it("of a call to a language model says what was asked and given, that it was cut, and who counted", async () => {
		const receipt = { inputUnits: 40n, outputUnits: 9n };
		const own = await verdictOf({ text: conversation, receipt }, { require: ["signed"] });
		expect(own.outcome).toBe("meets");
		expect(own.known.join(" ")).toContain("to the letter, with every setting, tool and attachment");
		expect(own.known.join(" ")).toContain("cut short");
		expect(own.known.join(" ")).toContain("40 tokens of request and 9 of answer");
		expect(own.notKnown.join(" ")).toContain("Whether the node counted the tokens rightly");
		const routed = await verdictOf({ text: conversation, receipt, engineOptions: { provider: "example" } });
		expect(routed.kinds).toEqual(["routed"]);
		expect(routed.notKnown.join(" ")).toContain("Whether the provider counted the tokens rightly. ".trim());
		expect(routed.known.join(" ")).toContain("an outside provider, example, answered");
	});

	it("says that an outside provider answered when the engine names one", async () => {
		expect((await verdictOf({ engineOptions: { provider: "example" } })).kinds).toEqual(["routed"]);
	});
});

describe("what the holder leaves out", () => {
	it("does not make it a forgery", async () => {
		const made = await makeReceipt();
		const without = (...names: (keyof ReceiptFile)[]): Made => ({
			...made,
			file: Object.fromEntries(Object.entries(made.file).filter(([name]) => !names.includes(name as keyof ReceiptFile))) as ReceiptFile,
		});
		for (const names of [["request"], ["response"], ["request", "response"], ["holder", "request", "response"]] as (keyof ReceiptFile)[][]) {
			expect(verdictOn(without(...names)).outcome).toBe("meets");
		}
		const unanchored = verdictOn(without("anchor"), { require: ["replayed"] });
		expect(unanchored.outcome).toBe("unanchored");
		expect(check(unanchored, "signed")?.result).toBe("unproven");
		expect(check(unanchored, "request")?.ok).toBe(true);
	});

	it("is judged by what the caller knows as long as the file does not prove it", async () => {
		const made = await makeReceipt();
		const { anchor: _, ...file } = made.file;
		const known = { gatewayKeys: [gatewayKey.address], nodeKeys: [nodeKey.address], price: made.price };
		const verdict = verifyReceipt(file, { checkpoint: made.checkpoint, known });
		expect(verdict.outcome).toBe("unanchored");
		expect(["order", "signed", "price"].map((name) => check(verdict, name as CheckName)?.ok)).toEqual([true, true, true]);
		expect(failing(verifyReceipt(file, { checkpoint: made.checkpoint, known: { ...known, nodeKeys: [] } }))).toEqual(["signed"]);
		expect(failing(verifyReceipt(file, { checkpoint: made.checkpoint, known: { ...known, price: { ...made.price, perCall: 1n } } }))).toContain("price");
	});
});

describe("a cheat who has the keys", () => {
	it("cannot charge more than order and price say", async () => {
		const verdict = await verdictOf({ chargeOverride: 2n * 10n ** 18n });
		expect(verdict.outcome).toBe("forged");
		expect(failing(verdict)).toEqual(["order", "price"]);
		expect(check(verdict, "order")?.detail).toBe("2.00 OPG was charged, the order allows 1.08 OPG");
	});

	it("cannot charge for elements that were not sent or did not come, even by a price that counts them", async () => {
		const price = { perCall: 0n, perInputUnit: 7n, perOutputUnit: 11n, validFrom: BATCH_TIME - HOUR, validUntil: 0n };
		const order = { maxInputUnits: 100n, maxOutputUnits: 100n };
		expect(failing(await verdictOf({ price, order, receipt: { inputUnits: 4n } }))).toEqual(["request"]);
		expect(failing(await verdictOf({ price, order, receipt: { outputUnits: 3n } }))).toEqual(["answer"]);
	});

	it("cannot commit to tensors that have other bytes than their type and shape say", async () => {
		const data = new Uint8Array(12);
		for (const X of [
			{ dtype: "float32", shape: [3, 2 ** 40], data },
			{ dtype: "float33", shape: [3], data },
			{ dtype: "string", shape: [4], data },
		]) {
			const units = X.shape.reduce((count, length) => count * BigInt(length), 1n);
			const verdict = await verdictOf({ inputs: { X }, order: { maxInputUnits: units }, receipt: { inputUnits: units } });
			expect(failing(verdict)).toEqual(["request"]);
			expect(check(verdict, "request")?.detail).toContain("tensor X");
		}
	});

	it("cannot charge less than it puts into the batch", async () => {
		expect(failing(await verdictOf({ chargeOverride: 10n ** 18n }))).toEqual(["price"]);
	});

	it("cannot sell a release that is retired, unknown, later, or not for this mode", async () => {
		const honest = { publishedAt: BATCH_TIME - HOUR, retiredAt: 0n, modes: 1n };
		expect((await verdictOf({ release: { ...honest, retiredAt: BATCH_TIME - 3_900n } })).outcome).toBe("meets");
		for (const release of [
			{ ...honest, retiredAt: BATCH_TIME - 3_901n },
			{ ...honest, publishedAt: 0n },
			{ ...honest, publishedAt: BATCH_TIME + 1n },
			{ ...honest, modes: 2n },
		]) {
			expect(failing(await verdictOf({ release }))).toEqual(["release"]);
		}
	});

	it("cannot use a price that is not in force", async () => {
		const price = { perCall: 5n, perInputUnit: 0n, perOutputUnit: 0n, validFrom: BATCH_TIME - HOUR, validUntil: 0n };
		expect((await verdictOf({ price: { ...price, validUntil: BATCH_TIME - 1_000n } })).outcome).toBe("meets");
		for (const wrong of [
			{ ...price, validFrom: 0n },
			{ ...price, validFrom: BATCH_TIME + 1n },
			{ ...price, validUntil: price.validFrom - 1n },
			{ ...price, validFrom: BATCH_TIME - 9_000n, validUntil: BATCH_TIME - 3_901n },
		]) {
			expect(failing(await verdictOf({ price: wrong }))).toEqual(["price"]);
		}
	});

	it("cannot sign with a key that is not, not yet, or no longer the node's", async () => {
		for (const nodeKeyInterval of [
			{ validFrom: 0n, validUntil: 0n },
			{ validFrom: BATCH_TIME + 1n, validUntil: BATCH_TIME + 9n },
			{ validFrom: BATCH_TIME - HOUR, validUntil: BATCH_TIME },
		]) {
			expect(failing(await verdictOf({ nodeKeyInterval }))).toEqual(["signed"]);
		}
		const past = { validFrom: BATCH_TIME, validUntil: BATCH_TIME + 1n };
		expect((await verdictOf({ nodeKeyInterval: past })).outcome).toBe("meets");
	});

	it("cannot answer after the deadline, in no time, or in a mode that does not exist", async () => {
		expect(failing(await verdictOf({ order: { deadline: BATCH_TIME * 1000n - 881n } }))).toEqual(["order"]);
		expect(failing(await verdictOf({ receipt: { startedAt: BATCH_TIME * 1000n } }))).toEqual(["order"]);
		expect(failing(await verdictOf({ order: { mode: 9 }, release: { publishedAt: 1n, retiredAt: 0n, modes: 255n } }))).toContain("order");
	});
});

describe("evidence", () => {
	const author = keyOf("auditor");

	it("is checked and never counted as long as nobody can judge its kind", async () => {
		const verdict = await verdictOf({ evidence: [{ kind: "replayed", body: "same bits", author }] }, { require: ["replayed"] });
		expect(verdict.outcome).toBe("missingEvidence");
		expect(verdict.kinds).toEqual(["signed"]);
		expect(verdict.notKnown.join(" ")).toContain(`evidence of kind replayed by ${author.address}`);
	});

	it("is refused when it stands twice or under another kind", async () => {
		const made = await makeReceipt({ evidence: [{ kind: "replayed", body: "same bits", author }] });
		const [item] = made.file.evidence;
		if (item === undefined) throw new Error("no evidence");
		expect(failing(verdictOn({ ...made, file: { ...made.file, evidence: [item, item] } }))).toEqual(["evidence"]);
		expect(failing(verdictOn({ ...made, file: { ...made.file, evidence: [{ ...item, kind: "proved" }] } }))).toEqual(["evidence"]);
	});
});

describe("consensus", () => {
	it("needs more than two thirds of the validators' power", async () => {
		const four = { checkpointKind: "validators", validatorPowers: [10n, 10n, 10n, 10n] } as const;
		expect((await verdictOf({ ...four, signers: [0, 1, 2, 3] })).outcome).toBe("meets");
		expect((await verdictOf({ ...four, signers: [0, 1, 3] })).outcome).toBe("meets");
		expect((await verdictOf({ ...four, signers: [0, 1, 3], nil: [2] })).outcome).toBe("meets");
		expect(failing(await verdictOf({ ...four, signers: [0, 1], nil: [2] }))).toEqual(["header"]);
		expect(failing(await verdictOf({ ...four, validatorPowers: [10n, 10n, 10n], signers: [0, 1] }))).toEqual(["header"]);
	});

	it("refuses another signer, another set, another chain, and a header from the future", async () => {
		const made = await makeReceipt();
		const other = await makeReceipt({ checkpointKind: "validators", validatorPowers: [1n, 2n], signers: [0, 1] });
		expect(failing(verdictOn(made, { checkpoint: { kind: "sequencer", signer: `0x${"01".repeat(32)}`, height: 3, hash: `0x${"00".repeat(32)}` } }))).toEqual([
			"header",
		]);
		expect(failing(verdictOn(made, { checkpoint: other.checkpoint }))).toEqual(["header"]);
		expect(failing(verdictOn(other, { checkpoint: made.checkpoint }))).toEqual(["header"]);
		expect(failing(verdictOn(made, { chainId: 10740 }))).toEqual(["file"]);
		expect(verdictOn(made, { now: Number(BATCH_TIME) * 1000 }).outcome).toBe("meets");
		expect(failing(verdictOn(made, { now: Number(BATCH_TIME - HOUR) * 1000 }))).toEqual(["header"]);
	});

	it("holds the block at the checkpoint's height to the checkpoint, and calls an older one unproven", async () => {
		const at = await makeReceipt({ checkpointHeight: 20 });
		expect(verdictOn(at).outcome).toBe("meets");
		expect(failing(verdictOn(at, { checkpoint: { ...at.checkpoint, hash: `0x${"cd".repeat(32)}` } }))).toEqual(["header"]);
		const newer = verdictOn(at, { checkpoint: { ...at.checkpoint, height: 21 } });
		expect(newer.outcome).toBe("unanchored");
		expect(check(newer, "header")?.detail).toContain("receipt refresh");
	});
});
