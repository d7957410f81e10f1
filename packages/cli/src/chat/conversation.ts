/** A conversation with a model: what was said, what it cost, and the receipts. */
import { writeFile } from "node:fs/promises";
import { formatOpg, receiptFileShape } from "@freehold/protocol";
import type { AcceptedLicence, ChatAnswer, ChatMessage, Freehold } from "@freehold/sdk";
import { verifyReceipt } from "@freehold/sdk";
import type { LaneTurns } from "../client/lane-turns.js";

export interface ConversationOptions {
	readonly freehold: Freehold;
	readonly turns: LaneTurns;
	readonly model: string;
	/** Of the model, accepted by the account. */
	readonly licence: AcceptedLicence;
	readonly system: string | undefined;
	readonly maxTokens: number;
	readonly maxCharge: bigint | undefined;
}

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

	/** Resolves after the check. What was said is kept only when it was answered. */
	async say(text: string, onPiece: (piece: string) => void, signal: AbortSignal): Promise<ChatAnswer> {
		const { freehold, turns, model, licence, maxTokens, maxCharge } = this.#options;
		const messages: ChatMessage[] = [...this.#messages, { role: "user", content: text }];
		const end = await turns.take();
		try {
			const stream = freehold.stream(model, { messages, maxTokens, licence, signal, ...(maxCharge === undefined ? {} : { maxCharge }) });
			for await (const { text: piece } of stream) if (piece !== undefined) onPiece(piece);
			const answer = await stream.result;
			this.#messages = [...messages, { role: "assistant", content: answer.text }];
			this.#answers.push(answer);
			return answer;
		} finally {
			end();
		}
	}

	/** The last answer's receipt: complete where it has been anchored by now. */
	async verify(signal: AbortSignal): Promise<readonly string[]> {
		const last = this.#answers.at(-1);
		if (last === undefined) return ["Nothing has been answered yet."];
		const { freehold } = this.#options;
		const { network, crypto } = freehold.client;
		const { state, file } = await freehold.receipts.wait(last.callId, { timeoutMs: 1, signal }).catch(() => ({ state: "signed", file: last.receiptFile }));
		const { checks } = verifyReceipt(file, { checkpoint: network.checkpoint, chainId: network.chainId, crypto });
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
