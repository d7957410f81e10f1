import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { toHex } from "../bytes/bytes.js";
import { type Commit, type ConsensusHeader, commitHash, headerHash, validatorAddress, validatorsHash, voteSignBytes } from "./header.js";
import { merkleRoot } from "./merkle.js";
import { varint } from "./proto.js";

interface Vectors {
	readonly source: string;
	readonly headerHash: string;
	readonly precommitSignBytes: string;
	readonly emptyTree: string;
	readonly emptyLeaf: string;
}

const vectors = JSON.parse(readFileSync(new URL("../../test/vectors/cometbft.json", import.meta.url), "utf8")) as Vectors;

const sha256 = (...parts: readonly (Uint8Array | string)[]): Uint8Array => {
	const hash = createHash("sha256");
	for (const part of parts) hash.update(part);
	return Uint8Array.from(hash.digest());
};
const fill = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte);
/** Bytes written down by hand. */
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ""), "hex"));
const plain = (value: Uint8Array): string => toHex(value).slice(2);

const header: ConsensusHeader = {
	versionBlock: 1n,
	versionApp: 2n,
	chainId: "chainId",
	height: 3n,
	time: { seconds: 1_570_983_284n, nanos: 0 },
	lastBlockId: { hash: fill(0), partsTotal: 6, partsHash: fill(0) },
	lastCommitHash: sha256("last_commit_hash"),
	dataHash: sha256("data_hash"),
	validatorsHash: sha256("validators_hash"),
	nextValidatorsHash: sha256("next_validators_hash"),
	consensusHash: sha256("consensus_hash"),
	appHash: sha256("app_hash"),
	lastResultsHash: sha256("last_results_hash"),
	evidenceHash: sha256("evidence_hash"),
	proposerAddress: sha256("proposer_address").slice(0, 20),
};

it("every vector is known", () => {
	expect(Object.keys(vectors).sort()).toEqual(["emptyLeaf", "emptyTree", "headerHash", "precommitSignBytes", "source"]);
});

describe("a consensus header", () => {
	it("has the hash that CometBFT's own test expects", () => {
		expect(plain(headerHash(header))).toBe(vectors.headerHash);
	});

	it("has another hash with any field changed", () => {
		const changed: readonly ConsensusHeader[] = [
			{ ...header, versionBlock: 2n },
			{ ...header, versionApp: 0n },
			{ ...header, chainId: "" },
			{ ...header, height: 4n },
			{ ...header, time: { ...header.time, nanos: 1 } },
			{ ...header, lastBlockId: { ...header.lastBlockId, partsTotal: 0 } },
			{ ...header, lastBlockId: { hash: new Uint8Array(0), partsTotal: 0, partsHash: new Uint8Array(0) } },
			...(
				[
					"lastCommitHash",
					"dataHash",
					"validatorsHash",
					"nextValidatorsHash",
					"consensusHash",
					"appHash",
					"lastResultsHash",
					"evidenceHash",
					"proposerAddress",
				] as const
			).flatMap((name) => [
				{ ...header, [name]: fill(1) },
				{ ...header, [name]: new Uint8Array(0) },
			]),
		];
		expect(new Set([header, ...changed].map((each) => plain(headerHash(each)))).size).toBe(changed.length + 1);
	});
});

describe("a vote", () => {
	const blockId = { hash: fill(0xaa), partsTotal: 1, partsHash: fill(0xbb) };
	const commit: Commit = { height: 5n, round: 0, blockId, signatures: [] };

	it("is signed over the bytes that CometBFT's own test expects", () => {
		const yearOne = { seconds: -62_135_596_800n, nanos: 0 };
		expect(plain(voteSignBytes({ ...commit, height: 1n, round: 1 }, { flag: 3, timestamp: yearOne }, ""))).toBe(vectors.precommitSignBytes);
	});

	it("for a block is signed over its protobuf, written here by hand", () => {
		const message = bytes(`
			08 02
			11 05 00 00 00 00 00 00 00
			22 48  0a 20 ${"aa".repeat(32)}  12 24  08 01  12 20 ${"bb".repeat(32)}
			2a 0b  08 80 a8 9e c7 06  10 95 9a ef 3a
			32 0e ${Buffer.from("freehold-10741").toString("hex")}
		`);
		const signed = voteSignBytes(commit, { flag: 2, timestamp: { seconds: 1_760_007_168n, nanos: 123_456_789 } }, "freehold-10741");
		expect(plain(signed)).toBe(plain(Uint8Array.of(...varint(message.length), ...message)));
	});
});

describe("a set of validators", () => {
	const set = [
		{ publicKey: fill(1), power: 10n },
		{ publicKey: fill(2), power: 300n },
	];

	it("has the root over its members' protobuf, written here by hand", () => {
		const leaf = (hex: string): Uint8Array => sha256(Uint8Array.of(0), bytes(hex));
		const first = leaf(`0a 22 0a 20 ${"01".repeat(32)} 10 0a`);
		const second = leaf(`0a 22 0a 20 ${"02".repeat(32)} 10 ac 02`);
		expect(plain(validatorsHash(set))).toBe(plain(sha256(Uint8Array.of(1), first, second)));
	});

	it("gives each member the first 20 bytes of its key's SHA-256 as address", () => {
		expect(plain(validatorAddress(fill(1)))).toBe(plain(sha256(fill(1)).slice(0, 20)));
	});

	it("commits to its votes, the absent ones included", () => {
		const absent = { flag: 1, validatorAddress: new Uint8Array(0), timestamp: { seconds: -62_135_596_800n, nanos: 0 }, signature: new Uint8Array(0) } as const;
		const vote = { flag: 2, validatorAddress: fill(7, 20), timestamp: { seconds: 1n, nanos: 2 }, signature: fill(9, 64) } as const;
		const leaf = (hex: string): Uint8Array => sha256(Uint8Array.of(0), bytes(hex));
		const first = leaf("08 01 1a 0b 08 80 92 b8 c3 98 fe ff ff ff 01");
		const second = leaf(`08 02 12 14 ${"07".repeat(20)} 1a 04 08 01 10 02 22 40 ${"09".repeat(64)}`);
		const commit: Commit = { height: 1n, round: 0, blockId: { hash: fill(0), partsTotal: 1, partsHash: fill(0) }, signatures: [absent, vote] };
		expect(plain(commitHash(commit))).toBe(plain(sha256(Uint8Array.of(1), first, second)));
	});
});

describe("the Merkle tree", () => {
	it("follows RFC 6962", () => {
		expect(plain(merkleRoot([]))).toBe(vectors.emptyTree);
		expect(plain(merkleRoot([new Uint8Array(0)]))).toBe(vectors.emptyLeaf);
	});

	it("splits at the largest power of two below the number of leaves", () => {
		const items = Array.from({ length: 5 }, (_, index) => Uint8Array.of(index));
		const leaf = items.map((item) => sha256(Uint8Array.of(0), item)) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
		const inner = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(Uint8Array.of(1), left, right);
		expect(plain(merkleRoot(items))).toBe(plain(inner(inner(inner(leaf[0], leaf[1]), inner(leaf[2], leaf[3])), leaf[4])));
	});
});
