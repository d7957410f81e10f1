/**
 * Real answers in calls without a transaction, where the ledger's operator lets it: `eth_call` runs, each model that it asks is asked of a bonded node, and the call
 * runs again on the results, as if they had been delivered. Nothing of it is in a block or in the pool but what the operator pays afterwards.
 * The rules: `docs/concepts/contracts-that-call-models.md`.
 */
import { contractAddresses, equalBytes, fromHex, type Hex, type LiveAnswer, type LiveAsk, liveAnswerDigest, liveOfferDigest, toHex } from "@freehold/protocol";
import type { Asker, CallPool } from "../../calls/call-pool.js";
import type { Jobs } from "../../calls/jobs.js";
import type { BlockEnv, CallRequest, StateMachine, TxOutcome } from "../../execution/types.js";
import { invalidParams, limitExceeded, serverError } from "../../rpc/rpc-error.js";
import { keccak256 } from "../../state/keccak.js";
import { hexOf } from "../../transaction/decode.js";
import { selector } from "../delivery.js";
import { failsAnyway, requestOf } from "../desk.js";
import type { LiveBudget } from "./live-budget.js";
import type { LiveNodes } from "./live-nodes.js";
import type { LivePayments } from "./live-payments.js";
import { isNamed } from "./named-release.js";
import { encodePresumption, type Presumed } from "./presumption.js";

export const liveBounds = {
	/** Of one call, one after another. */
	questions: 8,
	/** How long one node has, and how many are asked one after another, in milliseconds. */
	answerMs: 10_000,
	attempts: 2,
	/** An answer serves the same question again for so long; it is not paid twice. */
	keptMs: 5_000,
	kept: 256,
	/** How old the time may be that a node signs with its offer. */
	offerMs: 60_000,
} as const;

export interface LiveDeskModules {
	readonly chainId: number;
	readonly state: Pick<StateMachine, "call" | "storage">;
	readonly calls: CallPool;
	readonly nodes: LiveNodes;
	readonly budget: LiveBudget;
	readonly payments: Pick<LivePayments, "payer" | "owe" | "isFull">;
	readonly recover: (digest: Uint8Array, signature: Uint8Array) => Uint8Array | undefined;
	/** Of the block that would come next, and the head's number. */
	readonly next: () => { readonly env: BlockEnv; readonly number: bigint };
	/** Unix milliseconds. */
	readonly now: () => number;
	/** Cryptographically secure bytes. */
	readonly random: (length: number) => Uint8Array;
}

const INFERENCE = fromHex(contractAddresses.Inference);
const NODE_REGISTRY = fromHex(contractAddresses.NodeRegistry);
const IS_ENROLLED = selector("isEnrolled(address)");
const IS_ACTIVE = selector("isActive(address)");
const IS_KEY_VALID = selector("isKeyValid(address,address,uint64)");
const VIEW_GAS = 5_000_000n;
const NOBODY = new Uint8Array(20);

type LiveJob = Jobs["live"]["input"];

export class LiveDesk {
	readonly #modules: LiveDeskModules;
	/** Answers of a moment ago, by what was asked; oldest first. */
	readonly #kept = new Map<Hex, { readonly answer: Promise<Presumed>; readonly at: number }>();

	constructor(modules: LiveDeskModules) {
		this.#modules = modules;
	}

	/** Runs the call with real answers. Throws `-32000` when no node gives one, `-32005` beyond the operator's budget. */
	async call(job: () => Omit<LiveJob, "presumed">, asker: Asker): Promise<TxOutcome> {
		const answers = new Map<Hex, Presumed>();
		for (let asked = 0; ; asked++) {
			const presumed = [...answers].map(([id, answer]) => encodePresumption(id, answer));
			const { outcome, calls } = await this.#run(() => ({ ...job(), presumed }), asker);
			// What is asked behind a question that has no answer yet may depend on it: it is not paid for in vain.
			const open = calls.find(({ id, isAnswered }) => !isAnswered && !answers.has(hexOf(id)));
			if (open === undefined || failsAnyway(outcome)) return outcome;
			if (asked >= liveBounds.questions) throw limitExceeded(`a call may ask models ${liveBounds.questions} times`);
			answers.set(hexOf(open.id), await this.#answerTo(requestOf(open), asker));
		}
	}

	/** Questions for a node that offers answers. Throws `-32602` where the offer is not its own. */
	offer(operator: Hex, at: number, signature: Uint8Array, timeoutMs: number, signals: readonly AbortSignal[]): Promise<readonly LiveAsk[]> {
		const { nodes, now, chainId } = this.#modules;
		if (Math.abs(now() - at) > liveBounds.offerMs) throw invalidParams("at: must be this moment, in Unix milliseconds");
		if (!this.#speaksFor(operator, liveOfferDigest(operator, at, chainId, { keccak256, sha256: unused }), signature))
			throw invalidParams("signature: is not of a key of this operator");
		const args = fromHex(operator);
		if (!this.#isTrue(INFERENCE, IS_ENROLLED, [args]) || !this.#isTrue(INFERENCE, IS_ACTIVE, [args]))
			throw invalidParams("operator: is not on the list of nodes that answer contracts, or has no bond");
		return nodes.poll(operator, timeoutMs, signals);
	}

	/** A node's answer to what it was asked. Throws `-32602` where it is not that, or where nobody waits for it any more. */
	take(answer: LiveAnswer, signature: Uint8Array): void {
		const { nodes, chainId } = this.#modules;
		const question = nodes.questionOf(answer.id);
		if (question === undefined) throw invalidParams("id: nobody waits for this answer");
		const digest = liveAnswerDigest(answer, question.ask, chainId, { keccak256, sha256: unused });
		if (answer.operator !== question.operator || !this.#speaksFor(answer.operator, digest, signature))
			throw invalidParams("signature: is not of a key of the operator that was asked");
		nodes.answer(answer);
	}

	#answerTo(question: Question, asker: Asker): Promise<Presumed> {
		const { now } = this.#modules;
		const key = hexOf(keccak256(Buffer.concat([Buffer.from([question.kind]), fromHex(question.payer), fromHex(question.request)])));
		for (const [old, { at }] of this.#kept) if (now() - at >= liveBounds.keptMs || this.#kept.size > liveBounds.kept) this.#kept.delete(old);
		const kept = this.#kept.get(key);
		if (kept !== undefined) return kept.answer;
		const answer = this.#ask(question, asker);
		this.#kept.set(key, { answer, at: now() });
		answer.catch(() => this.#kept.delete(key));
		return answer;
	}

	async #ask(question: Question, asker: Asker): Promise<Presumed> {
		const { nodes, budget, payments, random } = this.#modules;
		if (payments.isFull) throw limitExceeded("too many live model calls are not paid for yet: try again");
		const reserved = budget.reserve(asker.name);
		let price = 0n;
		try {
			const tried = new Set<Hex>();
			while (tried.size < liveBounds.attempts) {
				const operator = nodes.next(tried);
				if (operator === undefined) break;
				tried.add(operator);
				const ask = { id: toHex(random(32)), kind: question.kind, request: question.request, sponsor: payments.payer, most: reserved.most.toString() };
				const answer = await nodes.ask(operator, ask, liveBounds.answerMs);
				const presumed = answer === undefined ? undefined : this.#believe(answer, question);
				const cost = presumed === undefined ? undefined : await this.#check(presumed, asker);
				if (presumed === undefined || cost === undefined || cost > reserved.most) {
					nodes.rest(operator);
					continue;
				}
				price = cost;
				if (presumed.ok) await payments.owe(presumed);
				return presumed;
			}
			throw serverError(
				tried.size === 0 ? "no node offers live model calls to this ledger now" : "no node answered the model that this call asks, as the contract takes it",
			);
		} finally {
			reserved.spend(price);
		}
	}

	/** Undefined where another release answered than the one that was asked. */
	#believe({ id: _, ...answer }: LiveAnswer, { kind, payer, request }: Question): Presumed | undefined {
		return !answer.ok || isNamed(request, answer.release, this.#modules.state) ? { ...answer, kind, payer } : undefined;
	}

	/** What the answer costs, as the contract says it on the state as it is; undefined where it would refuse the answer. */
	async #check(answer: Presumed, asker: Asker): Promise<bigint | undefined> {
		const nothing: CallRequest = {
			...{ from: NOBODY, to: NOBODY, value: 0n, data: new Uint8Array(0), gasLimit: VIEW_GAS, gasPrice: 0n },
			...{ accessList: [], authorizationList: [], strict: false },
		};
		const input = (): LiveJob => {
			const { env, number } = this.#modules.next();
			return { request: nothing, env, at: number, presumed: [encodePresumption(`0x${"00".repeat(32)}`, answer)] };
		};
		const [told] = (await this.#run(input, asker)).presumed;
		return told?.kind === "executed" && told.success ? BigInt(hexOf(told.output)) : undefined;
	}

	#run(input: () => LiveJob, asker: Asker): Promise<Jobs["live"]["output"]> {
		return this.#modules.calls.run({ kind: "live", bytes: input().request.data.length + 512, input }, asker);
	}

	#speaksFor(operator: Hex, digest: Uint8Array, signature: Uint8Array): boolean {
		const key = this.#modules.recover(digest, signature);
		if (key === undefined) return false;
		const account = fromHex(operator);
		const time = fromHex(
			`0x${Math.floor(this.#modules.now() / 1000)
				.toString(16)
				.padStart(64, "0")}`,
		);
		return equalBytes(key, account) || this.#isTrue(NODE_REGISTRY, IS_KEY_VALID, [account, key, time]);
	}

	#isTrue(to: Uint8Array, view: Uint8Array, words: readonly Uint8Array[]): boolean {
		const data = Buffer.concat([view, ...words.map((word) => Buffer.concat([new Uint8Array(32 - word.length), word]))]);
		const request = { from: NOBODY, to, value: 0n, data, gasLimit: VIEW_GAS, gasPrice: 0n, accessList: [], authorizationList: [], strict: false };
		const outcome = this.#modules.state.call(request, this.#modules.next().env);
		return outcome.kind === "executed" && outcome.success && outcome.output[31] === 1;
	}
}

type Question = ReturnType<typeof requestOf>;

function unused(): never {
	throw new Error("these digests are Keccak-256");
}
