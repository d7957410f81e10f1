/** Asking a model: price, payment, answer, and the check that comes before it is believed. */
import {
	charge,
	type Decimal,
	type EvidenceKind,
	FreeholdError,
	gatewayRoutes,
	type Hex,
	type InferenceRequestBody,
	type InferenceResponseBody,
	isHex,
	type JsonTensor,
	type Mode,
	type Price,
	parseInputs,
	parseTensors,
	type QuoteBody,
	type ReceiptFile,
	type Tensors,
	tensorsToJson,
	toHex,
} from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { parseJson } from "../client/http.js";
import { patiently, untilLedgerSays } from "../client/patience.js";
import { type AcceptedLicence, licenceHeaders } from "../licences/licences.js";
import { checkAnswer } from "./check-answer.js";
import { type Limits, payAndAsk } from "./pay.js";
import { quote } from "./quote.js";
import { boundOutputs, elementsOf } from "./units.js";

export interface InferOptions {
	/** Tensors by name: `{dtype, shape, data}`, or nested lists where the model fixes dtype and rank. */
	readonly inputs: Readonly<Record<string, JsonTensor>>;
	/** Default `fast`. */
	readonly mode?: Mode;
	/** Kinds of evidence that must exist; the answer is held until they do, or refused. */
	readonly require?: readonly EvidenceKind[];
	/** Most that the call may cost, in the smallest unit. Needed where the price depends on what the model answers. */
	readonly maxCharge?: bigint;
	/** 32 bytes that close the commitments to everyone else; drawn when absent. */
	readonly salt?: Hex;
	/** The licence that the account accepted; the gateway keeps it with the call. */
	readonly licence?: Pick<AcceptedLicence, "text" | "signature">;
	readonly signal?: AbortSignal;
	/** For the whole call, a gateway or a ledger that restarts included; default 60,000. A network that never answered is not waited for. */
	readonly timeoutMs?: number;
}

export interface Inference {
	readonly outputs: InferenceResponseBody["outputs"];
	/** The same outputs as bytes. */
	readonly tensors: Tensors;
	readonly usage: InferenceResponseBody["usage"];
	readonly callId: Hex;
	readonly release: Hex;
	/** Genuine, checked, and not yet anchored: `receipts.wait` gives the complete one. */
	readonly receiptFile: ReceiptFile;
	/** Put into a channel with this call. */
	readonly deposited: bigint;
	readonly charge: bigint;
}

const TIMEOUT_MS = 60_000;

/**
 * Asks a model and pays its owners. Resolves only when order, receipt, request, answer, price and charge agree with each other and with the chain.
 * Throws what the gateway refuses with, `payment.insufficient` when it would cost more than allowed, `answer.refused` when the check fails.
 *
 * @example
 * const { outputs, receiptFile } = await freehold.infer("plus/digits", { inputs: { pixels: [[0, 0, 2]] } });
 */
export async function infer(client: Client, model: string, options: InferOptions): Promise<Inference> {
	const limits: Limits = { signal: options.signal, deadline: client.now() + (options.timeoutMs ?? TIMEOUT_MS) };
	return underQuote(client, model, limits, (quoted) => inferAt(client, model, quoted, options, limits));
}

/** Works under a price that is known and still holds, or else asks for it. */
export async function underQuote<T>(client: Client, model: string, limits: Limits, work: (quoted: QuoteBody) => Promise<T>): Promise<T> {
	const kept = client.offers.quote(model);
	if (kept === undefined) return work(await freshQuote(client, model, limits));
	try {
		return await work(kept);
	} catch (error) {
		// Only this can come from a price that changed since: nothing was signed for the new one.
		if (!(error instanceof FreeholdError) || error.code !== "payment.insufficient") throw error;
		return work(await freshQuote(client, model, limits));
	}
}

async function freshQuote(client: Client, model: string, limits: Limits): Promise<QuoteBody> {
	const ask = (): Promise<QuoteBody> => quote(client, model, { signal: limits.signal });
	const quoted = await (client.offers.reached ? patiently({ ...limits, now: client.now }, ask) : ask());
	client.offers.keepQuote(model, quoted);
	return quoted;
}

/** A call under a quote that was checked. */
async function inferAt(client: Client, model: string, quoted: QuoteBody, options: InferOptions, limits: Limits): Promise<Inference> {
	const { signal, mode = "fast" } = options;
	const payer = client.account().address.toLowerCase() as Hex;
	const inputs = parseInputs(options.inputs, quoted.inputs);
	const require = [...new Set(options.require ?? [])].sort();
	const salt = options.salt ?? toHex(client.random(32));
	if (!isHex(salt, 32)) throw new FreeholdError("request.invalid", { field: "salt", reason: "must be 32 bytes of lower-case hex" });
	const most = mostCharge(quoted, inputs, options.maxCharge);
	const body: InferenceRequestBody = {
		release: quoted.release,
		inputs: tensorsToJson(inputs, "base64"),
		mode,
		...(require.length === 0 ? {} : { require }),
		maxCharge: most.toString() as Decimal,
		salt,
	};
	const paid = await payAndAsk(client, quoted, { path: gatewayRoutes.inference.path, body, most, headers: licenceHeaders(options.licence) }, limits).catch(
		(error: unknown) => {
			client.offers.forget(model, quoted.release, most);
			throw error;
		},
	);
	const answer = parseJson(paid.answer.body) as InferenceResponseBody;
	const asked = { quoted, payer, salt, mode, require, inputs, most, charged: paid.charged, answer };
	// It is paid: a ledger that is away for a moment must not cost the answer.
	const receiptFile = await patiently({ ...limits, now: client.now, passes: untilLedgerSays }, () => checkAnswer(client, asked, signal));
	const { outputs, usage, callId } = answer;
	return {
		outputs,
		tensors: parseTensors(outputs),
		usage,
		callId,
		release: quoted.release,
		receiptFile,
		deposited: paid.deposited,
		charge: receiptFile.receipt.charge,
	};
}

/**
 * The most that is signed for: what the caller allows, and never more than price and fees make of the units, where these are known before the run. Where
 * the price counts the units of an answer whose length nobody knows, only the caller can say.
 */
export function mostCharge(quoted: QuoteBody, inputs: Tensors, allowed: bigint | undefined): bigint {
	const { perCall, perInputUnit, perOutputUnit } = quoted.owner;
	const price: Price = { perCall: BigInt(perCall), perInputUnit: BigInt(perInputUnit), perOutputUnit: BigInt(perOutputUnit) };
	const outputUnits = price.perOutputUnit === 0n ? 0n : boundOutputs(quoted, inputs);
	if (outputUnits === undefined) {
		if (allowed !== undefined) return allowed;
		throw new FreeholdError("request.invalid", {
			field: "maxCharge",
			reason: "the price of this model depends on how much it answers: say the most that you will pay",
		});
	}
	const fees = { nodeFee: BigInt(quoted.nodeFee), gatewayFee: BigInt(quoted.gatewayFee) };
	const most = charge(price, { calls: 1n, inputUnits: elementsOf(inputs), outputUnits }, fees);
	if (allowed !== undefined && allowed < most) throw new FreeholdError("payment.insufficient", { given: allowed, needed: most });
	return most;
}
