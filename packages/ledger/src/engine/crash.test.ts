import { afterEach, describe, expect, test } from "vitest";
import { CHAIN_ID, developers, eventually } from "../../test/local-ledger.js";
import { type ValidatorProcess, type ValidatorProcesses, validatorProcesses } from "../../test/validator-processes.js";
import { engine } from "../../test/validators.js";
import { validatorCrashPoints } from "./validator.js";

const SLOW_MS = 240_000;
const WAIT_MS = 60_000;
const RECIPIENT = "0x00000000000000000000000000000000000000aa";

let network: ValidatorProcesses | undefined;
afterEach(async () => {
	await network?.stop();
	network = undefined;
});

let nonces = [0, 0, 0, 0];
const payment = (developer: number, nonce: number): Promise<string> => {
	const fees = { gas: 21_000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n };
	const account = developers[developer] as (typeof developers)[number];
	return account.signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce, to: RECIPIENT, value: 1n, ...fees });
};
const pay = async (developer: number, { rpc }: ValidatorProcess): Promise<void> => {
	const nonce = nonces[developer] as number;
	nonces[developer] = nonce + 1;
	await rpc("eth_sendRawTransaction", await payment(developer, nonce));
};
const balance = async ({ rpc }: ValidatorProcess): Promise<bigint> => BigInt(await rpc<string>("eth_getBalance", RECIPIENT, "latest"));
const paid = (validators: readonly ValidatorProcess[], amount: number) =>
	eventually(
		async () => ((await Promise.all(validators.map(balance))).every((held) => held === BigInt(amount)) ? true : undefined),
		`${amount} payments on ${validators.length} validators`,
		WAIT_MS,
	);
/** As soon as the engine answers. */
const height = ({ rpc }: ValidatorProcess): Promise<number> =>
	eventually(
		() =>
			rpc<{ readonly consensusHeight: number }>("freehold_status").then(
				({ consensusHeight }) => consensusHeight,
				() => undefined,
			),
		"the height",
		WAIT_MS,
	);
/** The process of a validator's engine, as `/ready` names it. */
const enginePid = async ({ url }: ValidatorProcess): Promise<number> => {
	const answer = (await (await fetch(`${url}/ready`)).json()) as { readonly detail?: { readonly engine?: number } };
	const pid = answer.detail?.engine;
	if (pid === undefined || pid === 0) throw new Error(`no engine: ${JSON.stringify(answer)}`);
	return pid;
};
const started = async (index: number, env?: Readonly<Record<string, string>>): Promise<ValidatorProcess> => {
	const validator = await network?.start(index, env);
	if (validator === undefined) throw new Error(`validator ${index} ended while it started`);
	return validator;
};

/** The same EVM block at every number that all have; there are no duplicates, since nonces and the balance fit. */
async function expectOneChain(validators: readonly ValidatorProcess[]): Promise<void> {
	const heads = await Promise.all(validators.map(({ rpc }) => rpc<string>("eth_blockNumber")));
	const common = Math.min(...heads.map(Number));
	for (let number = 0; number <= common; number++) {
		const asked = `0x${number.toString(16)}`;
		const hashes = await Promise.all(validators.map(async ({ rpc }) => (await rpc<{ readonly hash: string }>("eth_getBlockByNumber", asked, false)).hash));
		expect(new Set(hashes).size, `block ${number}`).toBe(1);
	}
}

describe.skipIf(engine === undefined)("validators that are killed [CometBFT, or Go to build it]", () => {
	test(
		"at every step of a block: the one that is started again goes on with the same chain, nothing lost and nothing twice",
		async () => {
			nonces = [0, 0, 0, 0];
			network = await validatorProcesses(1);
			let sent = 0;
			// Before the first answer and before the second is the same to the engine; deep runs take both.
			for (const point of validatorCrashPoints.filter((name) => name !== "ledger.abci.finalizing")) {
				const crashing = await network.start(0, { FREEHOLD_CRASH_AT: `${point}:4` });
				if (crashing === undefined) continue;
				let isOver = false;
				void crashing.ended.then(() => {
					isOver = true;
				});
				while (!isOver) {
					// Whether the payment or its answer was cut off shows in the nonce afterwards.
					await pay(0, crashing).catch(() => undefined);
					await eventually(
						async () => (isOver || (await balance(crashing).catch(() => -1n)) === BigInt(nonces[0] as number) ? true : undefined),
						"a block",
						WAIT_MS,
					);
				}
				expect(crashing.child.signalCode, point).toBe("SIGKILL");
				await network.kill(crashing);
				const again = await started(0);
				// What the engine decided is executed again at the start. A pool is not durable: what was in no block is sent anew.
				const before = await height(again);
				await eventually(async () => ((await height(again)) > before + 1 ? true : undefined), "a new block", WAIT_MS);
				sent = Number(await again.rpc<string>("eth_getTransactionCount", developers[0]?.address, "latest"));
				expect(nonces[0] as number).toBeGreaterThanOrEqual(sent);
				nonces[0] = sent;
				await pay(0, again);
				await paid([again], ++sent);
				await network.kill(again);
			}
		},
		SLOW_MS,
	);

	test(
		"one of four: the others go on. Two: nothing goes on until enough are back. All have one chain then",
		async () => {
			nonces = [0, 0, 0, 0];
			network = await validatorProcesses(4);
			const validators = await Promise.all([0, 1, 2, 3].map((index) => started(index)));
			const left = validators.slice(0, 2) as [ValidatorProcess, ValidatorProcess];
			await pay(0, left[0]);
			await paid(validators, 1);
			await network.kill(validators[3] as ValidatorProcess);
			await pay(1, left[1]);
			await paid(validators.slice(0, 3), 2);
			// Two of four: what is sent waits, and says so.
			await network.kill(validators[2] as ValidatorProcess);
			await expect(left[0].rpc("eth_sendRawTransactionSync", await payment(0, 1), 4_000)).rejects.toThrow("not included within");
			const halted = await height(left[0]);
			const back = await Promise.all([2, 3].map((index) => started(index)));
			await paid([...left, ...back], 3);
			expect(await height(left[0])).toBeGreaterThan(halted);
			await expectOneChain([...left, ...back]);

			// While an engine is away its ledger says so, and answers all that it knows by itself. Each end makes the next pause longer.
			const [alone] = left;
			await eventually(
				async () => {
					const pid = await enginePid(alone).catch(() => undefined);
					if (pid !== undefined) process.kill(pid, "SIGKILL");
					const status = await alone.rpc<{ readonly engine: string; readonly consensusHeight: number }>("freehold_status");
					const words = await alone.rpc("freehold_getBlocks", "1", 1).then(
						() => "",
						(error: unknown) => String(error),
					);
					return status.engine === "away" && status.consensusHeight > 0 && words.includes("consensus engine beside this ledger does not answer")
						? true
						: undefined;
				},
				"the engine's absence",
				WAIT_MS,
			);
			expect(BigInt(await alone.rpc<string>("eth_blockNumber"))).toBeGreaterThan(0n);
			await eventually(
				async () => ((await alone.rpc<{ readonly engine: string }>("freehold_status")).engine === "runs" ? true : undefined),
				"the engine",
				WAIT_MS,
			);
		},
		SLOW_MS,
	);

	test.skipIf(process.env["FREEHOLD_DEEP"] !== "1")(
		"at every step of a block, one of four under load: it has the others' chain again [npm run test:deep]",
		async () => {
			nonces = [0, 0, 0, 0];
			network = await validatorProcesses(4);
			const others = await Promise.all([0, 1, 2].map((index) => started(index)));
			let sent = 0;
			for (const point of validatorCrashPoints) {
				const crashing = await network.start(3, { FREEHOLD_CRASH_AT: `${point}:3` });
				let isOver = crashing === undefined;
				void crashing?.ended.then(() => {
					isOver = true;
				});
				while (!isOver) {
					await pay(sent % 3, others[sent % 3] as ValidatorProcess);
					await paid(others, ++sent);
				}
				if (crashing !== undefined) await network.kill(crashing);
				const again = await started(3);
				await paid([...others, again], sent);
				await expectOneChain([...others, again]);
				await network.kill(again);
			}
		},
		SLOW_MS,
	);

	test.skipIf(process.env["FREEHOLD_DEEP"] !== "1")(
		"engines that stand still, two by two, never make two chains, and go on together [npm run test:deep]",
		async () => {
			nonces = [0, 0, 0, 0];
			network = await validatorProcesses(4);
			const validators = await Promise.all([0, 1, 2, 3].map((index) => started(index)));
			const engines = await Promise.all(validators.map(enginePid));
			let sent = 0;
			for (const pair of [
				[0, 1],
				[2, 3],
				[0, 3],
			] as const) {
				for (const index of pair) process.kill(engines[index] as number, "SIGSTOP");
				const awake = validators.filter((_, index) => !(pair as readonly number[]).includes(index)) as [ValidatorProcess, ValidatorProcess];
				const raw = await payment(0, nonces[0] as number);
				await expect(awake[0].rpc("eth_sendRawTransactionSync", raw, 5_000)).rejects.toThrow("not included within");
				nonces[0] = (nonces[0] as number) + 1;
				for (const index of pair) process.kill(engines[index] as number, "SIGCONT");
				await paid(validators, ++sent);
			}
			await expectOneChain(validators);
		},
		SLOW_MS,
	);

	test.skipIf(process.env["FREEHOLD_DEEP"] !== "1")(
		"a thousand blocks of random payments have one hash each on all four [npm run test:deep]",
		async () => {
			nonces = [0, 0, 0, 0];
			network = await validatorProcesses(4);
			const validators = await Promise.all([0, 1, 2, 3].map((index) => started(index)));
			const [first] = validators as [ValidatorProcess];
			let sent = 0;
			while ((await height(first)) < 1_000) {
				const count = 1 + (sent % 5);
				for (let index = 0; index < count; index++) await pay(index % 4, validators[index % 4] as ValidatorProcess);
				sent += count;
				await paid(validators, sent);
			}
			await expectOneChain(validators);
		},
		600_000,
	);
});
