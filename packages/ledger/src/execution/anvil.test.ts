/** Random transactions and contracts, by seed, on this ledger's engine and on anvil: the same receipts, logs, gas, and state. */
import { fromHex, type Hex, toHex } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHAIN_ID, genesis, initCodeOf, temporaryFolder } from "../../test/execution-kit.js";
import { type Anvil, foundry, startAnvil } from "../../test/foundry.js";
import { Oracle, verdict } from "../../test/oracle.js";
import { budget } from "../../test/random.js";
import { randomCode } from "../../test/random-code.js";
import { randomTransaction, world } from "../../test/random-transactions.js";
import { openStateMachine } from "./execution.js";
import type { BlockEnv, ExecutableTx, TxOutcome } from "./types.js";

const program = foundry("anvil");
const FUNDS = 10n ** 18n;
const BASE_FEE = 7n;
const TRANSACTIONS = 60;
/** 180 cases, in deep runs 18,000. */
const ROUNDS = budget(3, 300);

interface Header {
	readonly number: Hex;
	readonly hash: Hex;
	readonly parentHash: Hex;
	readonly timestamp: Hex;
	readonly gasLimit: Hex;
	readonly baseFeePerGas: Hex;
	readonly miner: Hex;
	readonly mixHash: Hex;
}
interface Receipt {
	readonly status: Hex;
	readonly gasUsed: Hex;
	readonly contractAddress: Hex | null;
	readonly logs: readonly { readonly address: Hex; readonly topics: readonly Hex[]; readonly data: Hex }[];
}

describe.skipIf(program === undefined)("beside anvil [anvil]", () => {
	let anvil: Anvil;
	beforeAll(async () => {
		anvil = await startAnvil(program ?? "", Number(CHAIN_ID), 1_800_000_000);
		await anvil.rpc("evm_setAutomine", false);
	}, 60_000);
	afterAll(() => anvil?.stop());

	/** Mines the transaction in a block of its own; undefined when it is refused. */
	async function mine(raw: Uint8Array): Promise<Receipt | undefined> {
		await anvil.rpc("anvil_setNextBlockBaseFeePerGas", `0x${BASE_FEE.toString(16)}`);
		const hash = await anvil.rpc<Hex>("eth_sendRawTransaction", toHex(raw)).catch(() => undefined);
		if (hash === undefined) return undefined;
		await anvil.rpc("evm_mine");
		const receipt = await anvil.rpc<Receipt | null>("eth_getTransactionReceipt", hash);
		if (receipt === null) await anvil.rpc("anvil_dropAllTransactions");
		return receipt ?? undefined;
	}
	const latest = (): Promise<Header> => anvil.rpc("eth_getBlockByNumber", "latest", false);

	for (let round = 1; round <= ROUNDS; round++) {
		const seed = 7_000 + round;
		test(`random transactions and contracts, seed ${seed}: the same receipts and the same state`, async () => {
			const before = await anvil.rpc<Hex>("evm_snapshot");
			const all = world(seed);
			const { random, signers, contracts, addresses, nonces } = all;
			const folder = temporaryFolder();
			const machine = openStateMachine({ dir: folder.dir, mapSizeBytes: 1024 ** 3 });
			try {
				const signing = await Oracle.open(CHAIN_ID, signers);
				const codes = contracts.map((at) => ({ at, code: randomCode(random, addresses, 14) }));
				for (const { at, code } of codes) {
					await anvil.rpc("anvil_setCode", toHex(at), toHex(code));
					await anvil.rpc("anvil_setNonce", toHex(at), "0x1");
					await anvil.rpc("anvil_setBalance", toHex(at), "0x3e8");
				}
				for (const { address: at } of signers) await anvil.rpc("anvil_setBalance", toHex(at), `0x${FUNDS.toString(16)}`);
				machine.initGenesis(
					genesis({
						balances: [...signers.map(({ address: at }) => ({ address: at, balance: FUNDS })), ...contracts.map((at) => ({ address: at, balance: 1000n }))],
						deployments: codes.map(({ at, code }) => ({ address: at, initCode: initCodeOf(code) })),
					}),
				);
				const hashes = new Map<bigint, Uint8Array>();
				let head = await latest();
				// The ledger's block 1 is anvil's first one after this; BLOCKHASH and NUMBER see anvil's numbers on both.
				machine.setBlockHashes((number) => hashes.get(number));
				let included = 0;
				const created: Hex[] = [];
				for (let index = 0; index < TRANSACTIONS; index++) {
					hashes.set(BigInt(head.number), fromHex(head.hash));
					const tx = fitting(randomTransaction(all), nonces);
					const theirs = await mine(signing.raw(tx));
					const block = await latest();
					// Refused at the door, it is judged as in the block that would come next.
					const env = block.hash === head.hash ? { ...environmentOf(head), number: BigInt(head.number) + 1n, baseFeePerGas: BASE_FEE } : environmentOf(block);
					machine.beginBlock(env);
					const [outcome] = machine.execute([tx]);
					if (outcome === undefined) throw new Error("no outcome");
					expect(comparable(outcome), `transaction ${index} ${outcome.kind === "invalid" ? outcome.reason : (outcome.halt ?? "")}`).toEqual(
						theirs === undefined ? undefined : fromReceipt(theirs),
					);
					if (block.hash === head.hash) {
						machine.discard();
						continue;
					}
					machine.finishBlock();
					await machine.commit([]);
					head = block;
					if (theirs === undefined) continue;
					included++;
					if (theirs.contractAddress !== null) created.push(theirs.contractAddress);
					for (const { address: at } of signers) nonces.set(toHex(at), machine.account(at)?.nonce ?? 0n);
				}
				expect(included).toBeGreaterThan(TRANSACTIONS / 2);
				for (const at of new Set([...signers.map((entry) => toHex(entry.address)), ...contracts.map(toHex), ...created])) {
					const account = machine.account(fromHex(at));
					const [balance, nonce, code] = await Promise.all(
						["eth_getBalance", "eth_getTransactionCount", "eth_getCode"].map((name) => anvil.rpc<Hex>(name, at, "latest")),
					);
					expect([account?.balance ?? 0n, account?.nonce ?? 0n], at).toEqual([balance, nonce].map((word) => BigInt(word ?? 0)));
					expect(account === undefined ? "0x" : toHex(machine.code(account.codeHash)), at).toBe(code);
				}
			} finally {
				await machine.close();
				folder.remove();
				await anvil.rpc("evm_revert", before);
			}
		}, 300_000);
	}
});

/** What anvil's pool would keep waiting (a nonce to come, a fee below the base fee), and what nobody signs (a tip above the fee), is compared with the other engine. */
function fitting(tx: ExecutableTx, nonces: ReadonlyMap<string, bigint>): ExecutableTx {
	const next = nonces.get(toHex(tx.sender)) ?? 0n;
	const maxFeePerGas = tx.maxFeePerGas < BASE_FEE ? BASE_FEE : tx.maxFeePerGas;
	const maxPriorityFeePerGas = tx.maxPriorityFeePerGas > maxFeePerGas ? maxFeePerGas : tx.maxPriorityFeePerGas;
	return { ...tx, nonce: tx.nonce > next ? next : tx.nonce, maxFeePerGas, maxPriorityFeePerGas };
}

function environmentOf({ number, timestamp, gasLimit, baseFeePerGas, miner, mixHash, parentHash }: Header): BlockEnv {
	return {
		chainId: CHAIN_ID,
		number: BigInt(number),
		timestamp: BigInt(timestamp),
		gasLimit: BigInt(gasLimit),
		baseFeePerGas: BigInt(baseFeePerGas),
		coinbase: fromHex(miner),
		prevRandao: fromHex(mixHash),
		parentHash: fromHex(parentHash),
	};
}

function comparable(outcome: TxOutcome): object | undefined {
	const ours = verdict(outcome);
	return ours === undefined ? undefined : { success: ours.success, gasUsed: ours.gasUsed, logs: ours.logs, created: ours.created };
}

function fromReceipt({ status, gasUsed, logs, contractAddress }: Receipt): object {
	const success = status === "0x1";
	return {
		success,
		gasUsed: BigInt(gasUsed),
		logs: logs.map(({ address, topics, data }) => [address, ...topics, data].join().toLowerCase()),
		created: success && contractAddress !== null ? contractAddress.toLowerCase() : undefined,
	};
}
