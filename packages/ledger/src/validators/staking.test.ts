import { validatorSetAbi } from "@freehold/contracts/abi";
import { contractAddresses, equalBytes, fromHex, toHex, utf8, type Validator, validatorAddress } from "@freehold/protocol";
import { type ContractFunctionArgs, type ContractFunctionName, decodeFunctionResult, encodeFunctionData, parseAbi } from "viem";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { initRequest, openApplication } from "../../test/driven-ledger.js";
import { CHAIN_ID, developers, GENESIS_TIME, OPG } from "../../test/local-ledger.js";
import { BOND, engineSet, possessionOf, stakingGenesis } from "../../test/staking-genesis.js";
import type { Misbehaviour } from "../application/types.js";
import { signingKey } from "../sequencer/signing-key.js";

const signers = [1, 2, 3, 4].map((byte) => signingKey(new Uint8Array(32).fill(byte)));
const keys = signers.map(({ publicKey }) => publicKey);
const addresses = keys.map((key) => validatorAddress(key));
const [NEWCOMER, EPOCH] = [3, 10];
const rules = { epochSeconds: EPOCH, attendanceBlocks: 10, jailSeconds: 20 };
const appState = utf8(JSON.stringify(stakingGenesis({ keys: signers.slice(0, 3), timestamp: GENESIS_TIME, rules })));
const request = { ...initRequest, validators: engineSet(signers.slice(0, 3)), appState };
const approveAbi = parseAbi(["function approve(address spender, uint256 amount)"]);
type Opened = Awaited<ReturnType<typeof openApplication>>;

/** The ledgers that get every block: both must agree. */
let all: readonly Opened[];
let height = 0;
let seconds = 0;
const nonces = new Map<number, number>();
beforeEach(async () => {
	// Their clocks are a year apart: what a block does hangs on its own time alone.
	all = await Promise.all([openApplication(), openApplication({ now: (GENESIS_TIME + 31_536_000) * 1000 })]);
	for (const { application } of all) application.initChain(request);
	[height, seconds] = [0, 0];
	nonces.clear();
});
afterEach(() => Promise.all(all.map((opened) => opened.close())));

async function call<N extends ContractFunctionName<typeof validatorSetAbi, "nonpayable">>(
	developer: number,
	functionName: N,
	args: ContractFunctionArgs<typeof validatorSetAbi, "nonpayable", N>,
): Promise<Uint8Array> {
	return sign(developer, contractAddresses.ValidatorSet, encodeFunctionData({ abi: validatorSetAbi, functionName, args } as never));
}
function sign(developer: number, to: `0x${string}`, data: `0x${string}`): Promise<Uint8Array> {
	const nonce = nonces.get(developer) ?? 0;
	nonces.set(developer, nonce + 1);
	const account = developers[developer] as (typeof developers)[number];
	const fees = { gas: 1_000_000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n };
	return account.signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce, to, data, ...fees }).then(fromHex);
}
const approve = (developer: number): Promise<Uint8Array> =>
	sign(developer, contractAddresses.OPG, encodeFunctionData({ abi: approveAbi, functionName: "approve", args: [contractAddresses.ValidatorSet, 10n ** 30n] }));

/** Decides a block on both ledgers, `after` seconds later. Gives what the engine is told. */
async function block(
	after: number,
	txs: readonly Uint8Array[] = [],
	said: { readonly misbehaviour?: readonly Misbehaviour[]; readonly absent?: readonly Uint8Array[] } = {},
): Promise<readonly Validator[]> {
	height += 1;
	seconds += after;
	const decided = {
		height: BigInt(height),
		time: { seconds: BigInt(GENESIS_TIME + seconds), nanos: 0 },
		txs,
		hash: new Uint8Array(32).fill(height),
		proposerAddress: addresses[0] as Uint8Array,
		misbehaviour: [],
		absent: [],
		...said,
	};
	const [first, second] = all.map(({ application }) => application.finalizeBlock(decided));
	if (first === undefined || second === undefined) throw new Error("two ledgers");
	expect(first.txResults.map(({ code }) => code)).toEqual(txs.map(() => 0));
	expect(equalBytes(first.appHash, second.appHash)).toBe(true);
	expect(first.validatorUpdates).toEqual(second.validatorUpdates);
	await Promise.all(all.map(({ application }) => application.commit()));
	return first.validatorUpdates;
}
const read = (functionName: "validatorOf" | "activeSet", args: readonly unknown[]) => {
	const { state, application } = all[0] as Opened;
	const data = fromHex(encodeFunctionData({ abi: validatorSetAbi, functionName, args } as never));
	const base = { value: 0n, gasLimit: 10_000_000n, gasPrice: 0n, accessList: [], authorizationList: [], strict: false };
	const outcome = state.call({ ...base, from: new Uint8Array(20), to: fromHex(contractAddresses.ValidatorSet), data }, application.nextEnv(0n));
	if (outcome.kind !== "executed" || !outcome.success) throw new Error("the read failed");
	return decodeFunctionResult({ abi: validatorSetAbi, functionName, data: toHex(outcome.output) } as never) as unknown;
};
const validatorOf = (developer: number) =>
	read("validatorOf", [developers[developer]?.address]) as { readonly jailedUntil: bigint; readonly active: { readonly tokens: bigint } };

describe("genesis", () => {
	test("bonds the first validators, whose set is the engine's", () => {
		expect(validatorOf(0)).toMatchObject({ jailedUntil: 0n, active: { tokens: BOND } });
		expect(read("activeSet", [])).toEqual([keys.slice(0, 3).map(toHex), [10_000n, 10_000n, 10_000n]]);
	});

	test("is refused with another set than the engine's, a bond that nobody has, or a key that does not know its operator", async () => {
		const opened = await openApplication();
		try {
			const wrong = (validators: readonly Validator[]) => expect(() => opened.application.initChain({ ...request, validators }));
			wrong(engineSet(signers.slice(0, 2))).toThrow(/not those of the consensus engine/);
			wrong([{ publicKey: keys[0] as Uint8Array, power: 1n }]).toThrow(/not those of the consensus engine/);
			const file = stakingGenesis({ keys: signers.slice(0, 3), timestamp: GENESIS_TIME });
			const text = (change: object) => utf8(JSON.stringify({ ...file, validators: file.validators.map((entry) => ({ ...entry, ...change })) }));
			const refused = (change: object) => expect(() => opened.application.initChain({ ...request, validators: [], appState: text(change) }));
			refused({ bond: (10n ** 27n).toString() }).toThrow(/genesis call/);
			refused({ possession: `0x${"11".repeat(64)}` }).toThrow(/genesis call/);
			refused({ bond: 5 }).toThrow(/validators\[0\]\.bond/);
			refused({ publicKey: "0x11" }).toThrow(/validators\[0\]\.publicKey/);
		} finally {
			await opened.close();
		}
	});
});

describe("an epoch in the application", () => {
	test("tells the engine of a newcomer, no more than a third of the power at once", async () => {
		const operator = developers[NEWCOMER]?.address as `0x${string}`;
		const possession = possessionOf(signers[NEWCOMER] as (typeof signers)[number], operator);
		const bond = await Promise.all([approve(NEWCOMER), call(NEWCOMER, "bond", [toHex(keys[NEWCOMER] as Uint8Array), possession, 0, 15_000n * OPG])]);
		expect(await block(1, bond)).toEqual([]);
		// The time is not there yet.
		expect(await block(5)).toEqual([]);
		expect(await block(5)).toEqual([{ publicKey: keys[NEWCOMER], power: 10_000n }]);
		expect(await block(EPOCH)).toEqual([{ publicKey: keys[NEWCOMER], power: 15_000n }]);
		expect(await block(EPOCH)).toEqual([]);
	});

	test("follows what is delegated and taken away", async () => {
		await block(1, await Promise.all([approve(3), call(3, "delegate", [developers[0]?.address as `0x${string}`, 500n * OPG])]));
		expect(await block(EPOCH)).toEqual([{ publicKey: keys[0], power: 10_500n }]);
		await block(1, [await call(3, "undelegate", [developers[0]?.address as `0x${string}`, 200n * OPG])]);
		expect(await block(EPOCH)).toEqual([{ publicKey: keys[0], power: 10_300n }]);
	});

	test("keeps the last validators where nobody is left to follow them", async () => {
		await block(
			1,
			await Promise.all([0, 1, 2].map((developer) => call(developer, "undelegate", [developers[developer]?.address as `0x${string}`, 9_999n * OPG]))),
		);
		expect(await block(EPOCH)).toEqual([]);
		expect(read("activeSet", [])).toEqual([expect.anything(), [10_000n, 10_000n, 10_000n]]);
	});
});

describe("faults that the engine tells of", () => {
	test("a double signature is slashed in that block, and the validator leaves at the epoch", async () => {
		const misbehaviour = [{ kind: "duplicateVote", validatorAddress: addresses[1] as Uint8Array, height: 1n }] as const;
		expect(await block(1, [], { misbehaviour })).toEqual([]);
		expect(validatorOf(1).active.tokens).toBe((BOND * 95n) / 100n);
		expect(validatorOf(0).active.tokens).toBe(BOND);
		expect(await block(EPOCH)).toEqual([{ publicKey: keys[1], power: 0n }]);
	});

	test("who is away is jailed, leaves, and comes back by unjail", async () => {
		const absent = [addresses[2] as Uint8Array];
		for (let count = 0; count < 11; count++) await block(0, [await sign(0, contractAddresses.OPG, "0x18160ddd")], { absent });
		expect(validatorOf(2).jailedUntil).toBe(0n);
		expect(await block(EPOCH)).toEqual([{ publicKey: keys[2], power: 0n }]);
		expect(validatorOf(2).jailedUntil).toBe(BigInt(GENESIS_TIME + EPOCH + 20));
		// The block's transactions come before the end of its epoch; a third of 20,000 may move.
		expect(await block(20, [await call(2, "unjail", [])])).toEqual([{ publicKey: keys[2], power: 6_666n }]);
		expect(await block(EPOCH)).toEqual([{ publicKey: keys[2], power: 10_000n }]);
	});

	test("on a network of one sequencer there is nobody to slash, and the block is what it would be", async () => {
		const opened = await openApplication();
		try {
			opened.application.initChain(initRequest);
			const misbehaviour = [{ kind: "duplicateVote", validatorAddress: addresses[1] as Uint8Array, height: 1n }] as const;
			const time = { seconds: BigInt(GENESIS_TIME + 1), nanos: 0 };
			const rest = { height: 1n, time, txs: [], hash: new Uint8Array(32), proposerAddress: addresses[0] as Uint8Array };
			const { appHash } = opened.application.finalizeBlock({ ...rest, misbehaviour, absent: addresses });
			expect(opened.application.finalizeBlock({ ...rest, misbehaviour, absent: [] })).toEqual({ appHash, txResults: [], validatorUpdates: [] });
		} finally {
			await opened.close();
		}
	});
});
