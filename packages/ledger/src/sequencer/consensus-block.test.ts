/** The encoding, held to a block that the reference engine itself made. */
import { readFileSync } from "node:fs";
import { type BlockId, type Commit, commitHash, fromBase64, fromHex, type Hex, headerHash, type Timestamp, toHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { expect, test } from "vitest";
import { blockIdOf, type ConsensusBlock, consensusParamsHash, dataHash, decodeBlock, encodeBlock } from "./consensus-block.js";

const vector = JSON.parse(readFileSync(new URL("../../test/vectors/consensus-block.json", import.meta.url), "utf8"));

const bytes = (text: string): Uint8Array => fromHex(`0x${text.toLowerCase()}`);
const hex = (value: Uint8Array): string => toHex(value).slice(2).toUpperCase();
const timestamp = (text: string): Timestamp => {
	const [whole = "", fraction = ""] = text.replace("Z", "").split(".");
	return { seconds: BigInt(Date.parse(`${whole}Z`) / 1000), nanos: Number(fraction.padEnd(9, "0")) };
};
const blockId = (id: { readonly hash: string; readonly parts: { readonly total: number; readonly hash: string } }): BlockId => ({
	hash: bytes(id.hash),
	partsTotal: id.parts.total,
	partsHash: bytes(id.parts.hash),
});

function blockOf(json: typeof vector.block): ConsensusBlock {
	const { header, data, last_commit: last } = json;
	const lastCommit: Commit = {
		height: BigInt(last.height),
		round: last.round,
		blockId: blockId(last.block_id),
		signatures: last.signatures.map(
			(vote: { readonly block_id_flag: 2; readonly validator_address: string; readonly timestamp: string; readonly signature: string }) => ({
				flag: vote.block_id_flag,
				validatorAddress: bytes(vote.validator_address),
				timestamp: timestamp(vote.timestamp),
				signature: fromBase64(vote.signature),
			}),
		),
	};
	return {
		header: {
			versionBlock: BigInt(header.version.block),
			versionApp: 0n,
			chainId: header.chain_id,
			height: BigInt(header.height),
			time: timestamp(header.time),
			lastBlockId: blockId(header.last_block_id),
			lastCommitHash: bytes(header.last_commit_hash),
			dataHash: bytes(header.data_hash),
			validatorsHash: bytes(header.validators_hash),
			nextValidatorsHash: bytes(header.next_validators_hash),
			consensusHash: bytes(header.consensus_hash),
			appHash: bytes(header.app_hash),
			lastResultsHash: bytes(header.last_results_hash),
			evidenceHash: bytes(header.evidence_hash),
			proposerAddress: bytes(header.proposer_address),
		},
		txs: data.txs.map(fromBase64),
		lastCommit,
	};
}

test("header hash, part set, transactions, commit and parameters are the reference engine's", () => {
	const block = blockOf(vector.block);
	const { header } = vector.block;
	const encoded = encodeBlock(block);
	const id = blockIdOf(block.header, encoded, nativeCrypto);
	expect(hex(headerHash(block.header))).toBe(vector.block_id.hash);
	expect({ hash: hex(id.hash), parts: { total: id.partsTotal, hash: hex(id.partsHash) } }).toEqual(vector.block_id);
	expect(hex(dataHash(block.txs, nativeCrypto))).toBe(header.data_hash);
	expect(hex(commitHash(block.lastCommit))).toBe(header.last_commit_hash);
	// The engine's usual limits: 21 MiB and no limit on gas.
	expect(hex(consensusParamsHash(22_020_096, -1n, nativeCrypto))).toBe(header.consensus_hash);
	expect(decodeBlock(encoded)).toEqual(block);
});

test.each<[string, Hex]>([
	["truncated", "0x0a05"],
	["of a wire type that is not used", "0x0d00000000"],
])("a block that is %s is refused", (_, encoded) => expect(() => decodeBlock(fromHex(encoded))).toThrow(SyntaxError));
