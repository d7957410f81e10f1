/** `freehold chat`: talk to a language model; each answer is paid, streamed, and checked before the next question. */
import { createInterface } from "node:readline/promises";
import { FreeholdError, formatOpg, receiptFileShape } from "@freehold/protocol";
import type { ChatAnswer } from "@freehold/sdk";
import { networkTools } from "@freehold/sdk/assistant";
import { Conversation } from "../chat/conversation.js";
import { callNotes } from "../client/call-log.js";
import { connectMember, homeOf } from "../client/connect.js";
import { LaneTurns } from "../client/lane-turns.js";
import { agreeToLicence } from "../client/licence-folder.js";
import type { CommandContext } from "../context.js";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";

const DEFAULT_MODEL = "freehold/chat";
const DEFAULT_TOKENS = 512;
const MOST_TOKENS = 131_072;
const HELP = "/verify  what is known of the last answer · /save FILE  conversation and receipts · /new  begin again · /quit";

export const chat: Action = async (context, [model = DEFAULT_MODEL], options) => {
	const maxTokens = Number(options["maxTokens"] ?? DEFAULT_TOKENS);
	if (!Number.isSafeInteger(maxTokens) || maxTokens < 1 || maxTokens > MOST_TOKENS)
		throw new FreeholdError("config.invalid", { option: "--max-tokens", reason: `must be a whole number from 1 to ${MOST_TOKENS}` });
	const member = await connectMember(context);
	const licence = await agreeToLicence(context, member, model);
	const conversation = new Conversation({
		freehold: member.freehold,
		turns: new LaneTurns(member.lanes, context.signal),
		note: callNotes(homeOf(context.env), member),
		model,
		licence,
		system: options["system"] === undefined ? undefined : String(options["system"]),
		maxTokens,
		maxCharge: options["max"] === undefined ? undefined : parseOpg(String(options["max"]), "--max"),
		tools: options["tools"] === true ? networkTools(member.freehold.models) : [],
	});
	if (options["message"] !== undefined) return once(context, conversation, String(options["message"]));
	await talk(context, conversation, model);
	return 0;
};

async function once(context: CommandContext, conversation: Conversation, message: string): Promise<number> {
	const { output } = context;
	const tools: { name: string; arguments: string; result: string }[] = [];
	const listener = {
		piece: (piece: string) => (output.json ? undefined : process.stdout.write(piece)),
		called: (name: string, given: string, result: string) => {
			tools.push({ name, arguments: given, result });
			sayCalled(context, name, given, result);
		},
	};
	const answers = await conversation.say(message, listener, context.signal);
	const answer = lastOf(answers);
	if (output.json) {
		const { text, finish, toolCalls, callId, inputTokens, outputTokens, receiptFile } = answer;
		const usage = { inputTokens, outputTokens };
		output.result({ text, finish, toolCalls, callId, charge: chargeOf(answers), usage, receiptFile: receiptFileShape.write(receiptFile), tools }, () => "");
	} else output.line(`\n${output.dim(mark(context, chargeOf(answers), answer.callId))}`);
	return 0;
}

async function talk(context: CommandContext, conversation: Conversation, model: string): Promise<void> {
	const { output } = context;
	output.note(`${model}. ${HELP}`);
	const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: "› ", terminal: process.stdin.isTTY === true });
	context.signal.addEventListener("abort", () => lines.close(), { once: true });
	lines.prompt();
	for await (const line of lines) {
		const text = line.trim();
		if (text === "/quit") break;
		if (text !== "")
			await turn(context, conversation, text).catch((error: unknown) =>
				output.note(`${output.bad("✗")} ${error instanceof Error ? error.message : String(error)}`),
			);
		lines.prompt();
	}
	lines.close();
	output.note(`Spent ${formatOpg(conversation.spent)} OPG.`);
}

async function turn(context: CommandContext, conversation: Conversation, text: string): Promise<void> {
	const { output, signal } = context;
	const [command = "", ...rest] = text.split(/\s+/);
	switch (command) {
		case "/verify":
			for (const line of await conversation.verify(signal)) output.line(line);
			return;
		case "/save": {
			const path = rest.join(" ") || "conversation.json";
			await conversation.save(path);
			output.note(`Saved to ${path}.`);
			return;
		}
		case "/new":
			conversation.clear();
			return;
		case "/help":
			output.note(HELP);
			return;
	}
	if (command.startsWith("/")) throw new FreeholdError("request.invalid", { field: command, reason: `is no command. ${HELP}` });
	const listener = {
		piece: (piece: string) => void process.stdout.write(piece),
		called: (name: string, given: string, result: string) => sayCalled(context, name, given, result),
	};
	const answers = await conversation.say(text, listener, signal);
	output.line(`\n${output.dim(mark(context, chargeOf(answers), lastOf(answers).callId))}`);
}

/** What a tool was asked and gave, for people. */
function sayCalled({ output }: CommandContext, name: string, given: string, result: string): void {
	output.note(output.dim(`${name}(${given}) → ${result}`));
}

function lastOf(answers: readonly ChatAnswer[]): ChatAnswer {
	const answer = answers.at(-1);
	if (answer === undefined) throw new Error("nothing was answered");
	return answer;
}

function chargeOf(answers: readonly ChatAnswer[]): bigint {
	return answers.reduce((sum, { charge }) => sum + charge, 0n);
}

function mark({ output }: CommandContext, charge: bigint, callId: string): string {
	return `${output.good("✓")} ${formatOpg(charge)} OPG · ${callId.slice(0, 10)}…`;
}
