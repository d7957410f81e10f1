/** What CometBFT's RPC says of blocks and sets, as light blocks. */
import { fromHex, type Hex, type LightBlock, type Timestamp } from "@freehold/protocol";

interface Recorded {
	readonly blocks: readonly {
		readonly signed_header: { readonly header: Json; readonly commit: Json };
		readonly validators: readonly { readonly pub_key: string; readonly voting_power: string }[];
	}[];
}
// biome-ignore lint/suspicious/noExplicitAny: the shape is CometBFT's, and a wrong one fails the tests that read it
type Json = any;

export function recordedBlocks(text: string): readonly LightBlock[] {
	return (JSON.parse(text) as Recorded).blocks.map(({ signed_header: { header, commit }, validators }) => ({
		header: {
			versionBlock: BigInt(header.version.block ?? 0),
			versionApp: BigInt(header.version.app ?? 0),
			chainId: header.chain_id,
			height: BigInt(header.height),
			time: timeOf(header.time),
			lastBlockId: blockIdOf(header.last_block_id),
			lastCommitHash: bytesOf(header.last_commit_hash),
			dataHash: bytesOf(header.data_hash),
			validatorsHash: bytesOf(header.validators_hash),
			nextValidatorsHash: bytesOf(header.next_validators_hash),
			consensusHash: bytesOf(header.consensus_hash),
			appHash: bytesOf(header.app_hash),
			lastResultsHash: bytesOf(header.last_results_hash),
			evidenceHash: bytesOf(header.evidence_hash),
			proposerAddress: bytesOf(header.proposer_address),
		},
		commit: {
			height: BigInt(commit.height),
			round: commit.round,
			blockId: blockIdOf(commit.block_id),
			signatures: commit.signatures.map((each: Json) =>
				each.block_id_flag === 1
					? { flag: 1, validatorAddress: new Uint8Array(0), timestamp: { seconds: 0n, nanos: 0 }, signature: new Uint8Array(0) }
					: {
							flag: each.block_id_flag,
							validatorAddress: bytesOf(each.validator_address),
							timestamp: timeOf(each.timestamp),
							signature: Uint8Array.from(Buffer.from(each.signature, "base64")),
						},
			),
		},
		validators: validators.map(({ pub_key, voting_power }) => ({ publicKey: Uint8Array.from(Buffer.from(pub_key, "base64")), power: BigInt(voting_power) })),
	}));
}

export function consensusChainIdOf(blocks: readonly LightBlock[]): string {
	return blocks[0]?.header.chainId ?? "";
}

const bytesOf = (hex: string): Uint8Array => fromHex(`0x${hex.toLowerCase()}` as Hex);
const blockIdOf = (id: Json): LightBlock["commit"]["blockId"] => ({ hash: bytesOf(id.hash), partsTotal: id.parts.total, partsHash: bytesOf(id.parts.hash) });

/** All nine digits: `Date` keeps three. */
function timeOf(text: string): Timestamp {
	const [, second = "", fraction = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(text) ?? [];
	return { seconds: BigInt(Date.parse(`${second}Z`) / 1_000), nanos: Number(fraction.padEnd(9, "0")) };
}
