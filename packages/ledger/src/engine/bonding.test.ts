/** A set that changes under real engines: somebody bonds, joins and votes; somebody signs two blocks and has to go. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { validatorSetAbi } from "@freehold/contracts/abi";
import { LightClient } from "@freehold/proofs/light";
import {
	contractAddresses,
	equalBytes,
	fromHex,
	type Hex,
	headerHash,
	type LightBlock,
	type Timestamp,
	toHex,
	validatorAddress,
	voteSignBytes,
} from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { encodeFunctionData, parseAbi } from "viem";
import { describe, expect, test } from "vitest";
import { CONSENSUS_CHAIN_ID, openApplication } from "../../test/driven-ledger.js";
import { CHAIN_ID, eventually, OPG } from "../../test/local-ledger.js";
import { newcomer, possessionOf } from "../../test/staking-genesis.js";
import { engine, startValidators, type ValidatorNode } from "../../test/validators.js";

const SLOW_MS = 240_000;
const WAIT_MS = 90_000;
const SET = contractAddresses.ValidatorSet;
const approveAbi = parseAbi(["function approve(address spender, uint256 amount)"]);

let nonce = 0;
const sign = (to: Hex, data: Hex): Promise<Uint8Array> => {
	const fees = { gas: 1_000_000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n };
	return newcomer.signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce: nonce++, to, data, ...fees }).then(fromHex);
};

const lightBlock = async ({ driver }: ValidatorNode, height: bigint): Promise<LightBlock> => {
	const block = await driver.archive.lightBlock(height);
	if (block === undefined) throw new Error(`no block ${height}`);
	return block;
};
/** The first later block whose set has `has` this key. */
const untilSet = (node: ValidatorNode, publicKey: Uint8Array, has: boolean): Promise<LightBlock> =>
	eventually(
		async () => {
			const block = await lightBlock(node, node.application.height - 1n);
			return block.validators.some((validator) => equalBytes(validator.publicKey, publicKey)) === has ? block : undefined;
		},
		has ? "the newcomer in the set" : "the set without the cheat",
		WAIT_MS,
	);

const hexUpper = (bytes: Uint8Array): string => toHex(bytes).slice(2).toUpperCase();
const rfc3339 = ({ seconds, nanos }: Timestamp): string => `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, "0")}Z`;

/** Two votes of one validator for two blocks of one height, as CometBFT's JSON-RPC takes evidence. */
function doubleVote({ header, commit, validators }: LightBlock, key: ValidatorNode["key"]): unknown {
	const index = validators.findIndex(({ publicKey }) => equalBytes(publicKey, key.publicKey));
	const address = validatorAddress(key.publicKey);
	const votes = [1, 2].map((fill) => {
		const blockId = { hash: new Uint8Array(32).fill(fill), partsTotal: 1, partsHash: new Uint8Array(32).fill(fill) };
		const vote = { flag: 2, validatorAddress: address, timestamp: header.time } as const;
		const signature = key.sign(voteSignBytes({ height: header.height, round: commit.round, blockId, signatures: [] }, vote, header.chainId));
		return {
			type: 2,
			height: header.height.toString(),
			round: commit.round,
			block_id: { hash: hexUpper(blockId.hash), parts: { total: 1, hash: hexUpper(blockId.partsHash) } },
			timestamp: rfc3339(header.time),
			validator_address: hexUpper(address),
			validator_index: index,
			signature: Buffer.from(signature).toString("base64"),
		};
	});
	const total = validators.reduce((sum, { power }) => sum + power, 0n);
	return {
		type: "tendermint/DuplicateVoteEvidence",
		value: {
			vote_a: votes[0],
			vote_b: votes[1],
			TotalVotingPower: total.toString(),
			ValidatorPower: validators[index]?.power.toString(),
			Timestamp: rfc3339(header.time),
		},
	};
}

async function handIn({ engineUrl }: ValidatorNode, evidence: unknown): Promise<void> {
	const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "broadcast_evidence", params: { evidence } });
	const answer = (await (await fetch(engineUrl, { method: "POST", body, headers: { "content-type": "application/json" } })).json()) as {
		readonly error?: unknown;
	};
	expect(answer.error).toBeUndefined();
}

describe.skipIf(engine === undefined)("a set that follows the stake [CometBFT, or Go to build it]", () => {
	test(
		"a newcomer bonds, fetches the blocks and votes; who signs two blocks is slashed and goes; a light client follows, and a ledger alone has the same states",
		async () => {
			nonce = 0;
			const network = await startValidators({ count: 4, others: 2, staking: { epochSeconds: 5 } });
			try {
				const [first] = network.nodes as [ValidatorNode];
				const late = await network.add();
				await eventually(async () => (late.application.height > 2n ? true : undefined), "the newcomer's blocks", WAIT_MS);
				// It hands its bond in itself.
				const publicKey = toHex(late.key.publicKey);
				const args = [publicKey, possessionOf(late.key, newcomer.address), 500, 12_000n * OPG] as const;
				for (const [to, data] of [
					[contractAddresses.OPG, encodeFunctionData({ abi: approveAbi, functionName: "approve", args: [SET, 12_000n * OPG] })],
					[SET, encodeFunctionData({ abi: validatorSetAbi, functionName: "bond", args })],
				] as const)
					expect(late.application.checkTx(await sign(to, data)).code).toBe(0);
				const joined = await untilSet(first, late.key.publicKey, true);
				expect(joined.validators.map(({ power }) => power).sort()).toEqual([10_000n, 10_000n, 10_000n, 10_000n, 12_000n]);
				const address = validatorAddress(late.key.publicKey);
				const voted = await eventually(
					async () => {
						const block = await lightBlock(first, first.application.height - 1n);
						return block.commit.signatures.some(({ flag, validatorAddress: who }) => flag === 2 && equalBytes(who, address)) ? block : undefined;
					},
					"a vote of the newcomer",
					WAIT_MS,
				);

				const cheat = network.nodes[3] as ValidatorNode;
				const before = network.nodes.map(({ balance }) => balance(fromHex(SET)));
				await handIn(first, doubleVote(voted, cheat.key));
				const without = await untilSet(first, cheat.key.publicKey, false);
				expect(without.validators).toHaveLength(4);
				const common = Math.min(...network.nodes.map(({ application }) => Number(application.height)));
				expect(first.decided.slice(0, common).flatMap(({ block }) => block.misbehaviour)).toMatchObject([
					{ kind: "duplicateVote", height: voted.header.height },
				]);
				// Five hundredths of ten thousand; the reward pool's fees are less than one.
				const lost = (before[0] as bigint) - first.balance(fromHex(SET));
				expect(lost).toBeGreaterThan(499n * OPG);
				expect(lost).toBeLessThanOrEqual(500n * OPG);

				// A copy of a validator's key, without the record of what it signed: its engine sees the votes in the last blocks, and does not begin to vote.
				const key = "engine/config/priv_validator_key.json";
				await copyFile(join(network.dir, "0", key), join(network.dir, "5", key));
				const copy = await network.add();
				const said = await eventually(async () => copy.ends.find((words) => words.includes("signature")), "the engine's refusal", WAIT_MS);
				expect(said).toContain("found signature from the same key");
				await copy.stop();
				expect(first.decided.flatMap(({ block }) => block.misbehaviour)).toHaveLength(1);

				const origin = await lightBlock(first, 1n);
				const checkpoint = {
					kind: "validators",
					validatorsHash: toHex(origin.header.validatorsHash),
					height: 1,
					hash: toHex(headerHash(origin.header)),
				} as const;
				const trust = { consensusChainId: CONSENSUS_CHAIN_ID, trustPeriodMs: 3_600_000 };
				const light = new LightClient({ checkpoint, first: origin, source: (height) => lightBlock(late, height), trust, now: Date.now, crypto: nativeCrypto });
				expect((await light.verify(without.header.height)).header).toEqual(without.header);

				const alone = await openApplication();
				try {
					alone.application.initChain(network.genesis);
					for (const { block, appHash } of first.decided) {
						expect(equalBytes(alone.application.finalizeBlock(block).appHash, appHash), `height ${block.height}`).toBe(true);
						await alone.application.commit();
					}
				} finally {
					await alone.close();
				}
				expect(network.nodes.filter((node) => node !== copy).flatMap(({ faults, ends }) => [...faults, ...ends])).toEqual([]);
			} finally {
				await network.stop();
			}
		},
		SLOW_MS,
	);
});
