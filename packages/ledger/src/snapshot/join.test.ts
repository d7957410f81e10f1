import { FreeholdError, fromHex } from "@freehold/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { CHAIN_ID, developers, eventually } from "../../test/local-ledger.js";
import { type ValidatorProcess, type ValidatorProcesses, validatorProcesses } from "../../test/validator-processes.js";
import { engine } from "../../test/validators.js";
import { joinBySnapshot } from "../engine/home.js";

const SLOW_MS = 240_000;
const WAIT_MS = 90_000;
const RECIPIENT = "0x00000000000000000000000000000000000000aa";

let network: ValidatorProcesses | undefined;
afterEach(async () => {
	await network?.stop();
	network = undefined;
});

let nonce = 0;
const pay = async ({ rpc }: ValidatorProcess): Promise<void> => {
	const [account] = developers;
	if (account === undefined) throw new Error("no account");
	const fees = { gas: 21_000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n };
	await rpc(
		"eth_sendRawTransactionSync",
		await account.signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce: nonce++, to: RECIPIENT, value: 1n, ...fees }),
		20_000,
	);
};
const started = async (index: number): Promise<ValidatorProcess> => {
	const validator = await network?.start(index);
	if (validator === undefined) throw new FreeholdError("network.down", { what: `Validator ${index}`, url: "" });
	return validator;
};
const block = ({ rpc }: ValidatorProcess, number: string) =>
	rpc<{ readonly hash: string; readonly number: string } | null>("eth_getBlockByNumber", number, false);
const status = ({ rpc }: ValidatorProcess) => rpc<{ readonly consensusHeight: number; readonly genesis: { readonly hash: string } }>("freehold_status");
const inStep = (late: ValidatorProcess, first: ValidatorProcess) =>
	eventually(
		async () => {
			const head = await block(first, "latest");
			const same = head === null ? null : await block(late, head.number);
			return same?.hash === head?.hash ? head : undefined;
		},
		"the same head",
		WAIT_MS,
	);

describe.skipIf(engine === undefined)("a ledger that joins validators [CometBFT, or Go to build it]", () => {
	test(
		"fetches every block, or begins from a snapshot; both have the same state, prove it, and go on",
		async () => {
			nonce = 0;
			network = await validatorProcesses(1, 2);
			const first = await started(0);
			for (let payments = 0; payments < 6; payments++) await pay(first);
			// By its blocks.
			const follower = await started(1);
			await inStep(follower, first);
			expect(await follower.rpc("eth_getBalance", RECIPIENT, "latest")).toBe("0x6");

			// By a snapshot: of the validator, or of the follower, which has begun to make them too.
			const { genesis } = await status(first);
			const servers = [network.engineUrl(0), network.engineUrl(1)];
			await joinBySnapshot(network.homeOf(2), { servers, height: 1n, hash: fromHex(genesis.hash as `0x${string}`) });
			const late = await started(2);
			const head = await inStep(late, first);
			expect(late.output()).toContain("taken from a snapshot");
			// It never had the first blocks, and knows its genesis and its state all the same.
			expect(await block(late, "0x1")).toBeNull();
			expect((await block(late, "0x0"))?.hash).toBe((await block(first, "0x0"))?.hash);
			const [account] = developers;
			for (const subject of [RECIPIENT, account?.address, "0x4f50470000000000000000000000000000000002"])
				expect(await late.rpc("eth_getProof", subject, [], head.number)).toEqual(await first.rpc("eth_getProof", subject, [], head.number));
			await pay(late);
			await inStep(late, first);
			expect(await first.rpc("eth_getBalance", RECIPIENT, "latest")).toBe("0x7");
			// Started again it goes on with what it has.
			await network.kill(late);
			await pay(first);
			const again = await started(2);
			await inStep(again, first);
			expect(await again.rpc("eth_getBalance", RECIPIENT, "latest")).toBe("0x8");
		},
		SLOW_MS,
	);
});
