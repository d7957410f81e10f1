import { writeFile } from "node:fs/promises";
import { inferenceAbi } from "@freehold/contracts/abi";
import { judgeLightBlock } from "@freehold/proofs";
import { contractAddresses, equalBytes, fromHex, type Hex, toHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { encodeFunctionData } from "viem";
import { describe, expect, test } from "vitest";
import { CONSENSUS_CHAIN_ID, openApplication } from "../../test/driven-ledger.js";
import { CHAIN_ID, developers, eventually } from "../../test/local-ledger.js";
import { engine, startValidators, type ValidatorNode } from "../../test/validators.js";
import type { LedgerApplication } from "../application/application.js";
import { keccak256 } from "../state/keccak.js";
import { hexOf } from "../transaction/decode.js";

/** What `abci.test.ts` replays: recorded here with FREEHOLD_RECORD=1. */
const SESSION = new URL("../../test/vectors/abci-session.json", import.meta.url);
const SLOW_MS = 240_000;
const RECIPIENT = "0x00000000000000000000000000000000000000aa";

const transfer = (developer: number, nonce: number, change: object = {}) =>
	(developers[developer] as (typeof developers)[number])
		.signTransaction({
			type: "eip1559",
			chainId: CHAIN_ID,
			nonce,
			gas: 21_000n,
			maxFeePerGas: 10n ** 9n,
			maxPriorityFeePerGas: 3n,
			to: RECIPIENT,
			value: 1n,
			...change,
		})
		.then(fromHex);

/** What a node delivers for a call of a transaction. */
const result = (developer: number, nonce: number, transaction: Hex): Promise<Uint8Array> => {
	const [zero, node] = [`0x${"00".repeat(32)}` as Hex, developers[developer]?.address as Hex];
	const delivery = {
		transaction,
		index: 0n,
		kind: 0,
		payer: node,
		request: zero,
		operator: node,
		attempt: 0,
		release: zero,
		priceVersion: 1,
		inputUnits: 1n,
		outputUnits: 1n,
		ok: true,
		output: toHex(new TextEncoder().encode("answer")),
	};
	const data = encodeFunctionData({ abi: inferenceAbi, functionName: "deliver", args: [delivery] as never });
	return transfer(developer, nonce, { to: contractAddresses.Inference, value: 0n, gas: 1_000_000n, data });
};
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Resolves when every node has these payments. */
const paid = (nodes: readonly ValidatorNode[], amount: bigint) =>
	eventually(async () => (nodes.every((node) => node.balance(fromHex(RECIPIENT)) === amount) ? true : undefined), `${amount} payments everywhere`, 60_000);

/** Each node executed the block of every height that all have, with the same hash. */
function expectEqualHashes(nodes: readonly ValidatorNode[]): number {
	const common = Math.min(...nodes.map(({ application }) => Number(application.height)));
	for (let height = 1; height <= common; height++) {
		const hashes = nodes.map(({ decided }) => decided.findLast(({ block }) => block.height === BigInt(height))?.appHash);
		for (const hash of hashes) expect(toHex(hash ?? new Uint8Array(0)), `height ${height}`).toBe(toHex(hashes[0] ?? new Uint8Array(0)));
	}
	return common;
}

describe.skipIf(engine === undefined)("four validators under CometBFT [CometBFT, or Go to build it]", () => {
	test(
		"have one state, which is that of the same blocks without CometBFT, and whose commits a verifier accepts",
		async () => {
			const session: { readonly connection: number; readonly request: string; readonly response: string }[] = [];
			const network = await startValidators({
				count: 4,
				tap: (connection, request, response) => session.push({ connection, request: base64(request), response: base64(response) }),
			});
			const { nodes } = network;
			try {
				let sent = 0n;
				for (let nonce = 0; nonce < 4; nonce++) {
					// The first node gets all of them from its peers.
					for (const index of [1, 2, 3]) {
						expect(nodes[index]?.application.checkTx(await transfer(index, nonce)).code).toBe(0);
						sent++;
					}
					await paid(nodes, sent);
				}
				expect(expectEqualHashes(nodes)).toBeGreaterThan(4);
				expect(nodes.flatMap(({ faults, ends }) => [...faults, ...ends])).toEqual([]);
				if (process.env["FREEHOLD_RECORD"] === "1") await writeFile(SESSION, `${JSON.stringify(session, null, "\t")}\n`);

				const alone = await openApplication();
				try {
					alone.application.initChain(network.genesis);
					for (const { block, appHash } of nodes[0]?.decided ?? []) {
						expect(equalBytes(alone.application.finalizeBlock(block).appHash, appHash), `height ${block.height}`).toBe(true);
						await alone.application.commit();
					}
				} finally {
					await alone.close();
				}

				const archive = (nodes[1] as ValidatorNode).driver.archive;
				const origin = await archive.origin();
				if (origin === undefined || !("validatorsHash" in origin)) throw new Error("no origin");
				const { validatorsHash, genesis } = origin;
				const checkpoint = { kind: "validators", validatorsHash, ...genesis } as const;
				const head = (nodes[1] as ValidatorNode).application.height - 1n;
				const light = await archive.lightBlock(head);
				if (light === undefined) throw new Error("no light block");
				expect(judgeLightBlock(light, { checkpoint, consensusChainId: CONSENSUS_CHAIN_ID }, nativeCrypto)).toEqual({ kind: "trusted" });
			} finally {
				await network.stop();
			}
		},
		SLOW_MS,
	);

	test(
		"outvote a proposer that forges: wrong order, replays, too much gas, rubbish, results of models that are late or not the node's",
		async () => {
			const forgeries: ((application: LedgerApplication, honest: readonly Uint8Array[]) => Promise<readonly Uint8Array[]>)[] = [
				async (_, honest) => [...honest].reverse(),
				async (_, honest) => [...honest, ...honest.slice(0, 1)],
				async (application) => application.chain.block(1n)?.transactions.map(({ raw }) => raw) ?? [],
				async () => Promise.all([0, 1].map((nonce) => transfer(3, nonce, { gas: 60_000_000n }))),
				async () => [Uint8Array.of(1, 2, 3)],
				// A result behind the transaction that needs it, as if a model had been asked afterwards.
				async (_, honest) => {
					const consumer = hexOf(keccak256(honest[0] as Uint8Array));
					return [...honest, await result(3, 0, consumer)];
				},
				// A result that the node did not sign: its bytes were changed, so that the signature is nobody's.
				async (_, honest) => {
					const signed = await result(3, 9, hexOf(keccak256(honest[0] as Uint8Array)));
					const at = Buffer.from(signed).indexOf(Buffer.from("answer", "utf8"));
					expect(at).toBeGreaterThan(0);
					signed[at] = (signed[at] as number) ^ 1;
					return [signed, ...honest];
				},
			];
			let proposed = 0;
			const ready: (readonly Uint8Array[])[] = [];
			const network = await startValidators({
				count: 4,
				twist: (application, index) => {
					if (index !== 0) return;
					const honest = application.prepareProposal.bind(application);
					application.prepareProposal = (request) => {
						const forged = ready.shift();
						if (forged === undefined) return honest(request);
						proposed++;
						return forged;
					};
				},
			});
			const { nodes } = network;
			const first = nodes[0] as ValidatorNode;
			try {
				let sent = 0n;
				const send = async (nonce: number): Promise<void> => {
					for (const index of [1, 2]) expect(nodes[index]?.application.checkTx(await transfer(index, nonce)).code).toBe(0);
					sent += 2n;
				};
				await send(0);
				await paid(nodes, sent);
				for (const [index, forge] of forgeries.entries()) {
					const honest = await Promise.all([2 * index + 1, 2 * index + 2].map((nonce) => transfer(1, nonce)));
					ready.push(await forge(first.application, honest));
					for (const raw of honest) expect(nodes[1]?.application.checkTx(raw).code).toBe(0);
					sent += 2n;
					await paid(nodes, sent);
					// Also when others proposed this time: the clock's empty blocks give it its turn.
					await eventually(async () => (proposed === index + 1 ? true : undefined), "the forged proposal", 30_000);
				}
				const common = expectEqualHashes(nodes);
				const blocks = first.decided.slice(0, common).flatMap(({ block }) => block.txs);
				expect(new Set(blocks.map(toHex)).size).toBe(blocks.length);
				expect(blocks).toHaveLength(Number(sent));
				expect(nodes.flatMap(({ faults, ends }) => [...faults, ...ends])).toEqual([]);
			} finally {
				await network.stop();
			}
		},
		SLOW_MS,
	);

	test(
		"go on when an engine is killed, and its application keeps its state and follows again",
		async () => {
			const network = await startValidators({ count: 4 });
			const { nodes } = network;
			try {
				expect(nodes[1]?.application.checkTx(await transfer(1, 0)).code).toBe(0);
				await paid(nodes, 1n);
				const victim = nodes[0] as ValidatorNode;
				const pid = victim.driver.enginePid;
				if (pid === undefined) throw new Error("no engine");
				process.kill(pid, "SIGKILL");
				// What enters the pool meanwhile goes to the next engine.
				expect(victim.application.checkTx(await transfer(2, 0)).code).toBe(0);
				expect(nodes[1]?.application.checkTx(await transfer(1, 1)).code).toBe(0);
				await paid(nodes, 3n);
				expect(victim.driver.enginePid).not.toBe(pid);
				expect(victim.ends).toHaveLength(1);
				expectEqualHashes(nodes);
				expect(nodes.flatMap(({ faults }) => faults)).toEqual([]);
			} finally {
				await network.stop();
			}
		},
		SLOW_MS,
	);
});
