/** A whole answer as the pieces of a stream. */
import type { TextAnswer, TextDelta } from "@freehold/protocol";

/** Tokens are told of the whole answer only: the last piece of the last choice has them all. */
export function deltasOf(answer: TextAnswer, outputTokens = 0): readonly TextDelta[] {
	if (answer.task === "embedding") return [];
	const last = answer.choices.length - 1;
	return answer.choices.flatMap(({ text, reasoning, toolCalls, finish, logprobs }, choice): TextDelta[] => {
		const tokens = choice === last ? outputTokens : 0;
		return [
			...(reasoning === undefined ? [] : [{ choice, reasoning, outputTokens: 0 }]),
			...(text === "" ? [] : [{ choice, text, ...(logprobs === undefined ? {} : { logprobs }), outputTokens: 0 }]),
			...toolCalls.map(({ id, name, arguments: given }, index) => ({ choice, toolCall: { index, id, name, arguments: given }, outputTokens: 0 })),
			{ choice, finish, outputTokens: tokens },
		];
	});
}
