/** Transactions and events exactly once, on a real ledger that is killed in the middle. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Hex, toHex } from "@freehold/protocol";
import { type ChainClient, type Cursor, contracts, createChainClient, createTransactor, followEvents, memoryIntentStore } from "@freehold/sdk/chain";
import { encodeFunctionData } from "viem";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { testAccount } from "../journey/accounts.js";
import { eventually, type RunningProgram, startProgram, temporaryFolder } from "../journey/programs.js";

const CHAIN_ID = 10741;
const OPG = 10n ** 18n;
const sender = testAccount(0);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ledger: RunningProgram;
let client: ChainClient;

function startLedger(port: string): Promise<RunningProgram> {
	const options = { data: join(folder.path, "ledger"), genesis: join(folder.path, "genesis.json"), "sequencer-key": join(folder.path, "sequencer.key"), port };
	return startProgram("ledger", options, { folder: folder.path });
}

beforeAll(async () => {
	folder = await temporaryFolder();
	const balances = [{ address: sender.address, amount: (1_000n * OPG).toString() }];
	await writeFile(join(folder.path, "genesis.json"), JSON.stringify({ chainId: CHAIN_ID, timestamp: Math.floor(Date.now() / 1000) - 60, balances }));
	ledger = await startLedger("0");
	client = createChainClient({ rpcUrl: ledger.url, chainId: CHAIN_ID });
});

afterAll(async () => {
	await ledger.stop();
	await folder.remove();
});

describe("a ledger that is killed while transactions are in flight", () => {
	it("has each of them once, and its events reach a follower once and in order", async () => {
		const store = memoryIntentStore();
		const receiver: Hex = toHex(new Uint8Array(20).fill(0x77));
		const count = 150;
		const sendAll = (): Promise<unknown>[] => {
			const transactor = createTransactor({ client, signer: sender.signer, store });
			return Array.from({ length: count }, (_, index) => {
				const data = encodeFunctionData({ abi: contracts.OPG.abi, functionName: "transfer", args: [receiver, BigInt(index + 1)] });
				return transactor.send({ key: `transfer:${index}`, to: contracts.OPG.address, data, gas: 100_000n }, { timeoutMs: 60_000 });
			});
		};

		const seen: bigint[] = [];
		let cursor: Cursor | undefined;
		const stop = new AbortController();
		const following = followEvents({
			client,
			contracts: [contracts.OPG],
			cursor,
			signal: stop.signal,
			onBlock: (events, block) => {
				cursor = block.cursor;
				for (const event of events) if (event.name === "Transfer" && event.args["to"] === receiver) seen.push(event.args["value"] as bigint);
			},
		});

		const first = sendAll();
		await Promise.race(first);
		const { port } = new URL(ledger.url);
		await ledger.kill();
		ledger = await startLedger(port);
		// A second process with the same store asks for the same things.
		await Promise.all([...first, ...sendAll()]);

		const total = (BigInt(count) * BigInt(count + 1)) / 2n;
		expect(await client.balance(receiver)).toBe(total);
		expect(await client.transactionCount(sender.address)).toBe(count);
		await eventually(() => Promise.resolve(seen.length >= count ? true : undefined), "all events");
		expect([...seen].sort((a, b) => Number(a - b))).toEqual(Array.from({ length: count }, (_, index) => BigInt(index + 1)));
		expect(cursor?.number).toBeLessThanOrEqual(await client.blockNumber());
		stop.abort();
		await following;
	});
});
