/** `POST /v1/completions` (OpenAI API reference, "Create completion"). */
import { type CompletionRequest, limits, type TextChoice, type TextDelta, type TokenLogprob } from "@freehold/protocol";
import type { AnswerBegin, Asked, Dialect, StreamWriter } from "../dialect.js";
import { asInteger, asText, asTruth, invalid, maybe, readBody } from "../fields/reader.js";
import { fieldTables } from "../fields/tables.js";
import { usageOf } from "./chat.js";
import { finishReasons, idOf, openaiError, readChoices, readModel, readSampling, readStop, readStreaming } from "./wire.js";

const fields = fieldTables["POST /v1/completions"];
const DEFAULT_TOKENS = 16;
const MOST_LOGPROBS = 5;

export const completions: Dialect = {
	fields,
	refusal: openaiError,
	read(body, context): Asked {
		const source = readBody(body, fields);
		const choices = readChoices(source);
		const logprobs = maybe(source["logprobs"], (value) => asInteger(value, "logprobs", 0, MOST_LOGPROBS), undefined);
		const suffix = maybe(source["suffix"], (value) => asText(value, "suffix", limits.textChars), undefined);
		const { stream, includeUsage } = readStreaming(source);
		const request: CompletionRequest = {
			task: "completion",
			prompt: readPrompt(source["prompt"]),
			...(suffix === undefined ? {} : { suffix }),
			echo: maybe(source["echo"], (value) => asTruth(value, "echo"), false),
			sampling: readSampling(source, context, choices),
			stop: readStop(source["stop"]),
			maxOutputTokens: maybe(source["max_tokens"], (value) => asInteger(value, "max_tokens", 1, limits.textOutputTokens), DEFAULT_TOKENS),
			choices,
			...(logprobs === undefined ? {} : { logprobs }),
		};
		return {
			model: readModel(source),
			request,
			stream,
			openEnded: false,
			writer: {
				whole: (answer, end) => {
					const drawn = answer.task === "embedding" ? [] : answer.choices;
					return {
						id: idOf("cmpl-", end.callId),
						object: "text_completion",
						created: Math.floor(end.createdAt / 1000),
						model: end.model,
						choices: drawn.map(choiceOf),
						// OpenGradient's clients read the text here (its specification, 1.12).
						completion: drawn[0]?.text ?? "",
						usage: usageOf(end),
					};
				},
				stream: (begin) => completionStream(begin, includeUsage),
			},
		};
	},
};

function readPrompt(value: unknown): string {
	const [only] = Array.isArray(value) && value.length === 1 ? (value as readonly unknown[]) : [value];
	if (typeof only !== "string") throw invalid("prompt", "must be one text; ask once for each, and with texts instead of tokens");
	return asText(only, "prompt", limits.textChars);
}

function choiceOf({ text, finish, logprobs }: TextChoice, index: number): unknown {
	return { index, text, logprobs: logprobs === undefined ? null : legacyLogprobs(logprobs), finish_reason: finishReasons[finish] };
}

function legacyLogprobs(tokens: readonly TokenLogprob[]): unknown {
	let offset = 0;
	return {
		tokens: tokens.map(({ token }) => token),
		token_logprobs: tokens.map(({ logprob }) => logprob),
		top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
		text_offset: tokens.map(({ token }) => {
			const at = offset;
			offset += token.length;
			return at;
		}),
	};
}

function completionStream({ callId, createdAt, model }: AnswerBegin, includeUsage: boolean): StreamWriter {
	const head = `{"id":"${idOf("cmpl-", callId)}","object":"text_completion","created":${Math.floor(createdAt / 1000)},"model":${JSON.stringify(model)},`;
	return {
		open: () => "",
		delta: ({ choice, text, logprobs, finish }: TextDelta) =>
			text === undefined && finish === undefined
				? ""
				: `data: ${head}"choices":[${JSON.stringify({ index: choice, text: text ?? "", logprobs: logprobs === undefined ? null : legacyLogprobs(logprobs), finish_reason: finish === undefined ? null : finishReasons[finish] })}]}\n\n`,
		close: (_, end, receipt) => `${includeUsage ? `data: ${head}"choices":[],"usage":${JSON.stringify(usageOf(end))}}\n\n` : ""}${receipt}data: [DONE]\n\n`,
		fail: (error, receipt) => `${receipt}data: ${JSON.stringify(openaiError(error))}\n\n`,
	};
}
