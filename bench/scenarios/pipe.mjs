/** What a transaction that asks a model costs in time: from its submission to its receipt, with one small ONNX call in between; alone, and on four validators. */
import { findEngine } from "@freehold/ledger";
import { contracts, createChainClient } from "@freehold/sdk/chain";
import { encodeFunctionData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { latencies, percentile } from "../lib/measure.mjs";
import { publishModel, withNetwork } from "../lib/network.mjs";
import { until } from "../lib/processes.mjs";

const WARM_UP = 10;
const TRANSACTIONS = 100;
const GAS = 8_000_000n;
const FEE = 1_000_000_000n;

export async function run({ root }) {
	const rows = await measure(root, { many: "alone", validators: 1, transactions: TRANSACTIONS, target: 150 });
	if ((await findEngine(process.env)) === undefined) {
		process.stderr.write("  CometBFT is not there: npm test builds it where Go is, FREEHOLD_COMETBFT names another\n");
		return rows;
	}
	return [...rows, ...(await measure(root, { many: "4 validators", validators: 4, transactions: TRANSACTIONS / 2, target: 500 }))];
}

function measure(root, { many, validators, transactions, target }) {
	const work = async (local) => {
		const { model, inputs } = await publishModel(local);
		const client = createChainClient({ rpcUrl: local.network.rpcUrl });
		await until(async () => (await client.read(contracts.Inference, "nodes", [])).length > 0, "the node's enrolment");
		const account = privateKeyToAccount(local.accounts[7].privateKey);
		const [[name, rows]] = Object.entries(inputs);
		const values = rows.flat().map((value) => ({ value: BigInt(value), decimals: 0n }));
		const input = { numbers: [{ name, values, shape: [rows.length, rows[0].length] }], strings: [] };
		const asked = {
			to: contracts.InferenceHub.address,
			value: 0n,
			data: encodeFunctionData({ ...contracts.InferenceHub, functionName: "run", args: [model, 0, input] }),
		};
		let nonce = await client.transactionCount(account.address);
		const send = async (call) => {
			const raw = await account.signTransaction({
				type: "eip1559",
				chainId: local.network.chainId,
				nonce: nonce++,
				gas: GAS,
				maxFeePerGas: FEE,
				maxPriorityFeePerGas: 0n,
				...call,
			});
			const receipt = await client.request("eth_sendRawTransactionSync", [raw, 30_000], { batch: false });
			if (receipt.status !== "0x1") throw new Error(`the transaction ${receipt.transactionHash} failed`);
		};
		await latencies(() => send(asked), { count: WARM_UP, connections: 1 });
		const { times } = await latencies(() => send(asked), { count: transactions, connections: 1 });
		const plain = await latencies(() => send({ to: account.address, value: 0n, data: "0x" }), { count: transactions, connections: 1 });
		return [
			{
				name: `transaction with one small ONNX call, ${many}, submit to receipt, P50`,
				unit: "ms",
				value: percentile(times, 0.5),
				target,
				better: "lower",
				rival: { name: "a transfer on the same network", version: "same", value: percentile(plain.times, 0.5) },
			},
			{ name: `transaction with one small ONNX call, ${many}, submit to receipt, P95`, unit: "ms", value: percentile(times, 0.95), better: "lower" },
		];
	};
	return withNetwork(root, work, { validators });
}
