/** The check before a language model's answer is believed: what it shares with every call, and that request, answer and tokens are those of this one. */
import {
	canonicalJson,
	type EvidenceKind,
	type Hex,
	modes,
	type QuoteBody,
	type ReceiptFile,
	type TextAnswer,
	type TextRequest,
	type TextResponseBody,
	textAnswerShape,
	textRequestShape,
} from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { checkFile, readFile, refused } from "../inference/check-answer.js";

export interface TextAsked {
	readonly quoted: QuoteBody;
	readonly payer: Hex;
	readonly salt: Hex;
	readonly require: readonly EvidenceKind[];
	readonly request: TextRequest;
	/** Most that was agreed to. */
	readonly most: bigint;
	/** What the payment's settlement says. */
	readonly charged: bigint;
	readonly body: TextResponseBody;
	/** What came: whole, or put together from its pieces. */
	readonly answer: TextAnswer;
	/** Of an answer in pieces. */
	readonly streamed?: { readonly outputTokens: bigint };
}

/** Throws `answer.refused` with the file as the error's cause. */
export async function checkTextAnswer(client: Client, asked: TextAsked, signal: AbortSignal | undefined): Promise<ReceiptFile> {
	const file = readFile(asked.body);
	await checkFile(client, file, signal);
	const wrong = disagreement(file, asked);
	if (wrong !== undefined) throw refused(file, "request", wrong);
	return file;
}

/** What the receipt says other than what was asked, paid and answered; undefined when it says the same. Pure. */
export function disagreement({ order, receipt, holder, textRequest, textResponse }: ReceiptFile, asked: TextAsked): string | undefined {
	const { quoted, body, streamed } = asked;
	if (order.release !== quoted.release) return `it is for release ${order.release}`;
	if (order.gateway !== quoted.gateway) return `gateway ${order.gateway} ordered it`;
	if (order.callId !== body.callId) return "it is for another call";
	if (order.mode !== modes.fast) return "the order is for another mode";
	if (holder?.payer !== asked.payer || holder.salt !== asked.salt) return "it names another payer or salt";
	if (textRequest === undefined || textResponse === undefined) return "request or answer is left out";
	if (canonicalJson(textRequest.require) !== canonicalJson(asked.require)) return "the order is for other evidence";
	if (canonicalJson(textRequestShape.write(textRequest.request)) !== canonicalJson(textRequestShape.write(asked.request)))
		return "the order is for another request";
	if (canonicalJson(textAnswerShape.write(textResponse.answer)) !== canonicalJson(textAnswerShape.write(asked.answer)))
		return "the answer is not the one that was signed";
	if (streamed !== undefined && receipt.outputUnits !== streamed.outputTokens)
		return `${receipt.outputUnits} output tokens were charged, ${streamed.outputTokens} came`;
	if (receipt.charge > asked.most) return "it charges more than was agreed to";
	if (receipt.charge !== asked.charged || receipt.charge.toString() !== body.usage.charge) return "another amount was taken from the channel";
	return undefined;
}
