/**
 * Answers contracts in calls without a transaction (`eth_call`), for the operator of the ledger that this node follows, where both let it. An answer is signed and
 * handed over; the ledger's operator pays for it afterwards, in the chain. Who does not pay is answered no more.
 */
import { FreeholdError, type Hex, type LiveAnswer, type LiveAsk, liveAnswerDigest, liveOfferDigest, toHex } from "@freehold/protocol";
import { contracts } from "@freehold/sdk/chain";
import { type DigestSigner, nativeCrypto, pause } from "@freehold/service";
import type { NodeEvents } from "../node/events.js";
import { answerRequest, failureText, type ModelRunners, readRequest, sizeOf } from "./answer.js";
import { currentPrice, MAX_RESULT_BYTES, NO_RELEASE, releaseFor, requireFunds, type TermsModules } from "./call-terms.js";

export interface LiveServiceModules extends TermsModules {
	readonly operator: Hex;
	/** The operator's key, or one that the registry knows as its own. */
	readonly key: DigestSigner;
	readonly chainId: () => Promise<number>;
	readonly runners: ModelRunners;
	readonly nodeFee: () => bigint;
	readonly events: NodeEvents;
	readonly perMinute: number;
}

const POLL_MS = 20_000;
const POLL_TIMEOUT_MS = 30_000;
const FIRST_RETRY_MS = 250;
/** Also of a ledger that asks nothing: its operator may let it later. */
const LAST_RETRY_MS = 10_000;
/** Answers that are worked on at once. */
const MAX_RUNNING = 8;
/** Answers that one who pays may owe this node. */
const MAX_UNPAID = 32;
/** Those whom this node has answered; nobody is forgotten who owes. */
const MAX_SPONSORS = 1_024;
const MINUTE_MS = 60_000;

/** What was given to one who pays, and what of it was paid: counted from when this node first saw them. */
interface Account {
	given: number;
	readonly paidBefore: bigint;
}

export class LiveService {
	readonly #modules: LiveServiceModules;
	readonly #accounts = new Map<Hex, Account>();
	readonly #running = new Set<Promise<void>>();
	#minute = { from: Number.NEGATIVE_INFINITY, answers: 0 };

	constructor(modules: LiveServiceModules) {
		this.#modules = modules;
	}

	/** Serves until the signal says so. */
	async run(signal: AbortSignal): Promise<void> {
		const { client, clock, key, operator, events } = this.#modules;
		for (let failures = 0; !signal.aborted; ) {
			try {
				const at = clock.now();
				const signature = toHex(await key.signDigest(liveOfferDigest(operator, at, await this.#modules.chainId(), nativeCrypto)));
				const asked = await client.request("freehold_liveRequests", [operator, POLL_MS, at, signature], { signal, timeoutMs: POLL_TIMEOUT_MS, batch: false });
				failures = 0;
				for (const ask of asked as readonly LiveAsk[]) this.#take(ask, signal);
			} catch (error) {
				if (signal.aborted) break;
				const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures++, 8));
				events.contractsUnreachable(error, waitMs);
				await pause(waitMs, signal).catch(() => undefined);
			}
		}
		await Promise.all(this.#running);
	}

	#take(ask: LiveAsk, signal: AbortSignal): void {
		const { clock, events, perMinute } = this.#modules;
		const now = clock.now();
		if (now - this.#minute.from >= MINUTE_MS) this.#minute = { from: now, answers: 0 };
		// The ledger asks another when it hears nothing.
		if (this.#running.size >= MAX_RUNNING || this.#minute.answers >= perMinute) return;
		this.#minute.answers++;
		const work: Promise<void> = this.#give(ask, signal)
			.catch((error: unknown) => {
				if (!signal.aborted) events.contractFailed(ask.id, error);
			})
			.finally(() => this.#running.delete(work));
		this.#running.add(work);
	}

	async #give(ask: LiveAsk, signal: AbortSignal): Promise<void> {
		const { client, key, clock, events, operator } = this.#modules;
		const account = await this.#accountOf(ask.sponsor, signal);
		const startedAt = clock.now();
		const answer: LiveAnswer = { id: ask.id, operator, ...(await this.#answer(ask, signal)) };
		const digest = liveAnswerDigest(answer, ask, await this.#modules.chainId(), nativeCrypto);
		if (answer.ok) account.given++;
		await client.request("freehold_answerLive", [answer, toHex(await key.signDigest(digest))], { signal });
		events.liveAnswered(ask.id, answer.ok, clock.now() - startedAt);
	}

	/** What the model refuses is a refusal, which costs nothing. */
	async #answer(ask: LiveAsk, signal: AbortSignal): Promise<Omit<LiveAnswer, "id" | "operator">> {
		const { client, runners, clock, nodeFee } = this.#modules;
		try {
			const request = readRequest(ask.kind, ask.request);
			const release = await releaseFor(request, this.#modules, signal);
			const price = currentPrice(release, Math.floor(clock.now() / 1000));
			const least = price.perCall + nodeFee();
			if (least > BigInt(ask.most)) throw new FreeholdError("payment.insufficient", { needed: least.toString(), given: ask.most });
			await requireFunds(client, ask.sponsor, least, this.#running.size, signal);
			const { output, inputUnits, outputUnits } = await answerRequest(request, release, runners, signal);
			const bytes = sizeOf(output);
			if (bytes > MAX_RESULT_BYTES)
				throw new FreeholdError("engine.failed", { reason: `the answer has ${bytes} bytes, a contract takes at most ${MAX_RESULT_BYTES}` });
			const units = { inputUnits: inputUnits.toString(), outputUnits: outputUnits.toString() };
			return { release: release.release, priceVersion: price.version, ...units, ok: true, output };
		} catch (error) {
			if (signal.aborted) throw error;
			return { release: NO_RELEASE, priceVersion: 0, inputUnits: "0", outputUnits: "0", ok: false, output: failureText(error) };
		}
	}

	/** Throws `payment.invalid` when too much is not paid yet. */
	async #accountOf(sponsor: Hex, signal: AbortSignal): Promise<Account> {
		const { client, operator } = this.#modules;
		const paid = await client.read(contracts.Inference, "livePaid", [sponsor, operator], { signal });
		const known = this.#accounts.get(sponsor);
		if (known === undefined && this.#accounts.size >= MAX_SPONSORS)
			throw new FreeholdError("payment.invalid", { reason: `this node answers for ${MAX_SPONSORS} operators already` });
		const account = known ?? { given: 0, paidBefore: paid };
		this.#accounts.set(sponsor, account);
		const unpaid = BigInt(account.given) - (paid - account.paidBefore);
		if (unpaid >= BigInt(MAX_UNPAID)) throw new FreeholdError("payment.invalid", { reason: `${MAX_UNPAID} live answers are not paid for yet` });
		return account;
	}
}
