/**
 * Answers contracts. The node asks its ledger for calls whose turn is its own. It opens them by a transaction, whose block draws who answers; it runs those that
 * were drawn for it, and sends each result as a transaction of its own; the block that holds the asking transaction holds the result before it. What was used it has
 * paid out in bundles.
 */
import { FreeholdError, fromHex, type Hex, toHex } from "@freehold/protocol";
import { contracts, type Transactor } from "@freehold/sdk/chain";
import { nativeCrypto, pause } from "@freehold/service";
import { encodeFunctionData } from "viem";
import type { NodeEvents } from "../node/events.js";
import { answerRequest, failureText, type ModelRunners, readRequest, sizeOf } from "./answer.js";
import { currentPrice, MAX_RESULT_BYTES, NO_RELEASE, releaseFor, requireFunds, type TermsModules } from "./call-terms.js";

export interface PipeServiceModules extends TermsModules {
	/** The operator that results are delivered for. */
	readonly operator: Hex;
	/** Sends as the operator, or as a key of it. */
	readonly transactor: Transactor;
	readonly runners: ModelRunners;
	readonly nodeFee: () => bigint;
	readonly events: NodeEvents;
}

/** As `freehold_modelRequests` gives it. */
interface OpenRequest {
	readonly number: number;
	readonly id: Hex;
	readonly transaction: Hex;
	readonly index: number;
	readonly kind: number;
	readonly payer: Hex;
	readonly request: Hex;
	readonly step: "open" | "answer";
	readonly attempt: number;
}

const POLL_MS = 20_000;
const POLL_TIMEOUT_MS = 30_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;
/** Calls that are answered at once; what is beyond goes to the next node when this one's time is over. */
const MAX_CALLS = 64;
const DELIVERY_TIMEOUT_MS = 30_000;
const SETTLE_MS = 2_000;
/** Of one transaction that settles, as the contract takes them. */
const MAX_SETTLED = 64;
/** Of one transaction that opens, as the contract takes them; what is beyond has another's turn soon. */
const MAX_OPENED = 64;
const MAX_TO_OPEN = 4_096;
const OPEN_GAS = 150_000n;
/** What an opening costs at most: a list of which only the last of the operators looked at is active. */
const OPEN_GAS_PER_CALL = 160_000n;
/** A transaction is looked for as long as the contract lets its call be answered. */
const UNSEEN_MS = 120_000;
/** Results that are remembered until they are settled; anybody may settle the others. */
const MAX_UNSETTLED = 4_096;
const states = { none: 0, delivered: 1, charged: 2, unpaid: 3 } as const;
/** Results of an answer cost its node some 700 gas a byte: storage that is freed when the call is settled. */
const DELIVERY_GAS = 600_000n;
const DELIVERY_GAS_PER_BYTE = 900n;

export class PipeService {
	readonly #modules: PipeServiceModules;
	readonly #running = new Map<Hex, { readonly payer: Hex; readonly work: Promise<void> }>();
	readonly #unsettled = new Set<Hex>();
	/** Results whose transaction was not seen in a block in time, and until when it may come (Unix milliseconds). */
	readonly #unseen = new Map<Hex, number>();
	readonly #toOpen = new Set<Hex>();
	#opening: Promise<void> | undefined;
	#sent = 0;

	constructor(modules: PipeServiceModules) {
		this.#modules = modules;
	}

	/** Serves until the signal says so. */
	async run(signal: AbortSignal): Promise<void> {
		await Promise.all([this.#serve(signal), this.#settle(signal)]);
		await Promise.all([this.#opening, ...[...this.#running.values()].map(({ work }) => work)]);
	}

	async #serve(signal: AbortSignal): Promise<void> {
		const { client, operator, events } = this.#modules;
		let after = 0;
		let enrolled = false;
		for (let failures = 0; !signal.aborted; ) {
			try {
				if (!enrolled) enrolled = await this.#enroll(signal);
				const found = (await client.request("freehold_modelRequests", [operator, after, POLL_MS], {
					signal,
					timeoutMs: POLL_TIMEOUT_MS,
					batch: false,
				})) as readonly OpenRequest[];
				failures = 0;
				// A ledger that was started again counts from the beginning.
				const newest = Math.max(0, ...found.map(({ number }) => number));
				if (found.length > 0) after = newest;
				for (const request of found) this.#take(request, signal);
			} catch (error) {
				if (signal.aborted) return;
				const waitMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures++, 8));
				events.contractsUnreachable(error, waitMs);
				await pause(waitMs, signal).catch(() => undefined);
			}
		}
	}

	async #enroll(signal: AbortSignal): Promise<boolean> {
		const { client, operator, transactor } = this.#modules;
		if (await client.read(contracts.Inference, "isEnrolled", [operator], { signal })) return true;
		await transactor.send({ key: `enroll/${this.#sent++}`, ...call("enroll", [operator]) }, { signal });
		return true;
	}

	#take(request: OpenRequest, signal: AbortSignal): void {
		if (request.step === "open") {
			if (this.#toOpen.size < MAX_TO_OPEN) this.#toOpen.add(request.id);
			this.#opening ??= this.#open(signal).finally(() => {
				this.#opening = undefined;
			});
			return;
		}
		// What was delivered and not settled is not run again, whoever asks.
		if (this.#running.has(request.id) || this.#unsettled.has(request.id) || this.#running.size >= MAX_CALLS) return;
		const work = this.#answer(request, signal)
			.catch((error: unknown) => {
				if (!signal.aborted) this.#modules.events.contractFailed(request.id, error);
			})
			.finally(() => this.#running.delete(request.id));
		this.#running.set(request.id, { payer: request.payer, work });
	}

	/** Opens what waits for it, as much at once as came while the last transaction was on its way. A call that another has opened costs next to nothing. */
	async #open(signal: AbortSignal): Promise<void> {
		const { transactor, operator, events } = this.#modules;
		while (this.#toOpen.size > 0 && !signal.aborted) {
			const ids = [...this.#toOpen].slice(0, MAX_OPENED);
			for (const id of ids) this.#toOpen.delete(id);
			const gas = OPEN_GAS + OPEN_GAS_PER_CALL * BigInt(ids.length);
			try {
				await transactor.send({ key: `open/${this.#sent++}`, ...call("open", [ids, operator]), gas }, { signal, timeoutMs: DELIVERY_TIMEOUT_MS });
			} catch (error) {
				if (!signal.aborted) for (const id of ids) events.contractFailed(id, error);
			}
		}
	}

	/** Answers and delivers. What the model refuses is delivered as a refusal, which costs the contract nothing. */
	async #answer(open: OpenRequest, signal: AbortSignal): Promise<void> {
		const { client, operator, runners, nodeFee, clock, events, transactor } = this.#modules;
		const startedAt = clock.now();
		let delivery: Pick<Delivery, "release" | "priceVersion" | "inputUnits" | "outputUnits" | "ok" | "output">;
		try {
			const request = readRequest(open.kind, open.request);
			const release = await releaseFor(request, this.#modules, signal);
			const price = currentPrice(release, Math.floor(clock.now() / 1000));
			const calls = [...this.#running.values()].filter(({ payer }) => payer === open.payer).length;
			await requireFunds(client, open.payer, price.perCall + nodeFee(), calls, signal);
			const answer = await answerRequest(request, release, runners, signal);
			const bytes = sizeOf(answer.output);
			if (bytes > MAX_RESULT_BYTES)
				throw new FreeholdError("engine.failed", { reason: `the answer has ${bytes} bytes, a contract takes at most ${MAX_RESULT_BYTES}` });
			const { output, inputUnits, outputUnits } = answer;
			delivery = { release: release.release, priceVersion: price.version, inputUnits, outputUnits, ok: true, output };
		} catch (error) {
			if (signal.aborted) throw error;
			delivery = { release: NO_RELEASE, priceVersion: 0, inputUnits: 0n, outputUnits: 0n, ok: false, output: failureText(error) };
		}
		const whole: Delivery = {
			transaction: open.transaction,
			index: BigInt(open.index),
			kind: open.kind,
			payer: open.payer,
			request: toHex(nativeCrypto.keccak256(fromHex(open.request))),
			operator,
			attempt: open.attempt,
			...delivery,
		};
		const gas = DELIVERY_GAS + DELIVERY_GAS_PER_BYTE * BigInt(sizeOf(delivery.output));
		const delivering = { key: `deliver/${open.id}/${open.attempt}`, ...call("deliver", [whole]), gas };
		try {
			await transactor.send(delivering, { signal, timeoutMs: DELIVERY_TIMEOUT_MS });
		} catch (error) {
			// It may be in a block all the same: then its money is looked after.
			const isOnItsWay = error instanceof FreeholdError && error.code === "chain.timeout";
			if (isOnItsWay && this.#unseen.size < MAX_UNSETTLED) this.#unseen.set(open.id, clock.now() + UNSEEN_MS);
			throw error;
		}
		if (this.#unsettled.size < MAX_UNSETTLED) this.#unsettled.add(open.id);
		events.contractAnswered(open.id, delivery.ok, clock.now() - startedAt);
	}

	async #settle(signal: AbortSignal): Promise<void> {
		const { client, transactor, events } = this.#modules;
		while (!signal.aborted) {
			await pause(SETTLE_MS, signal).catch(() => undefined);
			if (signal.aborted || this.#unsettled.size + this.#unseen.size === 0) continue;
			try {
				await this.#lookForUnseen(signal);
				const some = [...this.#unsettled].slice(0, MAX_SETTLED);
				const found = await Promise.all(some.map((id) => client.read(contracts.Inference, "resultOf", [id], { signal })));
				const due = some.filter((_, index) => (found[index]?.state ?? 0) > states.delivered);
				some.forEach((id, index) => {
					if ((found[index]?.state ?? 0) === states.none) this.#unsettled.delete(id);
				});
				const head = await client.blockNumber({ signal });
				const expired = some.filter((_, index) => found[index]?.state === states.delivered && (found[index]?.blockNumber ?? 0n) + EXPIRY_BLOCKS < head);
				if (due.length + expired.length > 0)
					await transactor.send({ key: `settle/${this.#sent++}`, ...call("settle", [[...due, ...expired]]) }, { signal, timeoutMs: DELIVERY_TIMEOUT_MS });
			} catch (error) {
				if (!signal.aborted) events.contractsUnreachable(error, SETTLE_MS);
			}
		}
	}

	async #lookForUnseen(signal: AbortSignal): Promise<void> {
		const { client, clock } = this.#modules;
		for (const [id, until] of [...this.#unseen].slice(0, MAX_SETTLED)) {
			const { state } = await client.read(contracts.Inference, "resultOf", [id], { signal });
			if (state !== states.none) this.#unsettled.add(id);
			if (state !== states.none || clock.now() > until) this.#unseen.delete(id);
		}
	}
}

const EXPIRY_BLOCKS = 128n;

interface Delivery {
	readonly transaction: Hex;
	readonly index: bigint;
	readonly kind: number;
	readonly payer: Hex;
	readonly request: Hex;
	readonly operator: Hex;
	readonly attempt: number;
	readonly release: Hex;
	readonly priceVersion: number;
	readonly inputUnits: bigint;
	readonly outputUnits: bigint;
	readonly ok: boolean;
	readonly output: Hex;
}

function call(functionName: "enroll" | "open" | "deliver" | "settle", args: readonly unknown[]): { readonly to: Hex; readonly data: Hex } {
	return { to: contracts.Inference.address, data: encodeFunctionData({ abi: contracts.Inference.abi, functionName, args: args as never }) };
}
