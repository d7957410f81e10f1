import { concatBytes, fromHex } from "@freehold/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { address, assemble, type Bench, bench, CHAIN_ID, executed, initCodeOf, type Mnemonic, request, transaction, word } from "../../test/execution-kit.js";
import { signer } from "../../test/oracle.js";
import { EMPTY_CODE_HASH } from "../state/account.js";

const OPG = fromHex("0x4f50470000000000000000000000000000000001");
const PRECOMPILE = address(0xfd);
const [user, from, to] = [address(0x1111), address(0x2222), address(0x3333)];
const FUNDS = 10n ** 18n;

let open: Bench | undefined;
afterEach(async () => {
	await open?.close();
	open = undefined;
});

const order = (value: bigint, source = from, target = to) => concatBytes(word(source), word(target), word(value));

/** Code that hands its call data to `target` by `scheme`, and returns whether that succeeded. */
function forward(scheme: "CALL" | "CALLCODE" | "DELEGATECALL" | "STATICCALL", target: Uint8Array, value = 0, gas: Mnemonic | number = "GAS"): Uint8Array {
	const amount = scheme === "CALL" || scheme === "CALLCODE" ? [value] : [];
	return assemble("CALLDATASIZE", 0, 0, "CALLDATACOPY", 0, 0, "CALLDATASIZE", 0, ...amount, target, gas, scheme, 0, "MSTORE", 32, 0, "RETURN");
}

/** A chain where OPG has this code, `from` owns FUNDS, and other contracts stand where asked. */
function chain(opg: Uint8Array, contracts: readonly (readonly [Uint8Array, Uint8Array])[] = []): Bench {
	open = bench({
		balances: [user, from, OPG].map((owner) => ({ address: owner, balance: FUNDS })),
		deployments: [[OPG, opg] as const, ...contracts].map(([at, code]) => ({ address: at, initCode: initCodeOf(code) })),
	});
	return open;
}

/** Sends `data` to `target` in a block; says whether the forwarded call succeeded, and what moved. */
async function send(ledger: Bench, target: Uint8Array, data: Uint8Array) {
	const nonce = ledger.machine.account(user)?.nonce ?? 0n;
	const { outcomes } = await ledger.block(transaction(user, nonce, { to: target, data }));
	const outcome = executed(outcomes[0]);
	return {
		outcome,
		forwarded: outcome.output.at(-1) === 1,
		moved: FUNDS - (ledger.machine.account(from)?.balance ?? 0n),
		received: ledger.machine.account(to)?.balance ?? 0n,
	};
}

describe("the transfer precompile", () => {
	test("moves balance for OPG, and the balance it moved is the native one", async () => {
		const ledger = chain(forward("CALL", PRECOMPILE));
		expect(await send(ledger, OPG, order(250n))).toMatchObject({ forwarded: true, moved: 250n, received: 250n });
		expect(await send(ledger, OPG, order(0n))).toMatchObject({ forwarded: true, moved: 250n, received: 250n });
		expect(await send(ledger, OPG, order(100n, from, from))).toMatchObject({ forwarded: true, moved: 250n, received: 250n });
	});

	test("costs 9,000 gas, no more and no less", async () => {
		expect(await send(chain(forward("CALL", PRECOMPILE, 0, 9_000)), OPG, order(5n))).toMatchObject({ forwarded: true, moved: 5n });
		await open?.close();
		expect(await send(chain(forward("CALL", PRECOMPILE, 0, 8_999)), OPG, order(5n))).toMatchObject({ forwarded: false, moved: 0n });
	});

	test("reverts, and gives the unspent gas back, when the balance does not suffice", async () => {
		const { outcome, forwarded, moved } = await send(chain(forward("CALL", PRECOMPILE)), OPG, order(FUNDS + 1n));
		expect({ forwarded, moved }).toEqual({ forwarded: false, moved: 0n });
		expect(outcome.gasUsed).toBeLessThan(60_000n);
		expect(await send(open as Bench, OPG, order(FUNDS + 1n, from, from))).toMatchObject({ forwarded: false, moved: 0n });
	});

	for (const scheme of ["CALLCODE", "DELEGATECALL", "STATICCALL"] as const) {
		test(`refuses ${scheme}, even from OPG`, async () => {
			expect(await send(chain(forward(scheme, PRECOMPILE)), OPG, order(5n))).toMatchObject({ forwarded: false, moved: 0n });
		});
	}

	test("refuses a call within a static call", async () => {
		const outer = address(0xaa01);
		expect(await send(chain(forward("CALL", PRECOMPILE), [[outer, forward("STATICCALL", OPG)]]), outer, order(5n))).toMatchObject({ moved: 0n });
		expect(await send(open as Bench, OPG, order(5n))).toMatchObject({ moved: 5n });
	});

	test("refuses value, and the value stays where it was", async () => {
		const ledger = chain(forward("CALL", PRECOMPILE, 1));
		expect(await send(ledger, OPG, order(5n))).toMatchObject({ forwarded: false, moved: 0n });
		expect(ledger.machine.account(PRECOMPILE)).toBeUndefined();
		expect(ledger.machine.account(OPG)?.balance).toBe(FUNDS);
	});

	for (const [what, data] of [
		["short input", order(5n).subarray(0, 95)],
		["long input", concatBytes(order(5n), Uint8Array.of(0))],
		["no input", new Uint8Array(0)],
		["an address with high bytes", concatBytes(word((1n << 160n) + 0x2222n), word(to), word(5n))],
		["a recipient with high bytes", concatBytes(word(from), word((1n << 255n) + 0x3333n), word(5n))],
	] as const) {
		test(`refuses ${what}`, async () => {
			expect(await send(chain(forward("CALL", PRECOMPILE)), OPG, data)).toMatchObject({ forwarded: false, moved: 0n });
		});
	}

	test("refuses every caller but OPG: contracts, accounts, and a contract that borrows OPG's code", async () => {
		const [thief, borrower] = [address(0xaa01), address(0xaa02)];
		const ledger = chain(forward("CALL", PRECOMPILE), [
			[thief, forward("CALL", PRECOMPILE)],
			[borrower, forward("DELEGATECALL", OPG)],
		]);
		expect(await send(ledger, thief, order(5n))).toMatchObject({ forwarded: false, moved: 0n });
		expect(await send(ledger, borrower, order(5n))).toMatchObject({ moved: 0n });
		const { outcome, moved } = await send(ledger, PRECOMPILE, order(5n));
		expect(outcome).toMatchObject({ success: false, halt: expect.stringContaining("precompile") });
		expect(moved).toBe(0n);
	});

	test("a revert around it undoes the transfer", async () => {
		const [reverter, outer] = [address(0xaa01), address(0xaa02)];
		const callsThenReverts = assemble("CALLDATASIZE", 0, 0, "CALLDATACOPY", 0, 0, "CALLDATASIZE", 0, 0, OPG, "GAS", "CALL", 0, "MSTORE", 32, 0, "REVERT");
		const ledger = chain(forward("CALL", PRECOMPILE), [
			[reverter, callsThenReverts],
			[outer, forward("CALL", reverter)],
		]);
		const direct = await send(ledger, reverter, order(5n));
		expect(direct).toMatchObject({ outcome: { success: false }, moved: 0n, received: 0n });
		expect(direct.outcome.output).toEqual(word(1n));
		expect(await send(ledger, outer, order(5n))).toMatchObject({ outcome: { success: true }, forwarded: false, moved: 0n, received: 0n });
	});

	test("an account whose set code names the precompile runs nothing, whoever calls it", async () => {
		const authority = signer(7).address;
		const ledger = chain(forward("CALL", authority));
		const authorization = { chainId: CHAIN_ID, address: PRECOMPILE, nonce: 0n, authority };
		const { outcomes } = await ledger.block(transaction(user, 0n, { type: 4, to: user, authorizationList: [authorization] }));
		expect(executed(outcomes[0])).toMatchObject({ success: true, halt: undefined });
		expect(ledger.machine.account(authority)?.codeHash).not.toEqual(EMPTY_CODE_HASH);
		expect(await send(ledger, OPG, order(5n))).toMatchObject({ forwarded: true, moved: 0n });
		expect(await send(ledger, authority, order(5n))).toMatchObject({ outcome: { success: true }, moved: 0n });
	});

	test("an account whose set code names OPG is still not OPG", async () => {
		const authority = signer(8).address;
		const ledger = chain(forward("CALL", PRECOMPILE));
		await ledger.block(transaction(user, 0n, { type: 4, to: user, authorizationList: [{ chainId: CHAIN_ID, address: OPG, nonce: 0n, authority }] }));
		expect(await send(ledger, authority, order(5n))).toMatchObject({ outcome: { success: true }, forwarded: false, moved: 0n });
	});

	test("a call without effect shows the transfer and keeps nothing of it", () => {
		const ledger = chain(forward("CALL", PRECOMPILE));
		const outcome = executed(ledger.machine.call(request(user, OPG, { data: order(5n) }), { ...envOf(ledger) }));
		expect(outcome.output).toEqual(word(1n));
		expect(ledger.machine.account(from)?.balance).toBe(FUNDS);
	});
});

function envOf(ledger: Bench) {
	const number = ledger.machine.head()?.number ?? 0n;
	return {
		chainId: CHAIN_ID,
		number,
		timestamp: 1n,
		gasLimit: 100_000_000n,
		baseFeePerGas: 7n,
		coinbase: address(0xc0),
		prevRandao: word(1n),
		parentHash: word(0n),
	};
}
