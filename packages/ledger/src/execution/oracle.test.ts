import { toHex } from "@freehold/protocol";
import { expect, test } from "vitest";
import { address, CHAIN_ID, environment, genesis, initCodeOf, parentHash, temporaryFolder, transaction } from "../../test/execution-kit.js";
import { Oracle, type Signer, signer, type Verdict } from "../../test/oracle.js";
import { budget, Random } from "../../test/random.js";
import { randomCode } from "../../test/random-code.js";
import { openStateMachine } from "./execution.js";
import type { Authorization, ExecutableTx, TxOutcome } from "./types.js";

const FUNDS = 10n ** 18n;
const POOL = address(0x9001);

/** Everything that a random transaction may name. */
interface World {
	readonly random: Random;
	readonly signers: readonly Signer[];
	readonly contracts: readonly Uint8Array[];
	readonly addresses: readonly Uint8Array[];
	readonly nonces: Map<string, bigint>;
}

function world(seed: number): World {
	const random = new Random(seed);
	const signers = Array.from({ length: 8 }, (_, index) => signer(seed * 100 + index));
	const contracts = Array.from({ length: 8 }, (_, index) => address(0xc0de00 + index));
	const precompiles = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0x0b, 0x0d].map(address);
	const addresses = [...contracts, ...contracts, ...signers.map((entry) => entry.address), ...precompiles, address(0xeeee), address(0xc0)];
	return { random, signers, contracts, addresses, nonces: new Map() };
}

function randomTransaction(world: World): ExecutableTx {
	const { random, signers, contracts, addresses, nonces } = world;
	const sender = random.pick(signers).address;
	const nonce = (nonces.get(toHex(sender)) ?? 0n) + (random.chance(0.04) ? BigInt(random.below(3) - 1) : 0n);
	const type = random.pick([0, 1, 2, 2, 2, 4] as const);
	const creates = type !== 4 && random.chance(0.15);
	const fee = random.chance(0.05) ? BigInt(random.below(7)) : BigInt(7 + random.below(50));
	return transaction(sender, nonce < 0n ? 0n : nonce, {
		type,
		to: creates ? undefined : random.chance(0.8) ? random.pick(contracts) : random.pick(addresses),
		value: random.chance(0.6) ? 0n : BigInt(random.below(10_000)),
		data: creates ? (random.chance(0.7) ? initCodeOf(randomCode(random, addresses, 6)) : randomCode(random, addresses, 6)) : random.bytes(random.below(100)),
		gasLimit: BigInt(random.chance(0.1) ? random.below(80_000) : 60_000 + random.below(900_000)),
		maxFeePerGas: fee,
		maxPriorityFeePerGas: type < 2 ? 0n : fee === 0n ? 0n : BigInt(random.below(Number(fee) + (random.chance(0.02) ? 3 : 1))),
		accessList:
			type === 0
				? []
				: Array.from({ length: random.below(3) }, () => ({
						address: random.pick(addresses),
						storageKeys: Array.from({ length: random.below(4) }, () => new Uint8Array(32).fill(random.below(6), 31)),
					})),
		authorizationList: type === 4 ? Array.from({ length: 1 + random.below(3) }, () => randomAuthorization(world)) : [],
	});
}

function randomAuthorization({ random, signers, contracts, addresses, nonces }: World): Authorization {
	const authority = random.pick(signers).address;
	const known = nonces.get(toHex(authority)) ?? 0n;
	return {
		chainId: random.pick([0n, CHAIN_ID, CHAIN_ID, 1n]),
		address: random.chance(0.15) ? new Uint8Array(20) : random.chance(0.8) ? random.pick(contracts) : random.pick(addresses),
		nonce: known + BigInt(random.below(2)),
		authority: random.chance(0.1) ? undefined : authority,
	};
}

function verdict(outcome: TxOutcome): Verdict | undefined {
	if (outcome.kind === "invalid") return undefined;
	return {
		success: outcome.success,
		gasUsed: outcome.gasUsed,
		logs: outcome.logs.map((log) => [log.address, ...log.topics, log.data].map(toHex).join()),
		output: outcome.success && outcome.created !== undefined ? "" : toHex(outcome.output),
		created: outcome.created === undefined ? undefined : toHex(outcome.created),
	};
}

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
