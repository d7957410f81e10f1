/**
 * A client of plain HTTP that pays each call with one signed transfer, by EIP-3009 and by Permit2 in turn. With an idempotency key it sends the same payment again
 * until it knows; without one it gives up at the first broken connection, as simple clients do.
 */
import { encodeHeader, type PaymentRequired, type PaymentRequirements, x402Headers } from "@freehold/payments";
import { contractAddresses, FreeholdError, type Hex, type InferenceResponseBody, toHex } from "@freehold/protocol";
import type { TestAccount } from "../../journey/accounts.js";
import type { Chance } from "../seeded.js";
import { CHAIN_ID } from "../world.js";
import type { Question } from "./channel-client.js";
import { type Party, party, persistently } from "./party.js";

/** One payment and what came of it. */
export interface ExactPayment {
	readonly amount: bigint;
	readonly nonce: Hex;
	/** `lost`: the connection broke, and nobody asked again. */
	outcome: "answered" | "refused" | "lost";
	callId?: Hex;
	charge?: bigint;
}

export interface ExactClient extends Party {
	readonly address: Hex;
	readonly payments: readonly ExactPayment[];
}

const VALID_S = 90;

export function exactClient(
	name: string,
	{ account, address }: TestAccount,
	gatewayUrl: string,
	{ models, inputs }: Question,
	chance: Chance,
	options: { readonly keyed: boolean; readonly eip3009Only?: boolean; readonly tolerant?: boolean },
): ExactClient {
	const payments: ExactPayment[] = [];
	const url = `${gatewayUrl}/v1/inference`;
	const post = (body: string, headers: Readonly<Record<string, string>>): Promise<Response> =>
		fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body, signal: AbortSignal.timeout(30_000) });

	const offers = async (body: string): Promise<readonly PaymentRequirements[]> => {
		const response = await persistently(() => post(body, {}));
		const header = response.headers.get(x402Headers.required);
		if (header === null) throw new FreeholdError("upstream.failed", { what: "The gateway", reason: `${response.status} ${await response.text()}` });
		return (JSON.parse(atob(header)) as PaymentRequired).accepts;
	};

	const sign = async (accepted: PaymentRequirements, nonce: Hex): Promise<Readonly<Record<string, unknown>>> => {
		const validBefore = Math.floor(Date.now() / 1000) + VALID_S;
		if (accepted.extra?.["assetTransferMethod"] !== "permit2") {
			const message = { from: address, to: accepted.payTo, value: BigInt(accepted.amount), validAfter: 0n, validBefore: BigInt(validBefore), nonce };
			const signature = await account.signTypedData({
				domain: { name: "OpenGradient", version: "1", chainId: CHAIN_ID, verifyingContract: contractAddresses.OPG },
				types: { TransferWithAuthorization: authorizationType },
				primaryType: "TransferWithAuthorization",
				message,
			});
			const text = { ...message, value: accepted.amount, validAfter: "0", validBefore: String(validBefore) };
			return { signature, authorization: text };
		}
		const permit = {
			permitted: { token: contractAddresses.OPG, amount: BigInt(accepted.amount) },
			spender: contractAddresses.ExactPermit2Proxy,
			nonce: BigInt(nonce),
			deadline: BigInt(validBefore),
			witness: { to: accepted.payTo, validAfter: 0n },
		};
		const signature = await account.signTypedData({
			domain: { name: "Permit2", chainId: CHAIN_ID, verifyingContract: contractAddresses.Permit2 },
			types: permitTypes,
			primaryType: "PermitWitnessTransferFrom",
			message: permit,
		});
		const text = JSON.parse(JSON.stringify({ from: address, ...permit }, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value)));
		return { signature, permit2Authorization: text };
	};

	const pay = async (nth: number): Promise<void> => {
		const body = JSON.stringify({ model: models[nth % models.length], inputs });
		const exact = (await offers(body)).filter(
			({ scheme, extra }) => scheme === "exact" && (options.eip3009Only !== true || extra?.["assetTransferMethod"] !== "permit2"),
		);
		const accepted = exact[nth % exact.length];
		if (accepted === undefined) throw new Error("no exact payment is offered");
		const nonce = toHex(Uint8Array.from({ length: 32 }, () => chance.between(0, 256)));
		const payment: ExactPayment = { amount: BigInt(accepted.amount), nonce, outcome: "lost" };
		const headers = { [x402Headers.signature]: encodeHeader({ x402Version: 2, accepted, payload: await sign(accepted, nonce) }) };
		payments.push(payment);
		const response = options.keyed
			? await persistently(() => post(body, { ...headers, "idempotency-key": `${name}-${nth}` }))
			: await post(body, headers).catch(() => undefined);
		if (response === undefined) return;
		const answer = (await response.json().catch(() => undefined)) as InferenceResponseBody | undefined;
		if (answer === undefined) return;
		payment.outcome = response.ok ? "answered" : "refused";
		if (!response.ok) return;
		payment.callId = answer.callId;
		payment.charge = BigInt(answer.usage.charge);
	};
	return { ...party(name, chance, 250, pay, options), address, payments };
}

const authorizationType = [
	{ name: "from", type: "address" },
	{ name: "to", type: "address" },
	{ name: "value", type: "uint256" },
	{ name: "validAfter", type: "uint256" },
	{ name: "validBefore", type: "uint256" },
	{ name: "nonce", type: "bytes32" },
] as const;

const permitTypes = {
	PermitWitnessTransferFrom: [
		{ name: "permitted", type: "TokenPermissions" },
		{ name: "spender", type: "address" },
		{ name: "nonce", type: "uint256" },
		{ name: "deadline", type: "uint256" },
		{ name: "witness", type: "Witness" },
	],
	TokenPermissions: [
		{ name: "token", type: "address" },
		{ name: "amount", type: "uint256" },
	],
	Witness: [
		{ name: "to", type: "address" },
		{ name: "validAfter", type: "uint256" },
	],
} as const;
