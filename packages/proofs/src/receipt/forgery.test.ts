/** Nothing in a genuine file can be altered: each field at each depth is changed, removed, repeated and added to, and so are random bytes. */
import { type Crypto, compareBytes, defaultHashes, encodeRlp, formatReceiptFile, fromHex, isHex, maxInputTokens, toBase64, toHex } from "@freehold/protocol";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { conversation, keyOf, type Made, makeReceipt } from "../../test/genuine-receipt.js";
import { defaultCrypto } from "../crypto/default-crypto.js";
import { verifyReceiptText } from "./verify-receipt.js";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

const deep = process.env["FREEHOLD_DEEP"] === "1";

/** What a holder may take away without making the file a forgery. */
const STRIPPABLE = [/^(text)?[rR]equest$/, /^(text)?[rR]esponse$/, /^anchor$/, /^evidence\.\d+$/];

/** The primitives are pure, so each result is computed once for the thousands of files that share it. */
function remembering(crypto: Crypto): Crypto {
	const hashed = new Map<string, Uint8Array>();
	const recovered = new Map<string, Uint8Array | undefined>();
	const verified = new Map<string, boolean>();
	return {
		...crypto,
		keccak256: (data) => {
			const name = toHex(data);
			const known = hashed.get(name) ?? crypto.keccak256(data);
			hashed.set(name, known);
			return known;
		},
		recover: (digest, signature) => {
			const name = toHex(digest) + toHex(signature);
			if (!recovered.has(name)) recovered.set(name, crypto.recover(digest, signature));
			return recovered.get(name);
		},
		verifyEd25519: (key, message, signature) => {
			const name = [key, message, signature].map(toHex).join();
			const known = verified.get(name) ?? crypto.verifyEd25519(key, message, signature);
			verified.set(name, known);
			return known;
		},
	};
}

/** A day after the batch. */
const NOW = 1_760_000_000_000 + 86_400_000;
let made: Made;
let text: string;
const crypto = remembering(defaultCrypto);

beforeAll(async () => {
	made = await makeReceipt({
		checkpointKind: "validators",
		validatorPowers: [10n, 20n, 30n, 3n, 4n],
		signers: [0, 1, 2],
		nil: [3],
		evidence: [
			{ kind: "audited", body: "0.97 of the tokens agree", author: keyOf("auditor") },
			{ kind: "replayed", body: "", author: keyOf("replayer") },
		],
	});
	text = formatReceiptFile(made.file);
	expect(outcomeOf(text)).toBe("meets");
});

function outcomeOf(altered: string): string {
	return verifyReceiptText(altered, { checkpoint: made.checkpoint, crypto, trustNow: NOW }).outcome;
}

function* walk(value: Json, path: Path = []): Generator<{ readonly path: Path; readonly value: Json }> {
	yield { path, value };
	if (Array.isArray(value)) for (const [index, item] of value.entries()) yield* walk(item, [...path, index]);
	else if (typeof value === "object" && value !== null) for (const [key, item] of Object.entries(value)) yield* walk(item, [...path, key]);
}

/** A copy of the file in which what stands at `path` is edited in place by its parent. */
function edited(path: Path, edit: (parent: { [key: string]: Json }, key: string) => void): Json {
	const root = { root: JSON.parse(text) as Json };
	const full = ["root", ...path];
	let parent: Json = root;
	for (const key of full.slice(0, -1)) parent = (parent as { [key: string]: Json })[key] as Json;
	edit(parent as { [key: string]: Json }, String(full.at(-1)));
	return root.root;
}

function remove(path: Path): Json {
	return edited(path, (parent, key) => {
		if (Array.isArray(parent)) parent.splice(Number(key), 1);
		else delete parent[key];
	});
}

function replace(path: Path, value: Json): Json {
	return edited(path, (parent, key) => {
		parent[key] = value;
	});
}

/** Other values for one that stands in a file. */
function* alternatives(value: Json, isSparse = false): Generator<Json> {
	yield null;
	yield [];
	yield {};
	yield "";
	yield 0;
	yield true;
	if (typeof value === "boolean") yield !value;
	if (typeof value === "number") yield* [value + 1, value - 1, value + 0.5, String(value)];
	if (typeof value === "string") yield* textAlternatives(value, isSparse ? 8 : 64);
	if (Array.isArray(value)) {
		yield [...value].reverse();
		yield [...value, ...value.slice(-1)];
		yield [...value, "0x00"];
		if (value.length > 1) yield [value[1] as Json, value[0] as Json, ...value.slice(2)];
	} else if (typeof value === "object" && value !== null) {
		yield { ...value, note: "looks harmless" };
		yield { ...value, __proto_: {} };
	}
}

function* textAlternatives(value: string, mostFlips: number): Generator<Json> {
	yield `${value} `;
	yield `${value}0`;
	yield `0${value}`;
	if (/^\d+$/.test(value)) yield* [(BigInt(value) + 1n).toString(), (BigInt(value) * 2n).toString(), `-${value}`, Number(value)];
	if (isHex(value)) {
		yield value.toUpperCase().replace("0X", "0x");
		yield value.slice(0, -2);
		yield `${value}00`;
		const bytes = fromHex(value);
		for (const index of bytes.length > mostFlips ? [0, bytes.length >> 1, bytes.length - 1] : bytes.keys()) {
			const flipped = bytes.slice();
			flipped[index] = (flipped[index] as number) ^ 1;
			yield toHex(flipped);
		}
	}
}

const pathText = (path: Path): string => path.join(".");

/** Alterations that were not noticed, and how many were tried, of all that stands under a member of the file (or of its anchor), or of all. */
function survivorsOf(members?: readonly string[], isSparse = false): { readonly survivors: readonly string[]; readonly tried: number } {
	const survivors: string[] = [];
	let tried = 0;
	for (const { path, value } of walk(JSON.parse(text) as Json)) {
		if (members !== undefined && !members.includes(String(path[0])) && !members.includes(pathText(path.slice(0, 2)))) continue;
		for (const other of alternatives(value, isSparse)) {
			if (JSON.stringify(other) === JSON.stringify(value)) continue;
			const outcome = outcomeOf(JSON.stringify(replace(path, other)));
			tried++;
			if (outcome !== "forged" && !isStripping(path, value, other)) survivors.push(`${pathText(path)} → ${JSON.stringify(other)?.slice(0, 60)}: ${outcome}`);
		}
	}
	return { survivors, tried };
}

describe("a genuine file", () => {
	it("is a forgery with any field changed, whatever it is changed to", () => {
		const { survivors, tried } = survivorsOf();
		expect(survivors).toEqual([]);
		expect(tried).toBeGreaterThan(4_000);
	});

	it("is a forgery with any field removed, except what a holder may leave out", () => {
		const survivors: string[] = [];
		for (const { path } of walk(JSON.parse(text) as Json)) {
			if (path.length === 0) continue;
			const outcome = outcomeOf(JSON.stringify(remove(path)));
			const strippable = STRIPPABLE.some((pattern) => pattern.test(pathText(path)));
			if ((outcome === "forged") === strippable) survivors.push(`${pathText(path)}: ${outcome}`);
		}
		expect(survivors).toEqual([]);
	});

	it("is a forgery with any random bytes changed", () => {
		const strings = [...walk(JSON.parse(text) as Json)].filter(
			(entry): entry is { path: Path; value: string } => typeof entry.value === "string" && entry.value.length > 8,
		);
		fc.assert(
			fc.property(fc.nat(strings.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), (index, position, mask) => {
				const { path, value } = strings[index] as { path: Path; value: string };
				const bytes = isHex(value) ? fromHex(value) : new TextEncoder().encode(value);
				bytes[position % bytes.length] = (bytes[position % bytes.length] as number) ^ mask;
				const other = isHex(value) ? toHex(bytes) : new TextDecoder().decode(bytes);
				return other === value || outcomeOf(JSON.stringify(replace(path, other))) === "forged";
			}),
			{ numRuns: deep ? 50_000 : 1_500 },
		);
	});

	it("is a forgery with any random character of its text changed, white space aside", () => {
		const meaning = JSON.stringify(JSON.parse(text));
		fc.assert(
			fc.property(fc.nat(text.length - 1), fc.constantFrom(...'0123456789abcdefXZ"{}[]:, \n\\+=/-'), (position, character) => {
				const altered = text.slice(0, position) + character + text.slice(position + 1);
				return sameMeaning(altered, meaning) || outcomeOf(altered) === "forged";
			}),
			{ numRuns: deep ? 50_000 : 1_500 },
		);
	});

	it("is a forgery with a node in its state proof that proves nothing, though it stands in its place", () => {
		const nodes = made.file.anchor?.stateNodes ?? [];
		const stranger = encodeRlp([new Uint8Array(40), new Uint8Array(40)]);
		const inOrder = [...nodes, stranger].sort((a, b) => compareBytes(defaultHashes.keccak256(a), defaultHashes.keccak256(b))).map(toHex);
		expect(outcomeOf(JSON.stringify(replace(["anchor", "stateNodes"], inOrder)))).toBe("forged");
	});

	it("is a forgery when a tensor is spelt otherwise, renamed or reshaped", () => {
		const label = toBase64(made.file.response?.outputs["label"]?.data ?? new Uint8Array(0));
		expect(label).toBe("BwAAAAAAAAA=");
		for (const other of ["BwAAAAAAAAA", "BwAAAAAAAAB=", "BwAAAAAAAAA\n="]) {
			expect(outcomeOf(JSON.stringify(replace(["response", "outputs", "label", "data"], other)))).toBe("forged");
		}
		const { inputs } = (JSON.parse(text) as { request: { inputs: { X: Json } } }).request;
		expect(outcomeOf(JSON.stringify(replace(["request", "inputs"], { Y: inputs.X })))).toBe("forged");
		expect(outcomeOf(JSON.stringify(replace(["request", "inputs", "X", "shape"], [3, 1])))).toBe("forged");
	});
});

/** What such a file has instead of tensors; all else is as in any other. */
const TEXT_MEMBERS = ["textRequest", "textResponse"];

describe("a genuine file of a call to a language model", () => {
	beforeAll(async () => {
		made = await makeReceipt({ text: conversation, receipt: { inputUnits: 40n, outputUnits: 9n } });
		text = formatReceiptFile(made.file);
		expect(outcomeOf(text)).toBe("meets");
	});

	it("is a forgery with any setting, message, tool, byte or answer changed, whatever it is changed to", () => {
		const { survivors, tried } = survivorsOf(TEXT_MEMBERS);
		expect(survivors).toEqual([]);
		expect(tried).toBeGreaterThan(700);
	});

	it("is a forgery with any field removed, except what a holder may leave out", () => {
		const survivors: string[] = [];
		for (const { path } of walk(JSON.parse(text) as Json)) {
			if (!TEXT_MEMBERS.includes(String(path[0]))) continue;
			const outcome = outcomeOf(JSON.stringify(remove(path)));
			const strippable = STRIPPABLE.some((pattern) => pattern.test(pathText(path)));
			if ((outcome === "forged") === strippable) survivors.push(`${pathText(path)}: ${outcome}`);
		}
		expect(survivors).toEqual([]);
	});

	it("is a forgery with a second request or answer beside its own", () => {
		const tensors = { dtype: "float32", shape: [1], data: "AACAPw==" };
		for (const [key, value] of [
			["request", { require: ["signed"], inputs: { X: tensors } }],
			["response", { outputs: { Y: tensors } }],
		] as const)
			expect(outcomeOf(JSON.stringify({ ...(JSON.parse(text) as object), [key]: value }))).toBe("forged");
	});

	it("is a forgery when more tokens were charged than the request can have or may get", async () => {
		const most = maxInputTokens(conversation.request);
		for (const receipt of [
			{ inputUnits: most + 1n, outputUnits: 1n },
			{ inputUnits: 1n, outputUnits: 129n },
		]) {
			const { file, checkpoint } = await makeReceipt({ text: conversation, receipt, order: { maxInputUnits: most + 1n, maxOutputUnits: 200n } });
			expect(verifyReceiptText(formatReceiptFile(file), { checkpoint, crypto }).outcome).toBe("forged");
		}
	});
});

describe("a genuine file whose validators have changed since the checkpoint", () => {
	beforeAll(async () => {
		made = await makeReceipt({
			checkpointKind: "validators",
			pathSets: [
				[0, 1, 2],
				[1, 2, 3],
			],
			validatorPowers: [10n, 10n, 10n],
			signers: [0, 1, 2],
		});
		text = formatReceiptFile(made.file);
		expect(outcomeOf(text)).toBe("meets");
	});

	it("is a forgery with any field of the way changed, whatever it is changed to", () => {
		const { survivors, tried } = survivorsOf(["anchor.lightPath"], !deep);
		expect(survivors).toEqual([]);
		expect(tried).toBeGreaterThan(1_000);
	});

	it("is a forgery with any part of the way removed, and with the whole of it; without the checkpoint's own block it proves nothing", () => {
		const survivors: string[] = [];
		for (const { path } of walk(JSON.parse(text) as Json)) {
			if (path[1] === "lightPath" && outcomeOf(JSON.stringify(remove(path))) !== "forged") survivors.push(pathText(path));
		}
		expect(survivors).toEqual(["anchor.lightPath.0"]);
		expect(outcomeOf(JSON.stringify(remove(["anchor", "lightPath", 0])))).toBe("unanchored");
	});

	it("is a forgery with blocks that the way does not need, in another order, or repeated", async () => {
		const { lightPath = [], lightBlock } = (JSON.parse(text) as { readonly anchor: { readonly lightPath?: Json[]; readonly lightBlock: Json } }).anchor;
		// Most of the set stays: one step would have been enough.
		const longer = await makeReceipt({
			checkpointKind: "validators",
			pathSets: [
				[0, 2, 3],
				[1, 2, 3],
			],
			validatorPowers: [10n, 10n, 10n],
			signers: [0, 1, 2],
		});
		const options = { checkpoint: longer.checkpoint, crypto, trustNow: NOW };
		const verdict = verifyReceiptText(formatReceiptFile(longer.file), options);
		expect([verdict.outcome, verdict.checks.find(({ name }) => name === "header")?.detail]).toEqual(["forged", expect.stringContaining("is not needed")]);
		for (const other of [[...lightPath].reverse(), [...lightPath, lightBlock], []])
			expect(outcomeOf(JSON.stringify(replace(["anchor", "lightPath"], other)))).toBe("forged");
	});

	it("proves nothing for certain once the checkpoint is older than sets are trusted, or without a clock; a later checkpoint on the way does", () => {
		const judged = (options: object) => verifyReceiptText(text, { checkpoint: made.checkpoint, crypto, ...options });
		for (const options of [{}, { trustNow: NOW + 7 * 86_400_000 }]) {
			const { outcome, notKnown } = judged(options);
			expect(outcome).toBe("unanchored");
			expect(notKnown.join(" ")).toContain("a checkpoint that is too old");
		}
		const [, second] = made.file.anchor?.lightPath ?? [];
		if (second === undefined) throw new Error("two blocks");
		const later = { kind: "validators", validatorsHash: toHex(second.header.validatorsHash), height: 12, hash: toHex(second.commit.blockId.hash) } as const;
		expect(judged({ trustNow: NOW, checkpoint: later }).outcome).toBe("meets");
		expect(judged({ trustNow: NOW, checkpoint: { ...later, hash: `0x${"11".repeat(32)}` } }).outcome).toBe("forged");
		const elsewhere = judged({ trustNow: NOW, checkpoint: { ...later, height: 11 } });
		expect([elsewhere.outcome, elsewhere.notKnown.join(" ")]).toEqual(["unanchored", expect.stringContaining("the way to it does not pass the checkpoint")]);
		expect(judged({ trustNow: NOW, checkpoint: { ...later, height: 21 } }).outcome).toBe("unanchored");
		const signer = `0x${"22".repeat(32)}` as const;
		expect(judged({ trustNow: NOW, checkpoint: { kind: "sequencer", signer, height: 12, hash: later.hash } }).outcome).toBe("forged");
	});
});

/** An emptied or shortened list of evidence is a removal. */
function isStripping(path: Path, value: Json, other: Json): boolean {
	if (pathText(path) !== "evidence" || !Array.isArray(value) || !Array.isArray(other)) return false;
	const kept = new Set(value.map((item) => JSON.stringify(item)));
	return other.every((item) => kept.delete(JSON.stringify(item)));
}

function sameMeaning(altered: string, meaning: string): boolean {
	try {
		return JSON.stringify(JSON.parse(altered)) === meaning;
	} catch {
		return false;
	}
}
