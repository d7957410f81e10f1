/**
 * A second opinion on consensus blocks: written from the format's description alone, sharing no code with the ledger. Reads the JSON that the RPC gives.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { ed25519 } from "@noble/curves/ed25519.js";

export interface LightBlockJson {
	readonly header: {
		readonly versionBlock: string;
		readonly versionApp: string;
		readonly chainId: string;
		readonly height: string;
		readonly time: TimeJson;
		readonly lastBlockId: BlockIdJson;
		readonly lastCommitHash: string;
		readonly dataHash: string;
		readonly validatorsHash: string;
		readonly nextValidatorsHash: string;
		readonly consensusHash: string;
		readonly appHash: string;
		readonly lastResultsHash: string;
		readonly evidenceHash: string;
		readonly proposerAddress: string;
	};
	readonly commit: { readonly height: string; readonly round: number; readonly blockId: BlockIdJson; readonly signatures: readonly SignatureJson[] };
	readonly validators: readonly { readonly publicKey: string; readonly power: string }[];
}
interface TimeJson {
	readonly seconds: string;
	readonly nanos: number;
}
interface BlockIdJson {
	readonly hash: string;
	readonly partsTotal: number;
	readonly partsHash: string;
}
interface SignatureJson {
	readonly flag: number;
	readonly validatorAddress: string;
	readonly timestamp: TimeJson;
	readonly signature: string;
}

const bytes = (hex: string): Buffer => Buffer.from(hex.slice(2), "hex");
export const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
	const hash = createHash("sha256");
	for (const part of parts) hash.update(part);
	return hash.digest();
};

function uvarint(value: bigint): Buffer {
	const out: number[] = [];
	for (let rest = value; ; rest >>= 7n) {
		if (rest < 128n) return Buffer.from([...out, Number(rest)]);
		out.push(Number(rest & 127n) | 128);
	}
}
const tagged = (field: number, wire: number, body: Buffer): Buffer => Buffer.concat([uvarint(BigInt(field * 8 + wire)), body]);
const number = (field: number, value: string | number): Buffer => (BigInt(value) === 0n ? Buffer.alloc(0) : tagged(field, 0, uvarint(BigInt(value))));
const always = (field: number, body: Buffer): Buffer => tagged(field, 2, Buffer.concat([uvarint(BigInt(body.length)), body]));
const blob = (field: number, body: Buffer): Buffer => (body.length === 0 ? body : always(field, body));
const fixed64 = (field: number, value: bigint): Buffer => {
	const body = Buffer.alloc(8);
	body.writeBigInt64LE(value);
	return value === 0n ? Buffer.alloc(0) : tagged(field, 1, body);
};
const time = ({ seconds, nanos }: TimeJson): Buffer => Buffer.concat([number(1, seconds), number(2, nanos)]);
const blockId = ({ hash, partsTotal, partsHash }: BlockIdJson): Buffer =>
	Buffer.concat([blob(1, bytes(hash)), always(2, Buffer.concat([number(1, partsTotal), blob(2, bytes(partsHash))]))]);

export function root(leaves: readonly Buffer[]): Buffer {
	if (leaves.length === 0) return sha256(Buffer.alloc(0));
	if (leaves.length === 1) return sha256(Buffer.of(0), leaves[0] as Buffer);
	const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
	return sha256(Buffer.of(1), root(leaves.slice(0, split)), root(leaves.slice(split)));
}

export function hashOfHeader(header: LightBlockJson["header"]): string {
	const leaves = [
		Buffer.concat([number(1, header.versionBlock), number(2, header.versionApp)]),
		blob(1, Buffer.from(header.chainId)),
		number(1, header.height),
		time(header.time),
		blockId(header.lastBlockId),
		...[
			header.lastCommitHash,
			header.dataHash,
			header.validatorsHash,
			header.nextValidatorsHash,
			header.consensusHash,
			header.appHash,
			header.lastResultsHash,
			header.evidenceHash,
			header.proposerAddress,
		].map((field) => blob(1, bytes(field))),
	];
	return `0x${root(leaves).toString("hex")}`;
}

export const hashOfCommit = (commit: LightBlockJson["commit"]): string =>
	`0x${root(commit.signatures.map(({ flag, validatorAddress, timestamp, signature }) => Buffer.concat([number(1, flag), blob(2, bytes(validatorAddress)), always(3, time(timestamp)), blob(4, bytes(signature))]))).toString("hex")}`;

export const hashOfResults = (results: readonly { readonly code: number; readonly gasWanted: number; readonly gasUsed: number }[]): string =>
	`0x${root(results.map(({ code, gasWanted, gasUsed }) => Buffer.concat([number(1, code), number(5, gasWanted), number(6, gasUsed)]))).toString("hex")}`;

export const hashOfTransactions = (transactions: readonly string[]): string => `0x${root(transactions.map((raw) => sha256(bytes(raw)))).toString("hex")}`;

/** The first thing that is wrong with a block, given the one before it; undefined when nothing is. */
export function faultOf({ header, commit, validators }: LightBlockJson, before?: LightBlockJson): string | undefined {
	const hash = hashOfHeader(header);
	if (commit.blockId.hash !== hash) return "the commit is for another header";
	if (commit.height !== header.height) return "the commit is for another height";
	const set = root(validators.map(({ publicKey, power }) => Buffer.concat([always(1, blob(1, bytes(publicKey))), number(2, power)])));
	if (`0x${set.toString("hex")}` !== header.validatorsHash) return "the validators are others";
	const [validator] = validators;
	const [vote] = commit.signatures;
	if (validator === undefined || vote === undefined || validators.length !== 1 || commit.signatures.length !== 1) return "it is not a set of one";
	if (vote.validatorAddress !== `0x${sha256(bytes(validator.publicKey)).subarray(0, 20).toString("hex")}`) return "the vote is somebody else's";
	if (header.proposerAddress !== vote.validatorAddress) return "the proposer is somebody else";
	const signed = Buffer.concat([
		number(1, 2),
		fixed64(2, BigInt(commit.height)),
		fixed64(3, BigInt(commit.round)),
		always(4, blockId(commit.blockId)),
		always(5, time(vote.timestamp)),
		blob(6, Buffer.from(header.chainId)),
	]);
	const message = Buffer.concat([uvarint(BigInt(signed.length)), signed]);
	const key = createPublicKey({
		key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), bytes(validator.publicKey)]),
		format: "der",
		type: "spki",
	});
	if (!verify(null, message, key, bytes(vote.signature))) return "the signature is wrong (OpenSSL)";
	if (!ed25519.verify(bytes(vote.signature), message, bytes(validator.publicKey), { zip215: true })) return "the signature is wrong (ZIP-215)";
	if (before === undefined) return undefined;
	if (BigInt(header.height) !== BigInt(before.header.height) + 1n) return "a height is missing";
	if (JSON.stringify(header.lastBlockId) !== JSON.stringify(before.commit.blockId)) return "the last block id is another";
	if (header.lastCommitHash !== hashOfCommit(before.commit)) return "the last commit is another";
	if (header.validatorsHash !== before.header.nextValidatorsHash) return "the next validators are others";
	const nanos = (moment: TimeJson): bigint => BigInt(moment.seconds) * 1_000_000_000n + BigInt(moment.nanos);
	if (nanos(header.time) <= nanos(before.header.time)) return "the time does not rise";
	return undefined;
}
