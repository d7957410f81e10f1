import { equalBytes, fromHex, toHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSequencer } from "../../test/driven-ledger.js";
import { faultOf, hashOfHeader, hashOfResults, hashOfTransactions, type LightBlockJson, root } from "../../test/independent-light-client.js";
import { CHAIN_ID, developers, eventually, GENESIS_TIME } from "../../test/local-ledger.js";
import { blockIdOf, decodeBlock, encodeBlock } from "./consensus-block.js";

type Opened = Awaited<ReturnType<typeof openSequencer>>;
let ledger: Opened;

beforeEach(async () => {
	ledger = await openSequencer({ now: GENESIS_TIME * 1000 + 1_000 });
});
afterEach(async () => {
	await ledger.sequencer.stop();
	expect(ledger.faults).toEqual([]);
	await ledger.close();
});

const sign = (developer: number, nonce: number, change: object = {}) =>
	(developers[developer] as (typeof developers)[number]).signTransaction({
		type: "eip1559",
		chainId: CHAIN_ID,
		nonce,
		gas: 21_000n,
		maxFeePerGas: 10n ** 9n,
		maxPriorityFeePerGas: 1n,
		to: "0x00000000000000000000000000000000000000aa",
		value: 1n,
		...change,
	});

async function send(...raws: readonly string[]): Promise<void> {
	for (const raw of raws) expect(ledger.application.checkTx(fromHex(raw)).log).toBe("");
	ledger.sequencer.notify();
}
const height = (at: bigint) => eventually(async () => (ledger.sequencer.height >= at ? true : undefined), `height ${at}`);
/** Every chance to make a block that it should not make. */
async function settled(): Promise<void> {
	for (let turn = 0; turn < 20; turn++) {
		ledger.sequencer.notify();
		await new Promise((resolve) => setImmediate(resolve));
	}
}
const chain = (): readonly LightBlockJson[] => Array.from({ length: Number(ledger.sequencer.height) }, (_, index) => ledger.light(index + 1) as LightBlockJson);

describe("the empty-block rule", () => {
	test("a new chain: block 1 proves genesis, and nothing follows", async () => {
		await ledger.sequencer.start();
		await settled();
		expect(ledger.sequencer.height).toBe(1n);
		const first = ledger.light(1);
		expect(first?.header.appHash).toBe(ledger.application.chain.head.id);
		expect(first?.header.time).toEqual({ seconds: String(GENESIS_TIME), nanos: 0 });
		expect(first?.header.lastBlockId).toEqual({ hash: "0x", partsTotal: 0, partsHash: "0x" });
	});

	test("a transaction makes two blocks: its own, and the empty one that proves it", async () => {
		await ledger.sequencer.start();
		await send(await sign(0, 0));
		await height(3n);
		await settled();
		expect(ledger.sequencer.height).toBe(3n);
		const [genesis, own, proof] = chain();
		expect(own?.header.appHash).toBe(genesis?.header.appHash);
		expect(proof?.header.appHash).toBe(ledger.application.chain.head.id);
		expect(ledger.application.chain.head.header.number).toBe(1n);
		expect(ledger.store.block(3n)?.txs).toEqual([]);
	});

	test("five seconds without an EVM block make one, and its proof", async () => {
		await ledger.sequencer.start();
		ledger.clock.now = GENESIS_TIME * 1000 + 4_999;
		await settled();
		expect(ledger.sequencer.height).toBe(1n);
		ledger.clock.now += 1;
		ledger.sequencer.notify();
		await height(3n);
		await settled();
		expect(ledger.sequencer.height).toBe(3n);
		expect(ledger.application.chain.head.header).toMatchObject({ number: 1n, gasUsed: 0n, timestamp: BigInt(GENESIS_TIME + 5) });
	});

	test("a clock that goes back does not stop blocks, and their time still rises", async () => {
		await ledger.sequencer.start();
		await send(await sign(0, 0));
		await height(3n);
		ledger.clock.now -= 3_600_000;
		await send(await sign(0, 1));
		await height(5n);
		for (const [index, block] of chain().entries()) expect(faultOf(block, chain()[index - 1])).toBeUndefined();
	});
});

describe("consensus blocks, checked by independent code", () => {
	beforeEach(async () => {
		await ledger.sequencer.start();
		await send(await sign(0, 0), await sign(0, 1), await sign(1, 0, { gas: 30_000n }));
		await height(3n);
		ledger.clock.now += 700;
		await send(await sign(0, 2, { to: "0x4f50470000000000000000000000000000000002", gas: 50_000n }));
		await height(5n);
	});

	test("each header, commit, signature and link is right", () => {
		const blocks = chain();
		expect(blocks).toHaveLength(5);
		for (const [index, block] of blocks.entries()) expect(faultOf(block, blocks[index - 1])).toBeUndefined();
	});

	test("transactions and results are committed to", async () => {
		const [, own, proof, second, secondProof] = chain();
		const raws = ledger.store.block(2n)?.txs.map(toHex) ?? [];
		expect(raws).toHaveLength(3);
		expect(own?.header.dataHash).toBe(hashOfTransactions(raws));
		expect(proof?.header.dataHash).toBe(hashOfTransactions([]));
		expect(second?.header.dataHash).toBe(hashOfTransactions(ledger.store.block(4n)?.txs.map(toHex) ?? []));
		const results = ledger.application.chain.block(1n);
		expect(proof?.header.lastResultsHash).toBe(
			hashOfResults(
				(results?.transactions ?? []).map((tx, index) => ({ code: 0, gasWanted: Number(tx.gasLimit), gasUsed: Number(results?.receipts[index]?.gasUsed) })),
			),
		);
		const reverted = ledger.application.chain.block(2n);
		expect(reverted?.receipts[0]?.success).toBe(false);
		expect(secondProof?.header.lastResultsHash).toBe(hashOfResults([{ code: 1, gasWanted: 50_000, gasUsed: Number(reverted?.receipts[0]?.gasUsed) }]));
		expect(second?.header.lastResultsHash).toBe(hashOfResults([]));
	});

	test("the part set covers the block's own bytes, over several parts", () => {
		const block = ledger.store.block(2n);
		if (block === undefined) throw new Error("block 2 is missing");
		const encoded = encodeBlock(block);
		expect(chain()[1]?.commit.blockId).toMatchObject({ partsTotal: 1, partsHash: toHex(root([Buffer.from(encoded)])) });
		expect(decodeBlock(encoded)).toEqual(block);
		const large = encodeBlock({ ...block, txs: [new Uint8Array(150_000).fill(3)] });
		const parts = [0, 1, 2].map((part) => Buffer.from(large.subarray(part * 65_536, (part + 1) * 65_536)));
		const id = blockIdOf(block.header, large, nativeCrypto);
		expect([id.partsTotal, toHex(id.partsHash)]).toEqual([3, toHex(root(parts))]);
	});

	test("changing any one field is noticed", () => {
		const [, , , honest] = chain();
		const [, , before] = chain();
		if (honest === undefined || before === undefined) throw new Error("blocks are missing");
		const flip = (hex: string): string => `0x${hex.slice(2, -1)}${hex.endsWith("0") ? "1" : "0"}`;
		const header = (change: Partial<LightBlockJson["header"]>): LightBlockJson => ({ ...honest, header: { ...honest.header, ...change } });
		const texts = Object.entries(honest.header).filter((entry): entry is [keyof LightBlockJson["header"], string] => typeof entry[1] === "string");
		for (const [name, value] of texts) {
			const changed = value.startsWith("0x") ? flip(value) : /^\d+$/.test(value) ? String(BigInt(value) + 1n) : `${value}x`;
			expect(faultOf(header({ [name]: changed }), before), name).toBeDefined();
		}
		expect(faultOf(header({ time: { ...honest.header.time, nanos: honest.header.time.nanos + 1 } }), before)).toBeDefined();
		const [vote] = honest.commit.signatures;
		if (vote === undefined) throw new Error("the signature is missing");
		const resealed = (change: object): LightBlockJson => ({ ...honest, commit: { ...honest.commit, signatures: [{ ...vote, ...change }] } });
		expect(faultOf(resealed({ signature: flip(vote.signature) }), before)).toMatch(/signature/);
		expect(faultOf(resealed({ timestamp: { ...vote.timestamp, nanos: 1 } }), before)).toMatch(/signature/);
		// A forger without the key can make a header and its hash, but not the vote for it.
		const forged = header({ appHash: `0x${"66".repeat(32)}` });
		const hash = hashOfHeader(forged.header);
		expect(faultOf({ ...forged, commit: { ...forged.commit, blockId: { ...forged.commit.blockId, hash } } }, before)).toMatch(/signature/);
	});
});

test("transactions wait for their interval together and end up in one block, ordered by tip", async () => {
	await ledger.sequencer.start();
	await send(await sign(0, 0, { maxPriorityFeePerGas: 5n }), await sign(1, 0, { maxPriorityFeePerGas: 9n }), await sign(2, 0, { maxPriorityFeePerGas: 7n }));
	await height(3n);
	const senders = ledger.application.chain.block(1n)?.transactions.map(({ from }) => from);
	expect(senders).toEqual([1, 2, 0].map((index) => developers[index]?.address.toLowerCase()));
});

test("what was computed and not committed is gone for the next driver", async () => {
	await ledger.sequencer.start();
	const { application } = ledger;
	const before = application.info();
	const block = {
		height: before.height + 1n,
		time: { seconds: BigInt(GENESIS_TIME + 9), nanos: 0 },
		txs: [fromHex(await sign(0, 0))],
		hash: new Uint8Array(32),
		proposerAddress: new Uint8Array(20),
		misbehaviour: [],
		absent: [],
	};
	const { appHash } = application.finalizeBlock(block);
	expect(equalBytes(appHash, before.appHash)).toBe(false);
	expect(application.info()).toEqual(before);
	await expect(application.commit()).rejects.toThrow("no block is finalized");
	expect(equalBytes(application.finalizeBlock(block).appHash, appHash)).toBe(true);
	application.info();
});
