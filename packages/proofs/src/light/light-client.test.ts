/** Against headers of CometBFT's own program, whose set of validators changed while they were made (`test/vectors/record-headers.mjs`). */
import { readFileSync } from "node:fs";
import { type Checkpoint, headerHash, type LightBlock, toHex, validatorsHash, voteSignBytes } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { ed25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { consensusChainIdOf, recordedBlocks } from "../../test/recorded-headers.js";
import { LightClient, type LightClientOptions, LightError } from "./light-client.js";
import { judgeLightPath } from "./light-path.js";
import { judgeStep, type LightTrust } from "./step.js";

const blocks = recordedBlocks(readFileSync(new URL("../../test/vectors/headers.json", import.meta.url), "utf8"));
const at = (height: number): LightBlock => blocks[height - 1] as LightBlock;
const LAST = blocks.length;
const crypto = nativeCrypto;
const madeAt = Number(at(LAST).header.time.seconds) * 1_000;
const trust: LightTrust = { consensusChainId: consensusChainIdOf(blocks), trustPeriodMs: 3_600_000, now: madeAt + 5_000 };
const checkpointOf = ({ header }: LightBlock): Checkpoint => ({
	kind: "validators",
	validatorsHash: toHex(header.validatorsHash),
	height: Number(header.height),
	hash: toHex(headerHash(header)),
});
const step = (from: number, to: LightBlock, more: Partial<LightTrust> = {}) => judgeStep(at(from), to, { ...trust, ...more }, crypto);
const client = (options: Partial<LightClientOptions> = {}): LightClient =>
	new LightClient({
		checkpoint: checkpointOf(at(1)),
		first: at(1),
		source: async (height) => at(Number(height)),
		trust,
		now: () => trust.now,
		crypto,
		...options,
	});
const faultOf = async (work: Promise<unknown>): Promise<LightError> => {
	const error: unknown = await work.then(() => undefined).catch((reason: unknown) => reason);
	expect(error).toBeInstanceOf(LightError);
	return error as LightError;
};

describe("a step", () => {
	it("to the next height holds for each recorded block, also where the set changes", () => {
		const sets = new Set(blocks.map(({ header }) => toHex(header.validatorsHash)));
		expect(sets.size).toBeGreaterThan(3);
		for (let height = 1; height < LAST; height++) expect([height, step(height, at(height + 1)).kind]).toEqual([height, "trusted"]);
	});

	it("over any distance holds exactly where more than a third of the trusted set signed", () => {
		const seen = { trusted: 0, tooFar: 0 };
		for (let from = 1; from <= LAST; from++) {
			for (let to = from + 2; to <= LAST; to++) {
				const signed = new Set(at(to).commit.signatures.flatMap(({ flag, validatorAddress }) => (flag === 2 ? [toHex(validatorAddress)] : [])));
				const known = at(from).validators.filter(({ publicKey }) => signed.has(toHex(crypto.sha256(publicKey).slice(0, 20))));
				const sum = (set: LightBlock["validators"]): bigint => set.reduce((total, { power }) => total + power, 0n);
				const kind = sum(known) * 3n > sum(at(from).validators) ? "trusted" : "tooFar";
				expect([from, to, step(from, at(to)).kind]).toEqual([from, to, kind]);
				seen[kind] += 1;
			}
		}
		expect(seen.trusted).toBeGreaterThan(20);
		expect(seen.tooFar).toBeGreaterThan(20);
	});

	it("is refused with any single field changed", () => {
		const paths = leavesOf(at(13));
		expect(paths.length).toBeGreaterThan(40);
		for (const path of paths) {
			const verdict = step(12, changedAt(at(13), path));
			expect([path.join("."), verdict.kind]).toEqual([path.join("."), "refused"]);
		}
	});

	it("backwards, into the future, from a block that is too old, or to another chain is none", () => {
		expect(step(5, at(5))).toMatchObject({ kind: "refused", reason: expect.stringContaining("does not come after") });
		expect(step(5, at(4)).kind).toBe("refused");
		expect(step(1, at(5), { now: Number(at(1).header.time.seconds) * 1_000 - 3_600_000 })).toEqual({
			kind: "refused",
			reason: "the header is from the future",
		});
		expect(step(1, at(5), { now: Number(at(1).header.time.seconds) * 1_000 + trust.trustPeriodMs + 1_000 })).toEqual({ kind: "expired" });
		expect(step(1, at(2), { consensusChainId: "another" })).toMatchObject({ kind: "refused", reason: expect.stringContaining("is of chain") });
	});

	it("needs more than two thirds of the new set and more than a third of the old one, to the unit", () => {
		const old = madeSet([1n, 1n, 1n]);
		const of = (signers: readonly number[], set = old) => judgeStep(madeBlock(10n, old, [0, 1, 2]), madeBlock(20n, set, signers), madeTrust, crypto).kind;
		expect(of([0, 1, 2])).toBe("trusted");
		expect(of([0, 1])).toBe("refused");
		// One of three is a third, not more.
		const mixed = [...old.slice(0, 1), ...madeSet([10n, 10n, 10n], 50)];
		expect(of([0, 1, 2, 3], mixed)).toBe("tooFar");
		const heavier = [...old.slice(0, 2), ...madeSet([10n, 10n], 50)];
		expect(of([0, 1, 2, 3], heavier)).toBe("trusted");
		expect(of([0, 2, 3], heavier)).toBe("tooFar");
	});
});

describe("a light client", () => {
	it("reaches the newest block from the first, by few blocks between", async () => {
		const asked: number[] = [];
		const light = client({
			source: async (height) => {
				asked.push(Number(height));
				return at(Number(height));
			},
		});
		expect(await light.verify(BigInt(LAST))).toEqual(at(LAST));
		expect(asked[0]).toBe(LAST);
		expect(asked.length).toBeGreaterThan(1);
		expect(asked.length).toBeLessThan(LAST / 2);
		expect(light.newest).toEqual(at(LAST));
	});

	it("gives the fewest blocks of the way, which prove the last one to anybody who has the checkpoint", async () => {
		for (const to of [2, 5, 13, LAST]) {
			const way = await client().path(BigInt(to));
			expect([way[0], way.at(-1)]).toEqual([at(1), at(to)]);
			const judged = (blocks: readonly LightBlock[], more = {}) =>
				judgeLightPath(
					blocks.slice(0, -1),
					at(to),
					{ checkpoint: checkpointOf(at(1)), consensusChainId: trust.consensusChainId, now: trust.now, ...more },
					crypto,
				);
			expect(judged(way)).toEqual({ kind: "trusted" });
			for (let index = 1; index < way.length - 1; index++) expect(judged(way.filter((_, place) => place !== index)).kind).toBe("refused");
			expect(judged(way, { now: undefined })).toEqual({ kind: "expired" });
			expect(judged(way, { now: madeAt + 8 * 86_400_000 })).toEqual({ kind: "expired" });
		}
		expect((await client().path(BigInt(LAST))).length).toBeGreaterThan(2);
	});

	it("begins at its checkpoint's block and no other", () => {
		expect(() => client({ first: at(2) })).toThrow(LightError);
		expect(() => client({ checkpoint: { ...checkpointOf(at(1)), hash: `0x${"11".repeat(32)}` } })).toThrow(/another header/);
		expect(() => client({ checkpoint: { ...checkpointOf(at(1)), kind: "validators", validatorsHash: `0x${"11".repeat(32)}` } })).toThrow(
			/not the trusted ones/,
		);
	});

	it("refuses a source that gives another height or a spoilt block on the way", async () => {
		expect((await faultOf(client({ source: async () => at(7) }).verify(20n))).fault).toBe("refused");
		for (const spoilt of [LAST, 13]) {
			const source = async (height: bigint): Promise<LightBlock> => {
				const block = at(Number(height));
				return Number(height) === spoilt ? { ...block, header: { ...block.header, appHash: new Uint8Array(32) } } : block;
			};
			expect((await faultOf(client({ source }).verify(BigInt(LAST)))).fault).toBe("refused");
		}
	});

	it("says when what it trusts is too old", async () => {
		const late = client({ now: () => madeAt + trust.trustPeriodMs + 60_000 });
		expect((await faultOf(late.verify(5n))).fault).toBe("expired");
	});

	it("passes over witnesses that are silent, agree, or lie without signatures", async () => {
		const liar: LightBlock = { ...at(20), header: { ...at(20).header, appHash: new Uint8Array(32) } };
		const witnesses = [async () => Promise.reject(new Error("gone")), async (height: bigint) => at(Number(height)), async () => liar];
		expect(await client({ witnesses }).verify(20n)).toEqual(at(20));
	});

	it("shows both blocks and who signed both where a witness proves another one", async () => {
		const set = madeSet([1n, 1n, 1n, 1n]);
		const first = madeBlock(10n, set, [0, 1, 2, 3]);
		const ours = madeBlock(20n, set, [0, 1, 2], 1);
		const theirs = madeBlock(20n, set, [1, 2, 3], 2);
		const light = client({
			checkpoint: checkpointOf(first),
			first,
			source: async () => ours,
			witnesses: [async () => theirs],
			trust: madeTrust,
			now: () => madeTrust.now,
		});
		const { fault, conflict } = await faultOf(light.verify(20n));
		expect(fault).toBe("conflict");
		expect(conflict).toMatchObject({ ours, theirs });
		expect([...(conflict?.signedBoth ?? [])].sort()).toEqual([1, 2].map((index) => toHex((set[index] as (typeof set)[number]).publicKey)).sort());
		expect(light.newest).toEqual(first);
	});
});

const MADE_S = 1_900_000_000n;
const madeTrust: LightTrust = { consensusChainId: "made", trustPeriodMs: 3_600_000, now: Number(MADE_S) * 1_000 + 60_000 };
const secretOf = (index: number): Uint8Array => crypto.sha256(Uint8Array.of(1, index));
function madeSet(powers: readonly bigint[], from = 0) {
	return powers.map((power, index) => ({ publicKey: ed25519.getPublicKey(secretOf(from + index)), power, secret: secretOf(from + index) }));
}

/** A block that these members of a made-up set signed. */
function madeBlock(height: bigint, set: ReturnType<typeof madeSet>, signers: readonly number[], variant = 0): LightBlock {
	const validators = set.map(({ publicKey, power }) => ({ publicKey, power }));
	const header = {
		...at(1).header,
		chainId: "made",
		height,
		time: { seconds: MADE_S + height, nanos: variant },
		validatorsHash: validatorsHash(validators),
		nextValidatorsHash: validatorsHash(validators),
	};
	const unsigned = { height, round: 0, blockId: { hash: headerHash(header), partsTotal: 1, partsHash: new Uint8Array(32).fill(3) }, signatures: [] };
	const signatures = set.map(({ publicKey, secret }, index) => {
		if (!signers.includes(index))
			return { flag: 1 as const, validatorAddress: new Uint8Array(0), timestamp: { seconds: 0n, nanos: 0 }, signature: new Uint8Array(0) };
		const timestamp = { seconds: MADE_S + height, nanos: index };
		const signature = ed25519.sign(voteSignBytes(unsigned, { flag: 2, timestamp }, "made"), secret);
		return { flag: 2 as const, validatorAddress: crypto.sha256(publicKey).slice(0, 20), timestamp, signature };
	});
	return { header, commit: { ...unsigned, signatures }, validators };
}

type Path = readonly (string | number)[];

/** Paths of all values in a block. */
function leavesOf(value: unknown, path: Path = []): readonly Path[] {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return [path];
	return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, Array.isArray(value) ? Number(key) : key]));
}

/** The block with the value there changed as little as can be. */
function changedAt<T>(value: T, [key, ...rest]: Path): T {
	if (key === undefined) return changed(value) as T;
	const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
	copy[key] = changedAt(copy[key], rest);
	return copy as T;
}

function changed(value: unknown): unknown {
	if (typeof value === "bigint") return value + 1n;
	if (typeof value === "number") return value + 1;
	if (typeof value === "string") return `${value}x`;
	const bytes = Uint8Array.from(value as Uint8Array);
	if (bytes.length === 0) return Uint8Array.of(1);
	bytes[0] = (bytes[0] ?? 0) ^ 1;
	return bytes;
}
