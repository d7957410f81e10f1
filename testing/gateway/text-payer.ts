/** A payer of calls to language models: asks, pays what is asked by voucher, corrects itself when told so. */
import { decodePaymentRequired, x402Headers } from "@freehold/payments";
import { type AccountName, account, type TestNetwork } from "./network.js";
import { createTestPayer } from "./payer.js";

export interface TextPayer {
	/** A `fetch` that pays, for the clients of other systems. */
	readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
}

export function createTextPayer(network: TestNetwork, name: AccountName = "payer"): TextPayer {
	const { payer } = createTestPayer(network, name);
	const gateway = account("gateway").address;
	return {
		async fetch(url, init) {
			const first = await fetch(url, init);
			const header = first.headers.get(x402Headers.required);
			let required = first.status === 402 && header !== null ? decodePaymentRequired(header) : undefined;
			if (required === undefined) return first;
			for (;;) {
				const payment = await payer.pay(required, gateway);
				const headers = new Headers(init?.headers);
				for (const [key, value] of Object.entries(payment.headers)) headers.set(key, value);
				const response = await fetch(url, { ...init, headers });
				const outcome = await payment.settle({ status: response.status, header: (key) => response.headers.get(key) });
				if (outcome.result !== "retry") return response;
				required = decodePaymentRequired(response.headers.get(x402Headers.required) ?? "") ?? required;
			}
		},
	};
}
