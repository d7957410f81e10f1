/** Whether what stands in a conversation is what its receipt was signed for: a genuine receipt beside another text proves nothing of that text. Pure. */
import { canonicalJson, type ReceiptFile, textRequestShape } from "@freehold/protocol";
import { type AnswerTurn, type Conversation, messagesOf, pathTo } from "../../conversations/conversation.js";

/** A sentence that says what disagrees; undefined: nothing does. */
export function disagreementOf(conversation: Conversation, turn: AnswerTurn, { order, textRequest, textResponse }: ReceiptFile): string | undefined {
	if (order.callId !== turn.callId) return "This receipt is for another call than this answer.";
	const choice = textResponse?.answer.task === "chat" ? textResponse.answer.choices[0] : undefined;
	if (choice === undefined || textRequest?.request.task !== "chat") return "This receipt does not hold the question and the answer.";
	if (choice.text !== turn.text || canonicalJson(choice.toolCalls) !== canonicalJson(turn.toolCalls))
		return "The answer shown here is not the answer that was signed.";
	const asked = messagesOf(pathTo(conversation, turn.parent), "", turn.leftOut);
	const signed = textRequest.request.messages.filter(({ role }) => role !== "system");
	const wire = (messages: typeof asked): string => canonicalJson(textRequestShape.write({ ...textRequest.request, messages } as typeof textRequest.request));
	return wire(asked) === wire(signed) ? undefined : "What is shown before this answer is not what the model was asked.";
}
