/** A conversation as it is asked of a model: the same for the price that is shown and for what is signed. Pure. */
import type { ChatRequest } from "@freehold/protocol";
import { type Conversation, messagesOf, type Turn, tokenLimit } from "../../conversations/conversation.js";
import { offeredTools } from "./tools.js";

export interface Window {
	/** Tokens of request and answer together. */
	readonly contextTokens: number;
	/** The model can call tools. */
	readonly tools: boolean;
}

export function requestOf({ settings }: Pick<Conversation, "settings">, path: readonly Turn[], window: Window, seed: number, leftOut: number): ChatRequest {
	const tools = settings.tools && window.tools ? offeredTools : [];
	return {
		task: "chat",
		messages: messagesOf(path, settings.instructions, leftOut),
		tools,
		toolChoice: { type: tools.length === 0 ? "none" : "auto" },
		parallelToolCalls: true,
		format: { type: "text" },
		sampling: { temperature: settings.temperature, topP: 1, topK: 0, minP: 0, presencePenalty: 0, frequencyPenalty: 0, seed },
		stop: [],
		maxOutputTokens: tokenLimit(settings, window.contextTokens),
		choices: 1,
	};
}
