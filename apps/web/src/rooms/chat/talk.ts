/**
 * One conversation while it is open: what is asked, paid, and comes in. It lives apart from the room, so that an answer goes on when the person looks elsewhere.
 * An answer is written to the shelf when it begins and when it has ended; one that was cut off with the page is fetched from the gateway, which has what was paid for.
 */
import { answerOfDeltas, FreeholdError, type Hex, type ReceiptFile, receiptFileShape, type TextDelta } from "@freehold/protocol";
import type { CheckedText, Freehold, WaitedReceipt } from "@freehold/sdk";
import { runTool } from "@freehold/sdk/assistant";
import type { QueryClient } from "@tanstack/react-query";
import { addressOf, currentSession } from "../../account/session.js";
import { requireAccount } from "../../account/starting.js";
import { mostForText } from "../../asking/text-price.js";
import {
	type AnswerTurn,
	type Conversation,
	leaveOutMore,
	type Paid,
	pathTo,
	type Turn,
	type UserTurn,
	withAnswer,
	withTurn,
} from "../../conversations/conversation.js";
import { joined } from "../../conversations/joined.js";
import { openShelf } from "../../conversations/shelf.js";
import { alone, isBusy } from "../../conversations/tabs.js";
import type { Trouble } from "../../design/states.js";
import { agreedLicence } from "../../licences/agreed.js";
import { freeholdOf } from "../../network/freehold.js";
import { modelQuery, networkQuery, quoteQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { Keeper, type OwnShelf } from "./keeper.js";
import { requestOf } from "./request.js";
import { pageTools } from "./tools.js";

export interface TalkView {
	readonly conversation: Conversation;
	/** What is happening; `asking`: paid for, nothing has come yet. */
	readonly phase: "idle" | "asking" | "writing" | "stopping";
	/** The answer that is on its way. */
	readonly running: string | undefined;
	/** What was said could not be kept on this device. */
	readonly unkept: Trouble | undefined;
}

const FLUSH_MS = 40;
const ANCHOR_WAIT_MS = 60_000;
/** Answers in a row that call tools. */
const MAX_ROUNDS = 4;
/** How long the gateway is asked what a broken answer came to. */
const LOST_WAIT_MS = 8_000;

export class Talk {
	readonly #client: QueryClient;
	readonly #listeners = new Set<() => void>();
	#view: TalkView;
	readonly #keeper: Keeper;
	#running: AbortController | undefined;

	/** Without a shelf it is kept on that of whoever says the first word. */
	constructor(client: QueryClient, conversation: Conversation, kept?: OwnShelf) {
		this.#client = client;
		this.#keeper = new Keeper(kept, kept === undefined ? undefined : conversation, {
			current: () => this.#view.conversation,
			join: (base, there) => {
				const conversation = joined(base, this.#view.conversation, there, this.#view.running);
				if (JSON.stringify(conversation, plain) !== JSON.stringify(this.#view.conversation, plain)) this.#set({ conversation });
			},
			told: (failure) => {
				if (failure !== undefined || this.#view.unkept !== undefined)
					this.#set({ unkept: failure === undefined ? undefined : troubleOf(failure, "Keeping the conversation") });
				void client.invalidateQueries({ queryKey: ["conversations"] });
			},
		});
		this.#view = { conversation, phase: "idle", running: undefined, unkept: undefined };
	}

	/** Address of the account that it is kept for. */
	get owner(): string | undefined {
		return this.#keeper.on?.owner;
	}

	readonly subscribe = (listener: () => void): (() => void) => {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	};

	readonly view = (): TalkView => this.#view;

	/** A change by the person: a title, a setting, another branch. Kept once there is something to keep. */
	change(change: (conversation: Conversation) => Conversation): void {
		this.#set({ conversation: change(this.#view.conversation) });
		if (this.#view.conversation.turns.length > 0) void this.#keep();
	}

	/** False when nobody is there to sign: nothing was said then. */
	async say(text: string, parent: string | undefined): Promise<boolean> {
		if (this.#view.phase !== "idle" || !(await this.#somebody())) return false;
		await this.recoverLost();
		const turn: UserTurn = { role: "user", id: crypto.randomUUID(), at: Date.now(), text, ...(parent === undefined ? {} : { parent }) };
		this.#set({ conversation: withTurn(this.#view.conversation, turn) });
		void this.#answer(turn.id);
		return true;
	}

	/** Another answer to the same, beside the one that is there; with less of the beginning where that was too long. */
	async retry(turn: AnswerTurn, shorter: boolean): Promise<void> {
		if (turn.parent === undefined || this.#view.phase !== "idle" || !(await this.#somebody())) return;
		await this.recoverLost();
		const path = pathTo(this.#view.conversation, turn.parent);
		void this.#answer(turn.parent, shorter ? leaveOutMore(path, turn.leftOut) : turn.leftOut);
	}

	/** What came stays, and is all that is paid for. */
	stop(): void {
		if (this.#running === undefined) return;
		this.#set({ phase: "stopping" });
		this.#running.abort();
	}

	/** It was removed, or its owner left: nothing is written any more. */
	forget(): void {
		this.#keeper.forget();
		this.stop();
	}

	/** A more complete receipt of an answer. */
	newerReceipt(id: string, { state, file }: Pick<WaitedReceipt, "state" | "file">): void {
		const turn = this.#view.conversation.turns.find((known) => known.id === id);
		if (turn?.role !== "answer" || turn.paid === undefined || file.order.callId !== turn.callId) return;
		this.#update(id, { paid: { ...turn.paid, state, receipt: wireOf(file) } });
		void this.#keep();
	}

	/** Another tab has written it. */
	refresh(): void {
		void this.#keeper.refresh();
	}

	/** Answers that were on their way when the page was closed: what they came to. One that another tab is getting is its business. */
	async recoverLost(): Promise<void> {
		const lost = this.#view.conversation.turns.filter(
			(turn): turn is AnswerTurn => turn.role === "answer" && turn.end === "running" && turn.id !== this.#view.running,
		);
		for (const turn of lost) {
			if (await isBusy(turn.id)) continue;
			if (turn.callId === undefined) this.#update(turn.id, { end: "cancelled" });
			else await this.#settle(turn.id, turn.callId, {});
		}
		if (lost.length > 0) await this.#keep();
	}

	async #somebody(): Promise<boolean> {
		try {
			await requireAccount();
		} catch {
			// The person closed the dialog.
			return false;
		}
		const session = currentSession();
		const owner = addressOf(session);
		const shelf = await openShelf(session);
		if (shelf === undefined || owner === undefined || (this.owner !== undefined && this.owner !== owner)) return false;
		this.#keeper.on = { shelf, owner };
		return true;
	}

	async #answer(parent: string, leftOut?: number): Promise<void> {
		const controller = new AbortController();
		this.#running = controller;
		try {
			let from = parent;
			for (let round = 0; round < MAX_ROUNDS; round++) {
				const turn = await this.#ask(from, leftOut, controller.signal);
				if (turn?.end !== "tools" || controller.signal.aborted) return;
				from = await this.#runTools(turn, controller.signal);
			}
		} catch (error) {
			// A tool that was stopped; whatever else fails is told where it happened.
			if (!controller.signal.aborted) throw error;
		} finally {
			this.#running = undefined;
			this.#set({ phase: "idle", running: undefined });
		}
	}

	async #runTools(turn: AnswerTurn, signal: AbortSignal): Promise<string> {
		let parent = turn.id;
		for (const { id: toolCallId, name, arguments: given } of turn.toolCalls) {
			const text = await runTool(pageTools, name, given, signal);
			const tool: Turn = { role: "tool", id: crypto.randomUUID(), parent, at: Date.now(), toolCallId, name, text };
			this.#set({ conversation: withTurn(this.#view.conversation, tool) });
			parent = tool.id;
		}
		await this.#keep();
		return parent;
	}

	/** The answer as it ended; undefined when it failed or was never begun. */
	#ask(parent: string, leftOut: number | undefined, signal: AbortSignal): Promise<AnswerTurn | undefined> {
		const id = crypto.randomUUID();
		// Other tabs see that somebody is getting it.
		return alone(id, () => this.#get(id, parent, leftOut, signal));
	}

	async #get(id: string, parent: string, leftOut: number | undefined, signal: AbortSignal): Promise<AnswerTurn | undefined> {
		const { conversation } = this.#view;
		const { model, settings } = conversation;
		const path = pathTo(conversation, parent);
		const left = leftOut ?? path.reduce((most, turn) => (turn.role === "answer" ? Math.max(most, turn.leftOut) : most), 0);
		const seed = settings.seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
		const begun: AnswerTurn = {
			role: "answer",
			id,
			parent,
			at: Date.now(),
			model,
			temperature: settings.temperature,
			seed,
			text: "",
			toolCalls: [],
			end: "running",
			leftOut: left,
		};
		this.#set({ conversation: withTurn(conversation, begun), phase: "asking", running: id });
		const deltas: TextDelta[] = [];
		let callId: Hex | undefined;
		let maxCharge: bigint | undefined;
		let timer: ReturnType<typeof setTimeout> | undefined;
		const came = () => answerOfDeltas("chat", 1, deltas).answer;
		const flush = (): void => {
			timer = undefined;
			const answer = came();
			const choice = answer.task === "embedding" ? undefined : answer.choices[0];
			if (choice !== undefined)
				this.#update(id, { text: choice.text, toolCalls: choice.toolCalls, ...(choice.reasoning === undefined ? {} : { reasoning: choice.reasoning }) });
		};
		try {
			const window = await this.#windowOf(model, signal);
			const request = requestOf(conversation, path, window, seed, left);
			const [freehold, quote] = await Promise.all([this.#freehold(), this.#client.fetchQuery(quoteQuery(model))]);
			const licence = await agreedLicence(this.#client, freehold, model);
			maxCharge = mostForText(quote, request, window.contextTokens);
			await this.#keep();
			for await (const event of freehold.text.stream(model, request, { licence, signal, maxCharge })) {
				if (event.type === "started") {
					callId = event.callId;
					this.#update(id, { callId });
					await this.#keep();
				} else if (event.type === "delta") {
					deltas.push(event.delta);
					if (this.#view.phase === "asking") this.#set({ phase: "writing" });
					timer ??= setTimeout(flush, FLUSH_MS);
				} else {
					clearTimeout(timer);
					this.#finish(id, event.result);
				}
			}
		} catch (error) {
			clearTimeout(timer);
			if (callId !== undefined) {
				flush();
				// What came before it broke off or was stopped may be charged: the receipt says.
				const known = { came: came(), waitMs: signal.aborted ? undefined : LOST_WAIT_MS, ...(maxCharge === undefined ? {} : { maxCharge }) };
				await this.#settle(id, callId, known, signal.aborted ? undefined : error);
			} else if (signal.aborted) this.#update(id, { end: "cancelled" });
			else this.#fail(id, error);
		}
		await this.#keep();
		void this.#client.invalidateQueries({ queryKey: ["balance"] });
		const ended = this.#view.conversation.turns.find((turn) => turn.id === id);
		return ended?.role === "answer" && ended.end !== "failed" ? ended : undefined;
	}

	/** Takes over what the gateway settled for an answer that was left or broke off; `failure` is why it broke. */
	async #settle(
		id: string,
		callId: Hex,
		known: { readonly came?: ReturnType<typeof answerOfDeltas>["answer"]; readonly maxCharge?: bigint; readonly waitMs?: number | undefined },
		failure?: unknown,
	): Promise<void> {
		const { waitMs = 15_000, ...told } = known;
		try {
			const freehold = await this.#freehold();
			this.#finish(id, await freehold.text.recover(callId, { ...told, timeoutMs: waitMs }));
		} catch (error) {
			// Nobody settled it, so nothing was charged.
			if (error instanceof FreeholdError && error.code === "call.notFound") this.#update(id, { end: "cancelled" });
			// The gateway does not answer now: the turn stays open, and can be asked for again.
			else if (failure === undefined && !(error instanceof FreeholdError && error.entry.retryable)) this.#fail(id, error);
		}
		if (failure !== undefined) this.#fail(id, failure);
	}

	#finish(id: string, { answer, charge, inputTokens, outputTokens, callId, receiptFile }: CheckedText): void {
		const choice = answer.task === "embedding" ? undefined : answer.choices[0];
		const paid: Paid = { charge, inputTokens, outputTokens, state: "signed", receipt: wireOf(receiptFile) };
		this.#update(id, {
			callId,
			paid,
			text: choice?.text ?? "",
			toolCalls: choice?.toolCalls ?? [],
			end: choice?.finish ?? "stop",
			...(choice?.reasoning === undefined ? {} : { reasoning: choice.reasoning }),
		});
		void this.#follow(id, callId);
	}

	/** Until the chain has it. What is not known by then is asked again when the person looks at the receipt. */
	async #follow(id: string, callId: Hex): Promise<void> {
		const freehold = await this.#freehold();
		const waited = await freehold.receipts.wait(callId, { timeoutMs: ANCHOR_WAIT_MS }).catch(() => undefined);
		if (waited === undefined) return;
		this.newerReceipt(id, waited);
		for (const told of ["calls", "model", "models", "usage", "earnings"]) void this.#client.invalidateQueries({ queryKey: [told] });
	}

	#fail(id: string, error: unknown): void {
		const { title, detail, code, retryable } = troubleOf(error, "Asking");
		this.#update(id, { end: "failed", failure: { title, detail, retryable, ...(code === undefined ? {} : { code }) } });
	}

	async #windowOf(model: string, signal: AbortSignal): Promise<{ readonly contextTokens: number; readonly tools: boolean }> {
		const { text } = await this.#client.ensureQueryData(modelQuery(model));
		signal.throwIfAborted();
		if (text === undefined) throw new FreeholdError("request.invalid", { field: "model", reason: `${model} is not a language model` });
		return text;
	}

	async #freehold(): Promise<Freehold> {
		return freeholdOf(await this.#client.ensureQueryData(networkQuery));
	}

	#update(id: string, change: Parameters<typeof withAnswer>[2]): void {
		this.#set({ conversation: withAnswer(this.#view.conversation, id, change) });
	}

	#set(part: Partial<TalkView>): void {
		this.#view = { ...this.#view, ...part };
		for (const notify of this.#listeners) notify();
	}

	#keep(): Promise<void> {
		return this.#keeper.write();
	}
}

function wireOf(file: ReceiptFile): Paid["receipt"] {
	return receiptFileShape.write(file) as Paid["receipt"];
}

function plain(_: string, value: unknown): unknown {
	return typeof value === "bigint" ? value.toString() : value;
}
