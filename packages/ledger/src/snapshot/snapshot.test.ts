import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CONSENSUS_CHAIN_ID, initRequest, openApplication, openSequencer } from "../../test/driven-ledger.js";
import { CHAIN_ID, developers, eventually } from "../../test/local-ledger.js";
import { StateStore } from "../state/state-store.js";
import { genesisBlock } from "./genesis-block.js";
import { IncomingSnapshot, type OfferedSnapshot, SnapshotKeeper } from "./keeper.js";
import { readSnapshot, SNAPSHOT_FORMAT } from "./snapshot.js";
import { sha256 } from "./take.js";

let solo: Awaited<ReturnType<typeof openSequencer>>;
let folder: string;
let offered: OfferedSnapshot;
let chunks: Uint8Array[];
const genesis = await genesisBlock(
	{ chainId: BigInt(CHAIN_ID), consensusChainId: CONSENSUS_CHAIN_ID, time: initRequest.time, appState: initRequest.appState },
	nativeCrypto,
);

beforeEach(async () => {
	solo = await openSequencer();
	folder = await mkdtemp(join(tmpdir(), "freehold-snapshots-"));
	await solo.sequencer.start();
	const [account] = developers;
	if (account === undefined) throw new Error("no account");
	const fees = { type: "eip1559", chainId: CHAIN_ID, gas: 300_000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n } as const;
	// Two slots and a code, then a payment.
	const created = await account.signTransaction({ ...fees, nonce: 0, data: "0x602a60005560076001556003601160003960036000f3600160025500" });
	const paid = await account.signTransaction({ ...fees, nonce: 1, to: `0x${"aa".repeat(20)}`, value: 5n });
	for (const raw of [created, paid]) {
		expect(solo.application.checkTx(fromHex(raw)).code).toBe(0);
		const before = solo.application.height;
		solo.sequencer.notify();
		await eventually(async () => (solo.application.height >= before + 2n ? true : undefined), "the block");
	}
	await solo.sequencer.stop();
	const keeper = new SnapshotKeeper(join(folder, "snapshots"));
	const failures: unknown[] = [];
	keeper.take(
		() => new StateStore({ dir: solo.dir, historyBlocks: 128, mapSizeBytes: 2 ** 30, readOnly: true }),
		(error) => failures.push(error),
	);
	await keeper.settled();
	expect(failures).toEqual([]);
	const [newest] = await keeper.list();
	if (newest === undefined) throw new Error("no snapshot");
	offered = newest;
	chunks = await Promise.all(Array.from({ length: newest.chunks }, (_, index) => keeper.chunk(newest.height, newest.format, index)));
});
afterEach(async () => {
	await solo.close();
	await rm(folder, { recursive: true });
});

const appHash = () => solo.application.chain.head.hash;

describe("a snapshot", () => {
	test("gives an empty ledger the same state, newest block and genesis; the next block has the same hash on both", async () => {
		const fresh = await openApplication();
		try {
			expect(offered.height).toBe(solo.application.height);
			fresh.application.restore(offered.height, readSnapshot(chunks, appHash()), genesis);
			expect(fresh.application.info()).toEqual(solo.application.info());
			const [here, there] = [fresh.application.chain.head, solo.application.chain.head];
			expect(here.id).toBe(there.id);
			expect(here.transactions.map(({ id, from }) => [id, from])).toEqual(there.transactions.map(({ id, from }) => [id, from]));
			expect(here.receipts).toEqual(there.receipts);
			expect(fresh.application.initChain(initRequest)).toEqual(solo.application.initChain(initRequest));
			// A block of which only the header came is not shown as if it were empty.
			expect(fresh.application.chain.hash(1n)).toEqual(solo.application.chain.hash(1n));
			expect(fresh.application.chain.block(1n)).toBeUndefined();
			const next = {
				height: offered.height + 1n,
				time: { seconds: initRequest.time.seconds + 60n, nanos: 0 },
				txs: [],
				hash: new Uint8Array(32).fill(3),
				proposerAddress: new Uint8Array(20),
				misbehaviour: [],
				absent: [],
			};
			expect(fresh.application.finalizeBlock(next).appHash).toEqual(solo.application.finalizeBlock(next).appHash);
		} finally {
			await fresh.close();
		}
	});

	test("is refused, and leaves nothing, when any byte of it is another one", async () => {
		const fresh = await openApplication();
		try {
			const [chunk] = chunks as [Uint8Array];
			// The part below a second of a time is not covered by a header: it stands in the first record, which is left alone here.
			const FIRST = 24;
			const step = Math.max(1, Math.floor(chunk.length / 150));
			for (let at = FIRST; at < chunk.length; at += step) {
				const forged = Uint8Array.from(chunk);
				forged[at] = (forged[at] as number) ^ 1;
				expect(() => fresh.application.restore(offered.height, readSnapshot([forged, ...chunks.slice(1)], appHash()), genesis), `byte ${at}`).toThrow();
				expect(fresh.application.chain.isEmpty).toBe(true);
			}
			fresh.application.restore(offered.height, readSnapshot(chunks, appHash()), genesis);
		} finally {
			await fresh.close();
		}
	});

	test("is refused for another hash than the one that was proved", () => {
		expect(() => readSnapshot(chunks, new Uint8Array(32))).toThrow(/not the one that was proved/);
	});

	test("comes in chunks that are each checked", () => {
		const incoming = IncomingSnapshot.accept(offered, appHash());
		if (typeof incoming === "string") throw new Error(incoming);
		expect(incoming.whole()).toBeUndefined();
		expect(incoming.take(0, Uint8Array.of(1))).toBe(false);
		expect(incoming.take(99, chunks[0] as Uint8Array)).toBe(false);
		for (const [index, chunk] of chunks.entries()) expect(incoming.take(index, chunk)).toBe(true);
		expect(incoming.whole()).toEqual(chunks.map((chunk) => Uint8Array.from(chunk)));
		expect(IncomingSnapshot.accept({ ...offered, format: SNAPSHOT_FORMAT + 1 }, appHash())).toBe("format");
		expect(IncomingSnapshot.accept({ ...offered, chunks: offered.chunks + 1 }, appHash())).toBe("refused");
		const many = new Uint8Array(32 * 65);
		expect(IncomingSnapshot.accept({ ...offered, chunks: 65, metadata: many, hash: sha256(many) }, appHash())).toBe("refused");
	});
});
