/** What the sequencer does when something below it breaks. */
import { rm } from "node:fs/promises";
import { fromHex, systemAddresses } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import { afterEach, beforeEach, expect, test } from "vitest";
import { initRequest, KEY, openApplication } from "../../test/driven-ledger.js";
import { CHAIN_ID, developers, eventually, GENESIS_TIME } from "../../test/local-ledger.js";
import { LedgerApplication } from "../application/application.js";
import type { ExecutableTx, StateMachine, TableWrite } from "../execution/types.js";
import { ConsensusStore } from "./consensus-store.js";
import { Sequencer } from "./sequencer.js";

let opened: Awaited<ReturnType<typeof openApplication>>;
let failed: unknown[];
let stopped: unknown[];
beforeEach(async () => {
	opened = await openApplication();
	failed = [];
	stopped = [];
});
afterEach(async () => {
	await opened.state.close();
	await rm(opened.dir, { recursive: true });
});

/** The real state machine, with some of its methods replaced. */
function withFaults(faults: Partial<StateMachine>): { readonly application: LedgerApplication; readonly sequencer: Sequencer } {
	const state = new Proxy(opened.state, {
		get: (target, name) => {
			const replaced = faults[name as keyof StateMachine];
			if (replaced !== undefined) return replaced;
			const value: unknown = Reflect.get(target, name);
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
	const application = new LedgerApplication(
		{ chainId: BigInt(CHAIN_ID), feeRecipient: fromHex(systemAddresses.rewardPool) },
		{ state, crypto: nativeCrypto, now: () => GENESIS_TIME * 1000 },
	);
	application.initChain(initRequest);
	const sequencer = new Sequencer(
		{ chainId: initRequest.chainId, blockIntervalMs: 1, genesisTime: initRequest.time },
		{
			application,
			store: new ConsensusStore(state),
			key: KEY,
			hashes: nativeCrypto,
			now: () => GENESIS_TIME * 1000,
			ticks: () => performance.now(),
			crashPoint: () => undefined,
			events: { blockMade: () => undefined, blockFailed: (error) => failed.push(error), stopped: (error) => stopped.push(error) },
		},
	);
	return { application, sequencer };
}

const sign = (developer: number, nonce: number, value = 1n) =>
	(developers[developer] as (typeof developers)[number])
		.signTransaction({
			type: "eip1559",
			chainId: CHAIN_ID,
			nonce,
			gas: 21_000n,
			maxFeePerGas: 10n ** 9n,
			to: "0x00000000000000000000000000000000000000aa",
			value,
		})
		.then(fromHex);

test("a transaction that breaks the execution is dropped; the chain goes on as if it had never come", async () => {
	const { application, sequencer } = withFaults({
		execute: (txs: readonly ExecutableTx[]) => {
			if (txs.some(({ value }) => value === 666n)) throw new Error("trap");
			return opened.state.execute(txs);
		},
	});
	await sequencer.start();
	const before = application.info();
	expect(application.checkTx(await sign(0, 0, 666n)).code).toBe(0);
	sequencer.notify();
	await eventually(async () => failed[0], "the fault");
	expect(application.pool.size).toBe(0);
	expect(application.info()).toEqual(before);
	application.checkTx(await sign(0, 0));
	sequencer.notify();
	await eventually(async () => (sequencer.height === 3n ? true : undefined), "two more blocks");
	await sequencer.stop();
	expect(failed).toHaveLength(1);
	expect(stopped).toEqual([]);
});

test("when the disk refuses, the sequencer stops, and the next start goes on from what is durable", async () => {
	let isFull = false;
	const { application, sequencer } = withFaults({
		commit: async (writes: readonly TableWrite[]) => {
			if (!isFull) return opened.state.commit(writes);
			opened.state.discard();
			throw new Error("no space left on device");
		},
	});
	await sequencer.start();
	const before = application.info();
	isFull = true;
	application.checkTx(await sign(0, 0));
	sequencer.notify();
	expect(await eventually(async () => stopped[0], "the stop")).toMatchObject({ message: "no space left on device" });
	await sequencer.stop();
	expect(sequencer.height).toBe(1n);

	const next = withFaults({});
	expect(next.application.info()).toEqual(before);
	await next.sequencer.start();
	next.application.checkTx(await sign(0, 0));
	next.sequencer.notify();
	await eventually(async () => (next.sequencer.height === 3n ? true : undefined), "two more blocks");
	await next.sequencer.stop();
});

test("a pooled nonce that somebody else's authorization used up does not stop the chain", async () => {
	const { application, sequencer } = withFaults({});
	await sequencer.start();
	const [alice, bob] = developers as [(typeof developers)[number], (typeof developers)[number]];
	const authorization = await bob.signAuthorization?.({ chainId: CHAIN_ID, address: "0x4f50470000000000000000000000000000000001", nonce: 0 });
	if (authorization === undefined) throw new Error("this account cannot authorize");
	const setCode = await alice.signTransaction({
		type: "eip7702",
		chainId: CHAIN_ID,
		nonce: 0,
		gas: 100_000n,
		maxFeePerGas: 10n ** 9n,
		maxPriorityFeePerGas: 9n,
		to: alice.address,
		authorizationList: [authorization],
	});
	for (const raw of [fromHex(setCode), await sign(1, 0), await sign(1, 1)]) expect(application.checkTx(raw).log).toBe("");
	sequencer.notify();
	await eventually(async () => (opened.state.account(fromHex(bob.address))?.nonce === 2n ? true : undefined), "bob's nonce");
	await sequencer.stop();
	expect([failed, stopped]).toEqual([[], []]);
	// His first transaction was overtaken, his second went through.
	expect(application.pool.size).toBe(0);
	expect(application.chain.block(1n)?.transactions.length ?? 0).toBeGreaterThan(0);
});
