/** The steady, mixed load: asking and paying all the time, publishing, verifying and withdrawing now and then. Nothing that fails is passed over. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { verifyReceipt } from "@freehold/proofs";
import { receiptFileShape } from "@freehold/protocol";
import { connect } from "@freehold/sdk";
import { nativeCrypto } from "@freehold/service";
import { privateKeyToAccount } from "viem/accounts";
import { createBenchPayer } from "../lib/network.mjs";

const LANES = 8;
/** Every so many answers, one is followed until it is proved. */
const VERIFIED_SHARE = 20;
const PUBLISH_EVERY_MS = 20_000;
const WITHDRAW_EVERY_MS = 30_000;
const FINAL_DEADLINE_MS = 60_000;

export async function startLoad(local, question, { rate, watch }) {
	const { network, accounts } = local;
	const { checkpoint } = JSON.parse(readFileSync(join(local.folder, "checkpoint.json"), "utf8"));
	const { ask } = await createBenchPayer(local, question.body, { lanes: LANES, callsPerDeposit: 4_000n });
	const owner = connect({ network, account: privateKeyToAccount(accounts[8].privateKey), crypto: nativeCrypto });
	const visitor = connect({ network, account: privateKeyToAccount(accounts[7].privateKey), crypto: nativeCrypto, confirm: async () => true });
	const model = new Uint8Array(readFileSync(join(local.root, "models/clinic-tumour/model.onnx")));
	const seen = { answered: 0, anchored: 0, toVerify: 0, published: 0, withdrawn: 0, missed: 0, failed: [], lost: [] };
	const underWay = new Set();
	const run = (work, what) => {
		const ending = work()
			.catch((error) => seen.failed.push(`${what}: ${error instanceof Error ? error.message : error}`))
			.finally(() => underWay.delete(ending));
		underWay.add(ending);
	};

	const asking = async () => {
		const { ms, text } = await ask();
		watch.answered(ms);
		seen.answered++;
		if (seen.answered % VERIFIED_SHARE === 0) run(() => verify(JSON.parse(text).callId), "verify");
	};
	const verify = async (callId) => {
		seen.toVerify++;
		for (const deadline = performance.now() + FINAL_DEADLINE_MS; performance.now() < deadline; ) {
			const call = await (await fetch(`${network.gatewayUrl}/v1/calls/${callId}`)).json();
			if (call.state === "final") {
				const { outcome } = verifyReceipt(receiptFileShape.read(call.receiptFile, "receipt"), { checkpoint, crypto: nativeCrypto });
				if (outcome !== "meets") throw new Error(`the receipt of ${callId} is ${outcome}`);
				seen.anchored++;
				return;
			}
			await new Promise((resolve) => setTimeout(resolve, 500));
		}
		seen.lost.push(`call ${callId} was never proved`);
	};
	const publish = async () => {
		await owner.publish({ name: `bench/soak-${seen.published}`, model, price: { perCall: 1_000n }, licence: "Apache-2.0" });
		seen.published++;
	};
	const withdraw = async () => {
		await visitor.infer(question.model, { inputs: question.inputs });
		await visitor.channels.close();
		await owner.earnings.claim();
		seen.withdrawn++;
	};

	// Calls come when they come, not when the last one has ended; at most as many as there are lanes wait.
	let asked = 0;
	let withdrawing = false;
	const timers = [
		setInterval(() => {
			if (asked >= 2 * LANES) seen.missed++;
			else {
				asked++;
				run(() => asking().finally(() => asked--), "ask");
			}
		}, 1_000 / rate),
		setInterval(() => run(publish, "publish"), PUBLISH_EVERY_MS),
		setInterval(() => {
			// Getting money back may take longer than the interval.
			if (withdrawing) return;
			withdrawing = true;
			run(() => withdraw().finally(() => (withdrawing = false)), "withdraw");
		}, WITHDRAW_EVERY_MS),
	];
	return {
		async stop() {
			for (const timer of timers) clearInterval(timer);
			while (underWay.size > 0) await Promise.all(underWay);
			return seen;
		},
	};
}
