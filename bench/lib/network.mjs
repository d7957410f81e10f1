/** A local network for a scenario, a payer whose signatures cost little, and a published model that costs next to nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodePaymentRequired, voucherDigest, x402Headers } from "@freehold/payments";
import { createChannelPayer } from "@freehold/payments/client";
import { fromHex, toHex } from "@freehold/protocol";
import { connect } from "@freehold/sdk";
import { contracts, createChainClient } from "@freehold/sdk/chain";
import { createDigestSigner, nativeCrypto } from "@freehold/service";
import { hashTypedData } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { startFreehold, until, withFolder } from "./processes.mjs";
import { createThinClient } from "./thin-client.mjs";

const PORT_BASES = [19_700, 19_800, 19_900];
const MODEL = "bench/digits";
const PATH = "/v1/inference";

/** Runs `work` with a network of its own. `env` is added to the environment of its programs. */
export function withNetwork(root, work, { env = {}, portBase = PORT_BASES[process.pid % PORT_BASES.length], validators = 1 } = {}) {
	return withFolder(async (folder) => {
		const program = startFreehold(
			["up", "--data", folder, "--port-base", String(portBase), "--quiet", ...(validators > 1 ? ["--validators", String(validators)] : [])],
			{ env: { ...process.env, ...env } },
		);
		const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
		try {
			await until(async () => read("network.json").version === 1, "the network's start");
			return await work({ folder, network: read("network.json"), accounts: read("accounts.json"), pid: (role) => read(`run/${role}.json`).pid, root });
		} finally {
			await program.stop();
		}
	});
}

/** Publishes the model once and gives its name, release and a question. */
export async function publishModel({ network, accounts, root }) {
	const owner = connect({ network, account: privateKeyToAccount(accounts[8].privateKey) });
	const model = readFileSync(join(root, "models/base-digits/model.onnx"));
	const published = await owner.publish({ name: MODEL, model: new Uint8Array(model), price: { perCall: 1_000n }, licence: "Apache-2.0" });
	const { pixels } = JSON.parse(readFileSync(join(root, "models/plus-digits/examples/seven.json"), "utf8"));
	return { model: MODEL, release: published.release, inputs: { pixels }, body: JSON.stringify({ model: MODEL, inputs: { pixels } }) };
}

/** What a wallet signs; of vouchers, which every call needs, by the fast hashes. */
function digestOf(data) {
	if (data.primaryType !== "Voucher") return fromHex(hashTypedData(data));
	return voucherDigest(data.message.channelId, data.message.maxClaimableAmount, data.domain.chainId, nativeCrypto);
}

/** Pays calls with a native signer, so that the load generator takes little of the machine that it measures. */
export async function createBenchPayer({ network, accounts, folder }, body, { lanes, callsPerDeposit = 4_000n, account = 9 }) {
	const signer = createDigestSigner(fromHex(accounts[account].privateKey));
	const client = createChainClient({ rpcUrl: network.rpcUrl });
	const gateway = createDigestSigner(fromHex(readFileSync(join(folder, "keys", "gateway.key"), "utf8").trim())).address;
	const payer = createChannelPayer({
		wallet: { address: signer.address, signTypedData: async (data) => toHex(signer.signDigest(digestOf(data))) },
		chainId: network.chainId,
		lanes,
		confirmDeposit: (plan) => plan.amount * callsPerDeposit,
		readChannel: async (id) => {
			const [balance, totalClaimed] = await client.read(contracts.Channels, "channels", [id]);
			return { balance, totalClaimed };
		},
		now: Date.now,
		random: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
	});
	const http = createThinClient(network.gatewayUrl);
	const challenge = await http.send(http.compose(PATH, {}, body));
	const offer = decodePaymentRequired(challenge.header(x402Headers.required));

	/** The voucher that the next call would be paid with, and what it must pay. */
	async function nextVoucher() {
		const payment = await payer.pay(offer, gateway);
		payment.release();
		const { payload, accepted } = JSON.parse(atob(payment.headers[x402Headers.signature] ?? payment.headers["PAYMENT-SIGNATURE"]));
		return { payload, accepted };
	}

	/** A payment and the request that carries it. */
	async function prepare() {
		const payment = await payer.pay(offer, gateway);
		return { payment, bytes: http.compose(PATH, payment.headers, body), release: () => payment.release() };
	}

	/** One request with a payment, whatever comes of it. `held`: the payment of a request that was told to come again; it is sent once more as it is. */
	async function attempt(held) {
		const prepared = held ?? (await prepare());
		const { payment, bytes } = prepared;
		try {
			const began = performance.now();
			const { status, header, text } = await http.send(bytes);
			const ms = performance.now() - began;
			const retryAfter = header("retry-after");
			if (status === 429) return { status, ms, text, held: prepared, outcome: { result: "unpaid" }, retryAfter, charged: 0n };
			const outcome = await payment.settle({ status, header });
			return { status, ms, text, outcome, retryAfter, charged: outcome.result === "paid" ? outcome.charged : 0n };
		} catch (error) {
			payment.release();
			throw error;
		}
	}

	/** One paid call: milliseconds from request to last byte, and the body. */
	async function ask() {
		for (;;) {
			const { status, ms, text, outcome, held } = await attempt();
			held?.release();
			if (outcome.result === "paid") return { ms, text: text() };
			if (outcome.result !== "retry") throw new Error(`a paid call was refused: ${status} ${text().slice(0, 300)}`);
		}
	}

	/** What the gateway has charged all channels of this payer. */
	async function chargedByGateway() {
		let total = 0n;
		for (const { channelId } of await payer.store.list()) {
			const answer = await fetch(`${network.gatewayUrl}/v1/channels/${channelId}`);
			if (answer.status !== 404) total += BigInt((await answer.json()).charged);
		}
		return total;
	}
	return { ask, attempt, prepare, chargedByGateway, nextVoucher };
}
