/** What the core records of each step, beside the step events of another engine, on contracts made by chance. */
import { toHex } from "@freehold/protocol";
import { expect, test } from "vitest";
import { address, CHAIN_ID, environment, parentHash, transaction } from "../../test/execution-kit.js";
import { Oracle, type OracleStep, signer } from "../../test/oracle.js";
import { budget, Random } from "../../test/random.js";
import { randomCode } from "../../test/random-code.js";
import { Engine } from "../execution/engine.js";
import { failureOf, REVERTED } from "../execution/trace-record.js";
import { EMPTY_CODE_HASH, encodeAccount } from "../state/account.js";
import { keccak256 } from "../state/keccak.js";
import { EMPTY_ROOT } from "../state/path-trie.js";

const FUNDS = 10n ** 18n;
const SSTORE = 0x55;
const BOUNDS = { recordBytes: 64 * 1024 * 1024, steps: 1_000_000 };

interface OwnStep extends OracleStep {
	/** It may be missing from the other engine's events: it failed, or stands behind the end of the code. */
	readonly mayBeMissing: boolean;
}

const balance32 = (value: bigint): Uint8Array => Uint8Array.from(Buffer.from(value.toString(16).padStart(64, "0"), "hex"));

function stepsOf(records: ReturnType<ReturnType<Engine["trace"]>["records"]>): OwnStep[] {
	const steps: OwnStep[] = [];
	let depth = 0;
	for (const record of records) {
		if (record.kind === "begin") depth++;
		else if (record.kind === "end") depth--;
		else if (record.kind === "step") {
			const { pc, opcode, gas, refund, memory, result } = record;
			const stack = record.stack.map((word) => `0x${(word.length === 0 ? 0n : BigInt(toHex(word))).toString(16)}`);
			const failed = result !== REVERTED && failureOf(result) !== undefined;
			steps.push({ pc, opcode, gas, depth, refund, stack, memory: toHex(memory), mayBeMissing: failed || opcode === 0 });
		}
	}
	return steps;
}

for (let round = 1; round <= budget(4, 60); round++) {
	test(`random contracts, seed ${round}: pc, instruction, gas, depth, stack, memory and refund of every step`, async () => {
		const random = new Random(7_000 + round);
		const signers = Array.from({ length: 4 }, (_, index) => signer(round * 100 + index));
		const contracts = Array.from({ length: 8 }, (_, index) => address(0xc0de00 + index));
		const addresses = [...contracts, ...contracts, ...signers.map((entry) => entry.address), address(2), address(4), address(0xeeee)];
		const accounts = new Map<string, Uint8Array>();
		const codes = new Map<string, Uint8Array>();
		const oracle = await Oracle.open(CHAIN_ID, signers);
		for (const at of contracts) {
			const code = randomCode(random, addresses, 14);
			codes.set(toHex(keccak256(code)), code);
			accounts.set(toHex(at), encodeAccount(1n, balance32(1000n), EMPTY_ROOT, keccak256(code)));
			await oracle.putContract(at, code, 1000n);
		}
		for (const { address: at } of signers) {
			accounts.set(toHex(at), encodeAccount(0n, balance32(FUNDS), EMPTY_ROOT, EMPTY_CODE_HASH));
			await oracle.putBalance(at, FUNDS);
		}
		const engine = new Engine({
			account: (at) => accounts.get(toHex(at)),
			slot: () => undefined,
			code: (hash) => codes.get(toHex(hash)) ?? new Uint8Array(0),
			blockHash: (number) => parentHash(number + 1n),
		});
		const env = environment(1n);
		await oracle.beginBlock(env);
		const theirs: OracleStep[] = [];
		oracle.onStep((step) => theirs.push(step));
		const nonces = new Map<string, bigint>();
		let compared = 0;
		for (let index = 0; index < budget(12, 30); index++) {
			const { address: sender } = random.pick(signers);
			const nonce = nonces.get(toHex(sender)) ?? 0n;
			nonces.set(toHex(sender), nonce + 1n);
			const tx = transaction(sender, nonce, {
				to: random.pick(contracts),
				data: random.bytes(random.below(100)),
				gasLimit: BigInt(60_000 + random.below(900_000)),
			});
			theirs.length = 0;
			const verdict = await oracle.run(env, tx);
			const rules = { funds: true, nonce: true, fee: true, keep: true };
			const traced = engine.trace(env, tx, { steps: true, stack: true, memory: true }, rules, BOUNDS);
			if (traced.outcome.kind === "invalid") throw new Error(traced.outcome.reason);
			expect(traced.outcome.gasUsed).toBe(verdict?.gasUsed);
			let at = 0;
			for (const { mayBeMissing, ...own } of stepsOf(traced.records())) {
				const other = theirs[at];
				const isSame = other !== undefined && other.pc === own.pc && other.gas === own.gas && other.depth === own.depth;
				if (!isSame && mayBeMissing) continue;
				// The other engine counts a store's refund before it tells of the store.
				const refund = own.opcode === SSTORE ? other?.refund : own.refund;
				expect({ ...own, refund }, `transaction ${index}, step ${at}`).toEqual(other);
				at++;
			}
			expect(at, `steps of transaction ${index}`).toBe(theirs.length);
			compared += at;
		}
		expect(compared).toBeGreaterThan(100);
	});
}
