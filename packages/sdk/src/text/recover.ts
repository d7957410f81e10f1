/** What a stream that was left had come to: the receipt of what was handed over, and that is all that is charged. */
import { type CallBody, canonicalJson, FreeholdError, gatewayRoutes, type Hex, type TextAnswer, type TextRequest, textRequestShape } from "@freehold/protocol";
import { pause } from "../chain/deadline.js";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";
import { checkFile, readFile, refused } from "../inference/check-answer.js";
import type { CheckedText } from "./ask.js";

export interface RecoverOptions {
	/** What was asked, where it is still known: the receipt must be for it. */
	readonly request?: TextRequest;
	/** What had come before the stream was left, where it is still known: the answer must begin with it. */
	readonly came?: TextAnswer;
	/** Most that was agreed to, in the smallest unit. */
	readonly maxCharge?: bigint;
	readonly signal?: AbortSignal | undefined;
	/** Until the gateway has settled with the node; default 15,000. */
	readonly timeoutMs?: number;
}

const TIMEOUT_MS = 15_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 1_000;

/**
 * The gateway may have handed over a little more than had arrived: that is charged too, and the answer here has it.
 * Throws `call.notFound` when nothing was settled by the deadline (then nothing was charged), `answer.refused` when the receipt is not for this call.
 *
 * @example
 * const { answer, charge } = await freehold.text.recover(callId);
 */
export async function recoverText(client: Client, callId: Hex, options: RecoverOptions = {}): Promise<CheckedText> {
	const file = readFile(await untilSettled(client, callId, options));
	await checkFile(client, file, options.signal);
	const { receipt, order, holder, textRequest, textResponse } = file;
	if (order.callId !== callId) throw refused(file, "order", "it is for another call");
	if (holder?.payer !== client.account().address.toLowerCase()) throw refused(file, "payer", "it names another payer");
	if (textRequest === undefined || textResponse === undefined) throw refused(file, "request", "request or answer is left out");
	if (options.request !== undefined && textOf(options.request) !== textOf(textRequest.request)) throw refused(file, "request", "it is for another request");
	if (options.came !== undefined && !beginsWith(textResponse.answer, options.came))
		throw refused(file, "answer", "it is for another answer than the one that came");
	if (options.maxCharge !== undefined && receipt.charge > options.maxCharge) throw refused(file, "price", "it charges more than was agreed to");
	return {
		answer: textResponse.answer,
		inputTokens: Number(receipt.inputUnits),
		outputTokens: Number(receipt.outputUnits),
		charge: receipt.charge,
		callId,
		release: order.release,
		receiptFile: file,
		deposited: 0n,
	};
}

/** The gateway knows a call once it is settled. */
async function untilSettled(client: Client, callId: Hex, { signal, timeoutMs = TIMEOUT_MS }: RecoverOptions): Promise<CallBody> {
	const url = urlOf(client.network.gatewayUrl, gatewayRoutes.call.path, { callId });
	const deadline = client.now() + timeoutMs;
	for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(LAST_PAUSE_MS, waitMs * 2)) {
		try {
			return (await client.http.json(url, { what: "The gateway", signal })) as CallBody;
		} catch (error) {
			const passing = error instanceof FreeholdError && (error.code === "call.notFound" || error.entry.retryable);
			if (!passing || client.now() + waitMs > deadline) throw error;
		}
		await pause(waitMs, signal);
	}
}

function textOf(request: TextRequest): string {
	return canonicalJson(textRequestShape.write(request));
}

/** Whether each choice begins with what had come of it. */
function beginsWith(whole: TextAnswer, came: TextAnswer): boolean {
	if (whole.task === "embedding" || came.task === "embedding") return false;
	return came.choices.every(({ text, reasoning = "", toolCalls }, index) => {
		const choice = whole.choices[index];
		if (choice === undefined) return text === "" && reasoning === "" && toolCalls.length === 0;
		return (
			choice.text.startsWith(text) &&
			(choice.reasoning ?? "").startsWith(reasoning) &&
			toolCalls.every((call, order) => {
				const known = choice.toolCalls[order];
				return known !== undefined && known.name === call.name && known.arguments.startsWith(call.arguments);
			})
		);
	});
}
