/** Asking a language model in the protocol's exact form, whole or in pieces. Nothing is given as an answer before its receipt has stood up to the check. */

import { x402Headers } from "@freehold/payments";
import type { PaymentOutcome, PreparedPayment } from "@freehold/payments/client";
import {
	answerOfDeltas,
	charge,
	deltaShape,
	type EvidenceKind,
	errorFromBody,
	FreeholdError,
	gatewayRoutes,
	type Hex,
	isHex,
	maxInputTokens,
	maxOutputTokens,
	type QuoteBody,
	type ReceiptFile,
	type TextAnswer,
	type TextDelta,
	type TextRequest,
	type TextRequestBody,
	type TextResponseBody,
	type TextStreamLine,
	textAnswerShape,
	textRequestShape,
	toHex,
} from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { parseJson } from "../client/http.js";
import { patiently, untilLedgerSays } from "../client/patience.js";
import { underQuote } from "../inference/infer.js";
import { type Limits, payAndAsk, payAndStream } from "../inference/pay.js";
import { type AcceptedLicence, licenceHeaders } from "../licences/licences.js";
import { checkTextAnswer } from "./check-text.js";

export interface AskOptions {
	/** Kinds of evidence that must exist; the answer is held until they do, or refused. */
	readonly require?: readonly EvidenceKind[];
	/** Most that the call may cost, in the smallest unit. Default: what price and token limits make of it. */
	readonly maxCharge?: bigint;
	/** 32 bytes that close the commitments to everyone else; drawn when absent. */
	readonly salt?: Hex;
	/** The licence that the account accepted; models whose owner wrote one are not run without it. */
	readonly licence?: Pick<AcceptedLicence, "text" | "signature"> | undefined;
	readonly signal?: AbortSignal | undefined;
	/** For the whole call; default 300,000. */
	readonly timeoutMs?: number;
}

/** An answer that stood up to its receipt. */
export interface CheckedText {
	readonly answer: TextAnswer;
	readonly inputTokens: number;
	readonly outputTokens: number;
	readonly charge: bigint;
	readonly callId: Hex;
	readonly release: Hex;
	/** Genuine, checked, and not yet anchored: `receipts.wait` gives the complete one. */
	readonly receiptFile: ReceiptFile;
	/** Put into a channel with this call. */
	readonly deposited: bigint;
}

/** What comes while it comes. */
export type TextEvent =
	| { readonly type: "started"; readonly callId: Hex; readonly inputTokens: number }
	| { readonly type: "delta"; readonly delta: TextDelta }
	/** Last, and only after the check. */
	| { readonly type: "checked"; readonly result: CheckedText };

const TIMEOUT_MS = 300_000;

/**
 * Resolves only when order, receipt, request, answer, price and charge agree with each other and with the chain.
 * Throws what the gateway refuses with, `payment.insufficient` when it would cost more than allowed, `answer.refused` when the check fails.
 */
export async function askText(client: Client, model: string, request: TextRequest, options: AskOptions = {}): Promise<CheckedText> {
	const limits = limitsOf(client, options);
	return underQuote(client, model, limits, async (quoted) => {
		const call = prepare(client, quoted, request, options, false);
		const paid = await payAndAsk(client, quoted, call, limits).catch((error: unknown) => {
			client.offers.forget(model, quoted.release, call.most);
			throw error;
		});
		const body = parseJson(paid.answer.body) as TextResponseBody;
		return patiently({ ...limits, now: client.now, passes: untilLedgerSays }, () =>
			check(client, { ...call, body, charged: paid.charged, deposited: paid.deposited }, limits.signal),
		);
	});
}

/**
 * The pieces as they come. The last event comes after the check; a stream that ends without it throws. Whoever stops iterating has left, and pays for what came.
 */
export async function* streamText(client: Client, model: string, request: TextRequest, options: AskOptions = {}): AsyncGenerator<TextEvent, void, undefined> {
	if (request.task === "embedding") throw new FreeholdError("request.invalid", { field: "task", reason: "embeddings come whole" });
	const limits = limitsOf(client, options);
	const { call, paid } = await underQuote(client, model, limits, async (quoted) => {
		const prepared = prepare(client, quoted, request, options, true);
		const begun = await payAndStream(client, quoted, prepared, limits).catch((error: unknown) => {
			client.offers.forget(model, quoted.release, prepared.most);
			throw error;
		});
		return { call: prepared, paid: begun };
	});
	const deltas: TextDelta[] = [];
	let end: Extract<TextStreamLine, { ended: unknown }> | undefined;
	try {
		for await (const text of paid.answer.lines) {
			const line = readLine(text);
			if ("started" in line) yield { type: "started", ...line.started };
			else if ("delta" in line) {
				const delta = deltaShape.read(line.delta, "delta");
				deltas.push(delta);
				yield { type: "delta", delta };
			} else if ("error" in line) {
				await settle(paid.payment, line.settlement);
				throw errorFromBody(line) ?? new FreeholdError("upstream.failed", { what: "The gateway", reason: "a stream that ends in an unknown error" });
			} else end = line;
		}
	} finally {
		// Settled below, where the end came; a second release does nothing.
		if (end === undefined) paid.payment.release();
	}
	if (end === undefined) throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "its stream broke off" });
	const outcome = await settle(paid.payment, end.settlement);
	const streamed = answerOfDeltas(request.task, request.choices, deltas);
	const charged = outcome.result === "paid" ? outcome.charged : 0n;
	const { ended: body } = end;
	const result = await patiently({ ...limits, now: client.now, passes: untilLedgerSays }, () =>
		check(client, { ...call, body, charged, deposited: paid.deposited, streamed }, limits.signal),
	);
	yield { type: "checked", result };
}

interface Prepared {
	readonly quoted: QuoteBody;
	readonly request: TextRequest;
	readonly require: readonly EvidenceKind[];
	readonly salt: Hex;
	readonly path: string;
	readonly body: TextRequestBody;
	readonly most: bigint;
	readonly headers: Readonly<Record<string, string>>;
}

function limitsOf(client: Client, { signal, timeoutMs = TIMEOUT_MS }: AskOptions): Limits {
	return { signal, deadline: client.now() + timeoutMs };
}

function prepare(client: Client, quoted: QuoteBody, request: TextRequest, options: AskOptions, stream: boolean): Prepared {
	const require = [...new Set(options.require ?? [])].sort();
	const salt = options.salt ?? toHex(client.random(32));
	if (!isHex(salt, 32)) throw new FreeholdError("request.invalid", { field: "salt", reason: "must be 32 bytes of lower-case hex" });
	const most = mostTextCharge(quoted, request, options.maxCharge);
	const body: TextRequestBody = {
		release: quoted.release,
		request: textRequestShape.write(request),
		...(require.length === 0 ? {} : { require }),
		maxCharge: most.toString(),
		salt,
		...(stream ? { stream } : {}),
	};
	return { quoted, request, require, salt, path: gatewayRoutes.text.path, body, most, headers: licenceHeaders(options.licence) };
}

/** The most that price and fees make of a request's tokens. The gateway may ask for less: it knows how much the model holds. */
export function mostTextCharge({ owner, nodeFee, gatewayFee }: QuoteBody, request: TextRequest, allowed: bigint | undefined): bigint {
	const price = { perCall: BigInt(owner.perCall), perInputUnit: BigInt(owner.perInputUnit), perOutputUnit: BigInt(owner.perOutputUnit) };
	const usage = { calls: 1n, inputUnits: maxInputTokens(request), outputUnits: maxOutputTokens(request) };
	const most = charge(price, usage, { nodeFee: BigInt(nodeFee), gatewayFee: BigInt(gatewayFee) });
	return allowed !== undefined && allowed < most ? allowed : most;
}

async function check(
	client: Client,
	came: Omit<Prepared, "body"> & {
		readonly body: TextResponseBody;
		readonly charged: bigint;
		readonly deposited: bigint;
		readonly streamed?: { readonly answer: TextAnswer; readonly outputTokens: bigint };
	},
	signal: AbortSignal | undefined,
): Promise<CheckedText> {
	const { quoted, body, deposited } = came;
	const payer = client.account().address.toLowerCase() as Hex;
	const answer = came.streamed?.answer ?? readAnswer(body);
	const receiptFile = await checkTextAnswer(client, { ...came, payer, answer }, signal);
	const { receipt } = receiptFile;
	return {
		answer,
		inputTokens: Number(receipt.inputUnits),
		outputTokens: Number(receipt.outputUnits),
		charge: receipt.charge,
		callId: body.callId,
		release: quoted.release,
		receiptFile,
		deposited,
	};
}

function readAnswer(body: TextResponseBody): TextAnswer {
	try {
		return textAnswerShape.read(body.answer, "answer");
	} catch (error) {
		throw new FreeholdError("upstream.failed", { what: "The gateway", reason: error instanceof Error ? error.message : "an answer that is none" });
	}
}

function readLine(text: string): TextStreamLine {
	const line = parseJson(new TextEncoder().encode(text));
	if (typeof line === "object" && line !== null) return line as TextStreamLine;
	throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "a line that is no JSON object" });
}

/** With the header that a whole answer has, from the last line. */
function settle(payment: PreparedPayment, settlement: string | undefined): Promise<PaymentOutcome> {
	return payment.settle({ status: 200, header: (name) => (name === x402Headers.response ? settlement : undefined) });
}
