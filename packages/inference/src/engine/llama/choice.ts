/** One answer on its way: draws token after token, keeps text, tool calls and counts apart, and says each piece as soon as it may be said. */
import type { Finish, TextDelta, TokenLogprob } from "@freehold/protocol";
import type { AddonGrammarState } from "./addon.js";
import { JsonScan } from "./json-scan.js";
import { TextGate } from "./text-gate.js";
import type { Allowance, Drawn } from "./token-sampler.js";
import type { ToolSyntax } from "./tool-syntax.js";
import type { Stretch, Vocabulary } from "./vocabulary.js";

/** What an answer may be. */
export interface ChoicePlan {
	readonly stops: readonly string[];
	readonly maxTokens: number;
	readonly logprobs: boolean;
	/** The text itself follows a grammar. */
	readonly textGrammar: (() => AddonGrammarState) | undefined;
	readonly tools:
		| {
				readonly syntax: ToolSyntax;
				readonly names: readonly string[];
				/** A fresh state for a call: name, arguments, and what ends them. */
				readonly grammar: () => AddonGrammarState;
				/** The answer begins with a call. */
				readonly forced: boolean;
				readonly maxCalls: number;
				/** Id for a call, by its place in the answer. */
				readonly id: (index: number) => string;
		  }
		| undefined;
	/** Marks that must not come: those of tool calls, where none may be made. */
	readonly never: readonly number[];
	/** Text that stands before the answer, told as part of it. */
	readonly echo: string | undefined;
}

/** What a choice wants after a token: tokens to read, the last of which shows what may come next; or its end. */
export type Next = { readonly read: readonly number[] } | { readonly finish: Finish };

type Phase = "text" | "call" | "between";

interface OpenCall {
	readonly index: number;
	readonly grammar: AddonGrammarState;
	text: string;
	/** Characters up to the arguments, once they are known. */
	begun: number | undefined;
	sent: number;
	readonly scan: JsonScan;
	readonly decoder: InstanceType<typeof TextDecoder>;
}

export class Choice {
	readonly #index: number;
	readonly #plan: ChoicePlan;
	readonly #vocabulary: Vocabulary;
	readonly #emit: (delta: TextDelta) => void;
	readonly #gate: TextGate;
	readonly #logprobs: TokenLogprob[] = [];
	#toldLogprobs = 0;
	#phase: Phase;
	#tokens = 0;
	#textTokens = 0;
	#calls = 0;
	#call: OpenCall | undefined;
	#textGrammar: AddonGrammarState | undefined;

	constructor(index: number, plan: ChoicePlan, vocabulary: Vocabulary, emit: (delta: TextDelta) => void) {
		this.#index = index;
		this.#plan = plan;
		this.#vocabulary = vocabulary;
		this.#emit = emit;
		this.#gate = new TextGate(plan.stops);
		this.#phase = "text";
	}

	/** Tokens that stand at the beginning of the answer whatever the model would say. */
	begin(): readonly number[] {
		const { echo, tools } = this.#plan;
		if (echo !== undefined && echo !== "") this.#say({ text: echo });
		return tools?.forced === true ? this.#openCall([tools.syntax.trigger.id]) : [];
	}

	/** What may come next. */
	get allowance(): Allowance {
		const { tools, never } = this.#plan;
		if (this.#phase === "call") return this.#call === undefined ? {} : { grammar: this.#call.grammar };
		if (this.#phase === "between" && tools !== undefined) return { only: [tools.syntax.trigger.id, ...this.#ends()] };
		if (this.#plan.textGrammar === undefined || this.#mayCall) return { never };
		this.#textGrammar ??= this.#plan.textGrammar();
		return { grammar: this.#textGrammar, never };
	}

	/** True when a drawn token is to be drawn again under the grammar: it neither begins a call, nor has it been held to the grammar. */
	mustRedraw(token: number): boolean {
		const { tools, textGrammar } = this.#plan;
		return this.#mayCall && textGrammar !== undefined && token !== tools?.syntax.trigger.id;
	}

	/** From now on the text follows its grammar. */
	holdToGrammar(): void {
		this.#textGrammar ??= this.#plan.textGrammar?.();
	}

	/** Takes a drawn token. */
	take({ token, logprob }: Drawn): Next {
		const { tools } = this.#plan;
		if (this.#vocabulary.isEnd(token)) return this.#finish(this.#calls > 0 ? "tools" : "stop");
		if (this.#phase !== "call" && token === tools?.syntax.trigger.id) return this.#limited(this.#openCall([token]));
		// A mark that is no text and no call: whatever it means, the answer is over.
		if (this.#vocabulary.isControl(token)) return this.#finish(this.#calls > 0 ? "tools" : "stop");
		this.#tokens++;
		return this.#phase === "call" ? this.#limited(this.#takeCall(token)) : this.#takeText(token, logprob);
	}

	/** Nothing could be drawn: a grammar that is complete and a model that has no end. */
	stuck(): Next {
		return this.#finish(this.#calls > 0 ? "tools" : "stop");
	}

	/** The model's memory is full. */
	full(): Next {
		return this.#finish("length");
	}

	get #mayCall(): boolean {
		return this.#plan.tools !== undefined && this.#textTokens === 0 && this.#textGrammar === undefined;
	}

	#takeText(token: number, logprob: TokenLogprob | undefined): Next {
		this.#textTokens++;
		if (this.#phase === "between") this.#phase = "text";
		if (logprob !== undefined) this.#logprobs.push(logprob);
		const { text, tokens } = this.#gate.push(this.#vocabulary.bytes(token));
		if (text !== "") this.#say({ text, ...this.#newLogprobs(tokens) });
		if (this.#gate.stopped) return this.#finish("stop");
		return this.#limited([token]);
	}

	#takeCall(token: number): readonly number[] {
		const call = this.#call as OpenCall;
		const { syntax } = this.#plan.tools as NonNullable<ChoicePlan["tools"]>;
		call.text += call.decoder.decode(this.#vocabulary.bytes(token), { stream: true });
		this.#tellCall(call);
		const { length } = call.scan;
		if (length === undefined || call.begun === undefined || call.text.length < call.begun + length + syntax.afterArguments.length) return [token];
		this.#calls++;
		this.#call = undefined;
		this.#phase = "between";
		return [token, ...this.#force(syntax.close)];
	}

	/** Name and arguments as far as they are known. */
	#tellCall(call: OpenCall): void {
		const { syntax, names, id } = this.#plan.tools as NonNullable<ChoicePlan["tools"]>;
		if (call.begun === undefined) {
			const name = names.find((candidate) => call.text.startsWith(`${candidate}${syntax.beforeArguments}`));
			if (name === undefined) return;
			call.begun = name.length + syntax.beforeArguments.length;
			this.#say({ toolCall: { index: call.index, id: id(call.index), name, arguments: "" } });
		}
		const given = call.text.slice(call.begun);
		const known = call.scan.length;
		call.scan.push(given.slice(call.sent));
		const end = call.scan.length ?? given.length;
		const piece = known === undefined ? given.slice(call.sent, end) : "";
		call.sent = given.length;
		if (piece !== "") this.#say({ toolCall: { index: call.index, arguments: piece } });
	}

	#openCall(begun: readonly number[]): readonly number[] {
		const { syntax, grammar } = this.#plan.tools as NonNullable<ChoicePlan["tools"]>;
		// What was held back for a stop text is text: a call comes after it.
		const { text, tokens } = this.#gate.end();
		this.#tokens += begun.length;
		if (text !== "") this.#say({ text, ...this.#newLogprobs(tokens) });
		this.#phase = "call";
		this.#call = { index: this.#calls, grammar: grammar(), text: "", begun: undefined, sent: 0, scan: new JsonScan(), decoder: new TextDecoder() };
		return [...begun, ...this.#force([{ text: syntax.beforeName }])];
	}

	#force(stretches: readonly Stretch[]): readonly number[] {
		const tokens = this.#vocabulary.encode(stretches);
		this.#tokens += tokens.length;
		return tokens;
	}

	#limited(read: readonly number[]): Next {
		const { tools, maxTokens } = this.#plan;
		if (this.#phase === "between" && tools !== undefined) {
			if (this.#calls >= tools.maxCalls) return this.#finish("tools");
			if (this.#tokens >= maxTokens) return this.#finish("tools");
			return { read: [...read, ...this.#force(tools.syntax.between)] };
		}
		return this.#tokens >= maxTokens ? this.#finish("length") : { read };
	}

	#finish(finish: Finish): Next {
		const { text, tokens } = this.#gate.end();
		this.#say({ ...(text === "" ? {} : { text }), ...this.#newLogprobs(tokens), finish });
		return { finish };
	}

	#newLogprobs(tokens: number): Pick<TextDelta, "logprobs"> {
		if (!this.#plan.logprobs) return {};
		const fresh = this.#logprobs.slice(this.#toldLogprobs, tokens);
		this.#toldLogprobs = Math.max(this.#toldLogprobs, tokens);
		return fresh.length === 0 ? {} : { logprobs: fresh };
	}

	#say(piece: Omit<TextDelta, "choice" | "outputTokens">): void {
		this.#emit({ choice: this.#index, ...piece, outputTokens: Math.min(this.#tokens, this.#plan.maxTokens) });
	}

	/** Ends of a turn that the vocabulary has. */
	#ends(): readonly number[] {
		return this.#vocabulary.marks.filter(({ id }) => this.#vocabulary.isEnd(id)).map(({ id }) => id);
	}
}
