/** A conversation with a model: what was said, what it cost, and the receipts. */
import { writeFile } from "node:fs/promises";
import { formatOpg, receiptFileShape } from "@freehold/protocol";
import type { AcceptedLicence, ChatAnswer, ChatMessage, Freehold } from "@freehold/sdk";
import { verifyReceipt } from "@freehold/sdk";
import { type AssistantTool, offerOf, runTool } from "@freehold/sdk/assistant";
import type { NoteCall } from "../client/call-log.js";
import type { LaneTurns } from "../client/lane-turns.js";

export interface ConversationOptions {
	readonly freehold: Freehold;
	readonly turns: LaneTurns;
	readonly note: NoteCall;
	readonly model: string;
	/** Of the model, accepted by the account. */
	readonly licence: AcceptedLicence;
	readonly system: string | undefined;
	readonly maxTokens: number;
	/** For one answer. */
	readonly maxCharge: bigint | undefined;
	/** What the model may call here. */
	readonly tools: readonly AssistantTool[];
}

/** What is told while an answer comes. */
export interface Listener {
	readonly piece: (text: string) => void;
	readonly called: (name: string, argumentsText: string, result: string) => void;
}

/** Answers in a row that call tools. */
const MAX_ROUNDS = 4;

export class Conversation {
	readonly #options: ConversationOptions;
	#messages: ChatMessage[] = [];
	#answers: ChatAnswer[] = [];

	constructor(options: ConversationOptions) {
		this.#options = options;
		this.clear();
	}

	clear(): void {
		const { system } = this.#options;
		this.#messages = system === undefined ? [] : [{ role: "system", content: system }];
		this.#answers = [];
	}

	get spent(): bigint {
		return this.#answers.reduce((sum, { charge }) => sum + charge, 0n);
	}

	/**
	 * Resolves after the check with the answers in the order in which they came: several where tools were called in between. What was said is kept only when it was
	 * answered in words, or when the model has called tools for as long as it may.
	 */
	async say(text: string, listener: Listener, signal: AbortSignal): Promise<readonly ChatAnswer[]> {
		const { turns, tools, note, model } = this.#options;
		const messages: ChatMessage[] = [...this.#messages, { role: "user", content: text }];
		const answers: ChatAnswer[] = [];
		const end = await turns.take();
		try {
			for (let round = 1; ; round++) {
				const answer = await this.#ask(messages, listener, signal);
				answers.push(answer);
				await note(model, answer.callId, answer.receiptFile.order.gateway);
				this.#answers.push(answer);
				messages.push({ role: "assistant", content: answer.text, toolCalls: answer.toolCalls });
				for (const { id, name, arguments: given } of answer.toolCalls) {
					const result = await runTool(tools, name, given, signal);
					listener.called(name, given, result);
					messages.push({ role: "tool", toolCallId: id, content: result });
				}
				if (answer.toolCalls.length === 0 || round === MAX_ROUNDS) break;
			}
			this.#messages = messages;
			return answers;
		} finally {
			end();
		}
	}

	async #ask(messages: readonly ChatMessage[], listener: Listener, signal: AbortSignal): Promise<ChatAnswer> {
		const { freehold, model, licence, maxTokens, maxCharge, tools } = this.#options;
		const stream = freehold.stream(model, {
			messages,
			maxTokens,
			licence,
			signal,
			...(tools.length === 0 ? {} : { tools: offerOf(tools) }),
			...(maxCharge === undefined ? {} : { maxCharge }),
		});
		for await (const { text: piece } of stream) if (piece !== undefined) listener.piece(piece);
		return stream.result;
	}

	/** The last answer's receipt: complete where it has been anchored by now. */
	async verify(signal: AbortSignal): Promise<readonly string[]> {
		const last = this.#answers.at(-1);
		if (last === undefined) return ["Nothing has been answered yet."];
		const { freehold } = this.#options;
		const { network, crypto } = freehold.client;
		const { state, file } = await freehold.receipts.wait(last.callId, { timeoutMs: 1, signal }).catch(() => ({ state: "signed", file: last.receiptFile }));
		const { checks } = verifyReceipt(file, { checkpoint: network.checkpoint, chainId: network.chainId, crypto, trustNow: Date.now() });
		return [
			`call ${last.callId} · ${state} · ${formatOpg(last.charge)} OPG · ${last.inputTokens} tokens in, ${last.outputTokens} out`,
			...checks.map(({ name, ok, result, detail }) => `  ${ok ? "✓" : result === "fails" ? "✗" : "·"} ${name}: ${detail}`),
		];
	}

	/** Messages, and the receipt file of each answer. */
	async save(path: string): Promise<void> {
		const answers = this.#answers.map(({ callId, charge, receiptFile }) => ({
			callId,
			charge: charge.toString(),
			receiptFile: receiptFileShape.write(receiptFile),
		}));
		await writeFile(path, `${JSON.stringify({ version: 1, model: this.#options.model, messages: this.#messages, answers }, null, 2)}\n`, { mode: 0o600 });
	}
}
