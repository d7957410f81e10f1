/** A payer with our own channel client, as the SDK uses it. */
import { decodePaymentRequired, type PaymentRequired, x402Headers } from "@freehold/payments";
import { type ChannelPayer, createChannelPayer, type LaneStore, memoryLaneStore, type PreparedPayment } from "@freehold/payments/client";
import type { InferenceResponseBody } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { type AccountName, account, CHAIN_ID, type TestNetwork } from "./network.js";

export interface PaidAnswer {
	readonly status: number;
	readonly body: InferenceResponseBody & { readonly error?: { readonly code: string; readonly message: string } };
	readonly headers: Headers;
	readonly charged: bigint;
}

export interface Payer {
	readonly payer: ChannelPayer;
	readonly store: LaneStore;
	/** Asks, pays what is asked, corrects itself when told so. */
	ask(options?: AskOptions): Promise<PaidAnswer>;
	/** The offer of a call. */
	offer(body?: unknown): Promise<PaymentRequired>;
	/** Sends one paid request. */
	send(payment: PreparedPayment, options?: AskOptions): Promise<Response>;
}

export interface AskOptions {
	readonly body?: unknown;
	readonly idempotencyKey?: string;
}

export const question = { model: "plus/identity", inputs: { x: [[1, 2, 3]] } };

/** `balance`: what the payer believes of its channels instead of asking the chain: for one that lies. */
export function createTestPayer(network: TestNetwork, name: AccountName = "payer", lanes = 4, balance?: () => bigint | undefined): Payer {
	const { account: wallet } = account(name);
	const store = memoryLaneStore();
	const payer = createChannelPayer({
		wallet: { address: wallet.address, signTypedData: (data) => wallet.signTypedData(data as Parameters<typeof wallet.signTypedData>[0]) },
		chainId: CHAIN_ID,
		store,
		lanes,
		readChannel: async (id) => {
			const [held, totalClaimed] = await network.client.read(contracts.Channels, "channels", [id]);
			return { balance: balance?.() ?? held, totalClaimed };
		},
		now: () => Date.now(),
		random: (length) => crypto.getRandomValues(new Uint8Array(length)),
	});
	const gateway = account("gateway").address;
	const post = (body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
		fetch(`${network.gatewayUrl()}/v1/inference`, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });

	const offer = async (body: unknown = question): Promise<PaymentRequired> => {
		const response = await post(body);
		const header = response.headers.get(x402Headers.required);
		const required = header === null ? undefined : decodePaymentRequired(header);
		if (response.status !== 402 || required === undefined) throw new Error(`no offer: ${response.status} ${await response.text()}`);
		return required;
	};
	const send = (payment: PreparedPayment, { body = question, idempotencyKey }: AskOptions = {}): Promise<Response> =>
		post(body, { ...payment.headers, ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }) });

	return {
		payer,
		store,
		offer,
		send,
		async ask(options = {}) {
			const required = await offer(options.body);
			for (;;) {
				const payment = await payer.pay(required, gateway);
				const response = await send(payment, options).catch((error: unknown) => {
					payment.release();
					throw error;
				});
				const body = (await response.json()) as PaidAnswer["body"];
				const outcome = await payment.settle({ status: response.status, header: (header) => response.headers.get(header) });
				if (outcome.result !== "retry")
					return { status: response.status, body, headers: response.headers, charged: outcome.result === "paid" ? outcome.charged : 0n };
			}
		},
	};
}
