import { genesisDeployments, supplyTable, TOTAL_SUPPLY } from "@freehold/contracts/bytecode";
import { bytesToBigint, decodeEvmHeader, equalBytes, fromHex, systemAddresses, toHex, utf8 } from "@freehold/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { initRequest, openApplication } from "../../test/driven-ledger.js";
import { CHAIN_ID, developers, GENESIS_TIME, OPG } from "../../test/local-ledger.js";
import { txCodes } from "./types.js";

let opened: Awaited<ReturnType<typeof openApplication>>;
beforeEach(async () => {
	opened = await openApplication();
});
afterEach(() => opened.close());

const PROPOSER = new Uint8Array(20).fill(5);
const rewardPool = fromHex(systemAddresses.rewardPool);
const sign = (developer: number, nonce: number, change: object = {}) =>
	(developers[developer] as (typeof developers)[number])
		.signTransaction({
			type: "eip1559",
			chainId: CHAIN_ID,
			nonce,
			gas: 21_000n,
			maxFeePerGas: 10n ** 9n,
			maxPriorityFeePerGas: 3n,
			to: "0x00000000000000000000000000000000000000aa",
			value: 1n,
			...change,
		})
		.then(fromHex);
const decided = (height: number, txs: readonly Uint8Array[], afterMs = height * 10) => ({
	height: BigInt(height),
	time: { seconds: BigInt(GENESIS_TIME + Math.floor(afterMs / 1000)), nanos: (afterMs % 1000) * 1_000_000 },
	txs,
	hash: new Uint8Array(32).fill(height),
	proposerAddress: PROPOSER,
	misbehaviour: [],
	absent: [],
});
const balance = (address: Uint8Array) => opened.state.account(address)?.balance ?? 0n;

describe("genesis", () => {
	test("the supply is one thousand million OPG, to the unit, and every contract stands", () => {
		opened.application.initChain(initRequest);
		const holders = [...supplyTable.map(({ wallet }) => wallet), ...developers.map(({ address }) => address)];
		expect(holders.reduce((sum, holder) => sum + balance(fromHex(holder)), 0n)).toBe(TOTAL_SUPPLY);
		expect(balance(fromHex(developers[0]?.address ?? "0x"))).toBe(1_000_000n * OPG);
		for (const { name, address } of genesisDeployments({ genesisTime: GENESIS_TIME })) {
			const account = opened.state.account(fromHex(address));
			expect(account === undefined ? 0 : opened.state.code(account.codeHash).length, name).toBeGreaterThan(0);
		}
	});

	test("is the same again, and refuses another", () => {
		const { appHash } = opened.application.initChain(initRequest);
		expect(opened.application.initChain(initRequest).appHash).toEqual(appHash);
		expect(() =>
			opened.application.initChain({ ...initRequest, appState: utf8(JSON.stringify({ chainId: CHAIN_ID, timestamp: GENESIS_TIME, balances: [] })) }),
		).toThrow(/another genesis/);
		expect(() => opened.application.initChain({ ...initRequest, appState: utf8(JSON.stringify({ chainId: 1, timestamp: 1, balances: [] })) })).toThrow(
			/chain id/,
		);
	});

	test.each([
		["not JSON", "{", /is not JSON/],
		["an unknown key", `{"chainId":1,"timestamp":1,"balances":[],"x":1}`, /x is not known/],
		["an amount as a number", `{"chainId":1,"timestamp":1,"balances":[{"address":"0x${"11".repeat(20)}","amount":5}]}`, /balances\[0\]\.amount/],
		["a short address", `{"chainId":1,"timestamp":1,"balances":[{"address":"0x11","amount":"5"}]}`, /balances\[0\]\.address must be 20 bytes/],
		[
			"more than the ecosystem share",
			`{"chainId":${CHAIN_ID},"timestamp":1,"balances":[{"address":"0x${"11".repeat(20)}","amount":"${TOTAL_SUPPLY}"}]}`,
			/ecosystem share/,
		],
	])("%s is refused", (_, text, message) => expect(() => opened.application.initChain({ ...initRequest, appState: utf8(text) })).toThrow(message));
});

describe("driven as a consensus engine drives it", () => {
	beforeEach(() => {
		opened.application.initChain(initRequest);
	});

	test("info tells height and hash of what is durable", async () => {
		const { application } = opened;
		const genesis = application.info();
		expect(genesis).toMatchObject({ height: 0n, appVersion: 1n });
		const { appHash } = application.finalizeBlock(decided(1, [await sign(0, 0)]));
		await application.commit();
		expect(application.info()).toEqual({ height: 1n, appHash, appVersion: 1n });
		expect(() => application.finalizeBlock(decided(3, []))).toThrow("does not follow");
	});

	test("an empty block changes the height alone; 5 s or misbehaviour make an EVM block", async () => {
		const { application } = opened;
		const { appHash } = application.info();
		expect(application.finalizeBlock(decided(1, [], 4_999)).appHash).toEqual(appHash);
		await application.commit();
		expect(application.info()).toMatchObject({ height: 1n, appHash });
		expect(application.finalizeBlock(decided(2, [], 5_000)).appHash).not.toEqual(appHash);
		await application.commit();
		const misbehaviour = [{ kind: "duplicateVote", validatorAddress: PROPOSER, height: 1n }] as const;
		application.finalizeBlock({ ...decided(3, [], 5_001), misbehaviour });
		await application.commit();
		expect(application.chain.head.header.number).toBe(2n);
	});

	test("the base fee goes to the reward pool, the tip to the fee recipient, nothing is lost", async () => {
		const { application } = opened;
		const before = balance(rewardPool);
		application.finalizeBlock(decided(1, [await sign(0, 0), await sign(1, 0)]));
		await application.commit();
		const { header } = application.chain.head;
		expect(header.baseFeePerGas).toBe(875_000n);
		// The fee recipient of this set-up is the reward pool too.
		expect(balance(rewardPool) - before).toBe(2n * 21_000n * (875_000n + 3n));
		const holders = [
			...supplyTable.map(({ wallet }) => wallet),
			...developers.map(({ address }) => address),
			"0x00000000000000000000000000000000000000aa",
			systemAddresses.rewardPool,
		] as const;
		expect(holders.reduce((sum, holder) => sum + balance(fromHex(holder)), 0n)).toBe(TOTAL_SUPPLY);
	});

	test("a result for each transaction: executed, failed, invalid, no transaction", async () => {
		const { application } = opened;
		const reverts = await sign(0, 1, { to: "0x4f50470000000000000000000000000000000002", gas: 60_000n });
		const { txResults } = application.finalizeBlock(decided(1, [await sign(0, 0), reverts, await sign(0, 7), Uint8Array.of(1, 2, 3), await sign(0, 2)]));
		expect(txResults.map(({ code }) => code)).toEqual([txCodes.ok, txCodes.failed, txCodes.invalid, txCodes.malformed, txCodes.ok]);
		expect(txResults[0]).toMatchObject({ gasWanted: 21_000n, gasUsed: 21_000n });
		await application.commit();
		expect(application.chain.head.transactions.map(({ nonce }) => nonce)).toEqual([0n, 1n, 2n]);
	});

	test("a proposal takes the pool's best within the bytes; an honest one is accepted, others are not", async () => {
		const { application } = opened;
		for (const raw of [await sign(0, 0), await sign(0, 1), await sign(1, 0, { maxPriorityFeePerGas: 9n })]) expect(application.checkTx(raw).code).toBe(0);
		const proposal = { ...decided(1, []), maxTxBytes: 10_000 };
		const txs = application.prepareProposal(proposal);
		expect(txs).toHaveLength(3);
		expect(application.processProposal({ ...proposal, txs })).toBe(true);
		expect(application.processProposal({ ...proposal, txs: [...txs].reverse() })).toBe(false);
		expect(application.processProposal({ ...proposal, txs: [...txs, Uint8Array.of(0xff)] })).toBe(false);
		expect(application.processProposal({ ...proposal, txs: [txs[0] as Uint8Array, txs[0] as Uint8Array] })).toBe(false);
		expect(application.prepareProposal({ ...proposal, maxTxBytes: 250 })).toHaveLength(2);
		expect(application.prepareProposal({ ...proposal, maxTxBytes: 10_000, txs: [await sign(2, 0)] })).toHaveLength(4);
	});

	test("checkTx answers anything at all", async () => {
		const { application } = opened;
		expect(application.checkTx(new Uint8Array(0)).code).toBe(txCodes.malformed);
		expect(application.checkTx(new Uint8Array(200_000)).code).toBe(txCodes.malformed);
		const raw = await sign(0, 0);
		expect(application.checkTx(raw)).toMatchObject({ code: 0, gasWanted: 21_000n });
		expect(application.checkTx(Uint8Array.from(raw))).toMatchObject({ code: txCodes.invalid, log: "already known" });
	});

	test("queries read headers and accounts, at the head or earlier", async () => {
		const { application } = opened;
		application.finalizeBlock(decided(1, [await sign(0, 0)]));
		await application.commit();
		const header = application.query({ path: "/header", data: new Uint8Array(0), height: 0n });
		expect(decodeEvmHeader(header.value).number).toBe(1n);
		const account = application.query({ path: "/account", data: fromHex("0x00000000000000000000000000000000000000aa"), height: 1n });
		expect(account.value.length).toBeGreaterThan(60);
		expect(application.query({ path: "/x", data: new Uint8Array(0), height: 0n }).code).toBe(1);
		expect(application.query({ path: "/account", data: new Uint8Array(2), height: 0n }).code).toBe(1);
		expect(application.query({ path: "/header", data: new Uint8Array(0), height: 9n }).code).toBe(1);
	});

	test("two applications that get the same blocks have the same hash at every height", async () => {
		const second = await openApplication();
		try {
			expect(second.application.initChain(initRequest).appHash).toEqual(opened.application.info().appHash);
			const script = [
				[await sign(0, 0), await sign(1, 0)],
				[],
				[await sign(0, 1, { to: undefined, gas: 200_000n, data: "0x602a60005260206000f3" })],
				[await sign(0, 9)],
				[],
			];
			for (const [index, txs] of script.entries()) {
				const results = [opened, second].map(({ application }) => application.finalizeBlock(decided(index + 1, txs, index * 3_000)));
				expect(equalBytes(results[0]?.appHash ?? PROPOSER, results[1]?.appHash ?? PROPOSER)).toBe(true);
				expect(results[0]?.txResults).toEqual(results[1]?.txResults);
				await Promise.all([opened.application.commit(), second.application.commit()]);
			}
			expect(bytesToBigint(fromHex(toHex(second.application.chain.head.header.stateRoot)))).toBeGreaterThan(0n);
		} finally {
			await second.close();
		}
	});
});
