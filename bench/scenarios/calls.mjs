/** What a paid call costs beyond running the model, what checking its receipt costs, and what anchoring many calls costs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkVoucher } from "@freehold/payments/server";
import { verifyReceipt } from "@freehold/proofs";
import { callId, commit, commitTensors, fromHex, modes, orderDigest, orderShape, parseInputs, payerCommitment, tensorsToJson, toHex } from "@freehold/protocol";
import { connect } from "@freehold/sdk";
import { contracts, createChainClient, decodeEvent } from "@freehold/sdk/chain";
import { createDigestSigner, nativeCrypto } from "@freehold/service";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { BatchSettlementEvmScheme } from "@x402/evm/batch-settlement/facilitator";
import { createWalletClient, http, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { latencies, perCall, percentile } from "../lib/measure.mjs";
import { createBenchPayer, publishModel, withNetwork } from "../lib/network.mjs";
import { cpuMsOf } from "../lib/processes.mjs";
import { createThinClient } from "../lib/thin-client.mjs";

const CALLS = 1_500;
const ROUNDS = 3;
const WARM_UP = 200;
/** How far back the ledger answers for an earlier state. */
const HISTORY_BLOCKS = 120n;

export function run({ root }) {
	return withNetwork(root, async (local) => {
		const question = await publishModel(local);
		const single = await overhead(local, question, 1);
		const many = await overhead(local, question, 16);
		return [
			{
				name: "gateway over the node, P50, 1 connection",
				unit: "ms",
				value: single.added,
				target: 1,
				better: "lower",
				cpuMs: single.cpuMs,
				rival: { name: "direct call to the node", version: "same", value: single.direct },
			},
			{
				name: "gateway over the node, P50, 16 connections",
				unit: "ms",
				value: many.added,
				target: 4,
				better: "lower",
				cpuMs: many.cpuMs,
				rival: { name: "direct call to the node", version: "same", value: many.direct },
			},
			{ name: "gateway processor time per call, 1 connection", unit: "ms", value: single.cpuMs, target: 0.6, better: "lower", cpuMs: single.cpuMs },
			{ name: "gateway processor time per call, 16 connections", unit: "ms", value: many.cpuMs, target: 0.6, better: "lower", cpuMs: many.cpuMs },
			{ name: "paid calls per second, 16 connections", unit: "calls/s", value: many.perSecond, better: "higher" },
			...(await vouchers(local, question)),
			...(await receipts(local, question)),
			...(await anchoring(local)),
		];
	});
}

/** Gateway and node in turn, best round of each by P50. */
async function overhead(local, question, connections) {
	const { ask } = await createBenchPayer(local, question.body, { lanes: connections });
	const direct = directCalls(local, question);
	await latencies(ask, { count: WARM_UP, connections });
	await latencies(direct, { count: WARM_UP, connections });
	const best = { gateway: Number.POSITIVE_INFINITY, direct: Number.POSITIVE_INFINITY, cpuMs: Number.POSITIVE_INFINITY, perSecond: 0 };
	const gatewayPid = local.pid("gateway");
	for (let round = 0; round < ROUNDS; round++) {
		const paid = [];
		const cpu = cpuMsOf(gatewayPid);
		const { seconds } = await latencies(async () => paid.push((await ask()).ms), { count: CALLS, connections });
		best.cpuMs = Math.min(best.cpuMs, (cpuMsOf(gatewayPid) - cpu) / CALLS);
		best.perSecond = Math.max(best.perSecond, CALLS / seconds);
		best.gateway = Math.min(
			best.gateway,
			percentile(
				paid.sort((a, b) => a - b),
				0.5,
			),
		);
		best.direct = Math.min(best.direct, percentile((await latencies(direct, { count: CALLS, connections })).times, 0.5));
	}
	return { added: best.gateway - best.direct, direct: best.direct, cpuMs: best.cpuMs, perSecond: best.perSecond };
}

/** Calls straight to the node, under orders that this scenario signs with the gateway's own key. */
function directCalls({ network, folder, accounts }, { release, inputs }) {
	const gateway = createDigestSigner(fromHex(readFileSync(join(folder, "keys", "gateway.key"), "utf8").trim()));
	const node = createDigestSigner(fromHex(readFileSync(join(folder, "keys", "inference.key"), "utf8").trim()));
	const { url } = JSON.parse(readFileSync(join(folder, "run", "inference.json"), "utf8"));
	const http = createThinClient(url);
	const tensors = parseInputs(inputs, [{ name: "pixels", dtype: "float32", shape: ["N", 64] }]);
	const committed = commitTensors(tensors);
	return async () => {
		const salt = toHex(globalThis.crypto.getRandomValues(new Uint8Array(32)));
		const request = commit({ kind: "inference", version: 1, release, mode: "fast", require: [], inputs: committed }, salt, nativeCrypto);
		const payer = payerCommitment(accounts[9].address, salt, nativeCrypto);
		const order = {
			callId: callId({ gateway: gateway.address, payer, paymentReference: salt, request, attempt: 0 }, nativeCrypto),
			gateway: gateway.address,
			node: node.address,
			release,
			priceVersion: 1,
			payer,
			request,
			mode: modes.fast,
			maxInputUnits: 1_000n,
			maxOutputUnits: 1_000n,
			nodeFee: 50_000_000_000_000_000n,
			gatewayFee: 30_000_000_000_000_000n,
			deadline: BigInt(Date.now() + 60_000),
		};
		const orderSignature = toHex(gateway.signDigest(fromHex(orderDigest(order, network.chainId, nativeCrypto))));
		const body = JSON.stringify({ order: orderShape.write(order), orderSignature, salt, require: [], inputs: tensorsToJson(tensors, "base64") });
		const { status, text } = await http.send(http.compose("/v1/orders", {}, body));
		if (status !== 200) throw new Error(`the node refused: ${text().slice(0, 300)}`);
	};
}

/** The check of a voucher as the gateway makes it, beside the reference facilitator asking the same ledger. */
async function vouchers(local, question) {
	const { ask, nextVoucher } = await createBenchPayer(local, question.body, { lanes: 1 });
	await ask();
	const { payload, accepted } = await nextVoucher();
	const { channelId, maxClaimableAmount, signature } = payload.voucher;
	const voucher = { channelId, maxClaimableAmount: BigInt(maxClaimableAmount), signature };
	const amount = BigInt(accepted.amount);
	const config = Object.fromEntries(
		Object.entries(payload.channelConfig).map(([key, value]) => [key, typeof value === "string" ? value.toLowerCase() : value]),
	);
	const state = { config, balance: voucher.maxClaimableAmount, totalClaimed: 0n, withdrawing: 0n, charged: voucher.maxClaimableAmount - amount };
	const check = () => checkVoucher(voucher, amount, state, local.network.chainId, nativeCrypto);
	if (!check().ok) throw new Error("the voucher does not verify");
	const ours = await perCall(check, { times: 1_000 });

	const client = createWalletClient({ account: privateKeyToAccount(local.accounts[6].privateKey), transport: http(local.network.rpcUrl) }).extend(
		publicActions,
	);
	const facilitator = new BatchSettlementEvmScheme(toFacilitatorEvmSigner({ ...client, address: client.account.address }));
	const envelope = { x402Version: 2, accepted, payload };
	const verdict = await facilitator.verify(envelope, accepted);
	if (!verdict.isValid) throw new Error(`the facilitator refuses the voucher: ${verdict.invalidReason}`);
	const theirs = await perCall(() => facilitator.verify(envelope, accepted), { times: 50 });
	return [
		{
			name: "voucher check, hot path",
			unit: "ms",
			value: ours.ms,
			target: 0.2,
			better: "lower",
			cpuMs: ours.cpuMs,
			rival: { name: "@x402/evm facilitator verify", version: "2.27.0", value: theirs.ms },
		},
	];
}

async function receipts({ network, accounts, folder }, { model, inputs }) {
	const client = connect({ network, account: privateKeyToAccount(accounts[7].privateKey) });
	const answer = await client.infer(model, { inputs });
	const { file } = await client.receipts.wait(answer.callId);
	const { checkpoint } = JSON.parse(readFileSync(join(folder, "checkpoint.json"), "utf8"));
	const verdict = verifyReceipt(file, { checkpoint, crypto: nativeCrypto });
	if (verdict.outcome !== "meets") throw new Error(`the receipt does not verify: ${verdict.outcome}`);
	const native = await perCall(() => verifyReceipt(file, { checkpoint, crypto: nativeCrypto }), { times: 300 });
	const pure = await perCall(() => verifyReceipt(file, { checkpoint }), { times: 30 });
	return [
		{ name: "receipt verification, complete, native provider", unit: "ms", value: native.ms, target: 1, better: "lower", cpuMs: native.cpuMs },
		{ name: "receipt verification, complete, pure JavaScript", unit: "ms", value: pure.ms, better: "lower", cpuMs: pure.cpuMs },
	];
}

/** The batch of this run with the most calls, executed again on the state before it: its lines, claims, divisions and credits. */
async function anchoring({ network }) {
	const client = createChainClient({ rpcUrl: network.rpcUrl });
	const head = await client.blockNumber();
	const logs = await client.logs({ addresses: [contracts.UsageLedger.address], fromBlock: head > HISTORY_BLOCKS ? head - HISTORY_BLOCKS : 1n, toBlock: head });
	const calls = new Map();
	for (const log of logs) {
		const event = decodeEvent(log, [contracts.UsageLedger]);
		if (event?.name === "LinePaid") calls.set(log.transactionHash, (calls.get(log.transactionHash) ?? 0) + Number(event.args.calls));
	}
	const [largest] = [...calls].sort(([, a], [, b]) => b - a);
	if (largest === undefined) return [];
	const transaction = await client.request("eth_getTransactionByHash", [largest[0]]);
	const parameters = [
		{ from: transaction.from, to: transaction.to, data: transaction.input, gas: "0x5f5e100" },
		`0x${(BigInt(transaction.blockNumber) - 1n).toString(16)}`,
	];
	const { ms } = await perCall(() => client.request("eth_call", parameters), { times: 10 });
	return [
		{ name: `anchoring ${largest[1].toLocaleString("en")} calls, execution`, unit: "ms", value: ms, better: "lower" },
		{ name: "anchoring 1,000 calls, execution (in proportion)", unit: "ms", value: (ms * 1_000) / largest[1], target: 150, better: "lower" },
	];
}
