/**
 * Runs workflows that are due, for what they were funded with. What is due, and who was paid for it, stands in the scheduler's contract: a node that is started again
 * goes on from there, and of several that try the same the contract pays one. They take turns, so that the others seldom try in vain.
 *
 * It sends from an account of its own, which the node's key names and the node's account keeps in gas: a transaction that asks a model waits for the node's results,
 * and those would wait behind it if they had the same sender.
 */
import type { Hex } from "@freehold/protocol";
import { type ChainClient, contracts, type Transactor } from "@freehold/sdk/chain";
import { type Clock, pause } from "@freehold/service";
import { encodeFunctionData } from "viem";
import type { NodeEvents } from "../node/events.js";

export interface ExecutorModules {
	readonly operator: Hex;
	readonly client: ChainClient;
	/** Sends executions, from an account that does nothing else. */
	readonly transactor: Transactor;
	/** The node's own, which pays for their gas beforehand. */
	readonly treasurer: Transactor;
	readonly clock: Clock;
	readonly events: NodeEvents;
}

const LOOK_MS = 1_000;
const PAGE = 256;
/** Pages that one look reads; a longer list is read on in the next one. */
const PAGES = 8;
/** How long one that has its turn is waited for. */
const TURN_MS = 3_000;
/** Executions under way. */
const MAX_RUNNING = 16;
/** Due tasks that are remembered with the time of their first sight. */
const MAX_SEEN = 8_192;
/** A task that could not be executed is left alone for this long. */
const REST_MS = 30_000;
const EXECUTION_TIMEOUT_MS = 60_000;
/** An estimate sets gas aside for answers of models; a real one may need more. */
const SPARE_GAS = 1_000_000n;
const MAX_GAS = 30_000_000n;
const HUNDRED = 100n;
/** What the account has at least, as long as gas is cheap: many times what all executions at once may cost. */
const LEAST = 10n ** 18n / 50n;
/** Runs that are provided for, and that one top-up pays, at ten times the present price, since senders leave room for a rise. */
const PRICE_ROOM = 10n;
const TOP_UP_RUNS = 64n;
/** What the account earned beyond this goes to the operator. */
const KEPT = 10n ** 18n;
const PLAIN_GAS = 21_000n;

interface Due {
	readonly id: Hex;
	readonly runs: bigint;
	readonly purse: bigint;
}

export class WorkflowExecutor {
	readonly #modules: ExecutorModules;
	/** When a due run was first seen, Unix milliseconds, by task and number of the run. */
	readonly #seen = new Map<string, number>();
	readonly #resting = new Map<Hex, number>();
	readonly #running = new Map<Hex, Promise<void>>();
	#keeping: Promise<void> = Promise.resolve();
	#moves = 0;
	#from = 0n;

	constructor(modules: ExecutorModules) {
		this.#modules = modules;
	}

	/** Looks and runs until the signal says so. */
	async run(signal: AbortSignal): Promise<void> {
		const { events } = this.#modules;
		while (!signal.aborted) {
			await this.#look(signal).catch((error: unknown) => {
				if (!signal.aborted) events.contractsUnreachable(error, LOOK_MS);
			});
			await pause(LOOK_MS, signal).catch(() => undefined);
		}
		await Promise.all(this.#running.values());
	}

	async #look(signal: AbortSignal): Promise<void> {
		const { client, clock } = this.#modules;
		const total = await client.read(contracts.WorkflowScheduler, "taskCount", [], { signal });
		if (total === 0n) return;
		const nodes = (await client.read(contracts.Inference, "nodes", [], { signal })).map((address) => address.toLowerCase());
		const now = clock.now();
		for (let page = 0; page < PAGES; page++) {
			if (this.#from >= total) this.#from = 0n;
			const ids = await client.read(contracts.WorkflowScheduler, "dueTasks", [this.#from, BigInt(PAGE)], { signal });
			this.#from += BigInt(PAGE);
			for (const id of ids) {
				if (this.#running.has(id) || this.#running.size >= MAX_RUNNING || (this.#resting.get(id) ?? 0) > now) continue;
				const { runs, purse } = await client.read(contracts.WorkflowScheduler, "executionOf", [id], { signal });
				if (purse > 0n && this.#isMyTurn({ id, runs, purse }, nodes, now)) this.#start({ id, runs, purse }, signal);
			}
			if (this.#from >= total) break;
		}
		for (const [id, until] of this.#resting) if (until <= now) this.#resting.delete(id);
	}

	/** The turns of one run pass through the nodes that answer contracts, from one that the task and the run name; who is none of them comes last. */
	#isMyTurn({ id, runs }: Due, nodes: readonly string[], now: number): boolean {
		const name = `${id}/${runs}`;
		const seenAt = this.#seen.get(name) ?? now;
		this.#seen.set(name, seenAt);
		for (const oldest of this.#seen.keys()) {
			if (this.#seen.size <= MAX_SEEN) break;
			this.#seen.delete(oldest);
		}
		const own = nodes.indexOf(this.#modules.operator.toLowerCase());
		const first = nodes.length === 0 ? 0 : Number((BigInt(id) + runs) % BigInt(nodes.length));
		const turn = own < 0 ? nodes.length : (own - first + nodes.length) % nodes.length;
		return now - seenAt >= turn * TURN_MS;
	}

	#start(due: Due, signal: AbortSignal): void {
		const { events, clock } = this.#modules;
		const work = this.#execute(due, signal)
			.catch((error: unknown) => {
				if (signal.aborted) return;
				this.#resting.set(due.id, clock.now() + REST_MS);
				events.workflowFailed(due.id, error);
			})
			.finally(() => this.#running.delete(due.id));
		this.#running.set(due.id, work);
	}

	async #execute({ id, runs, purse }: Due, signal: AbortSignal): Promise<void> {
		const { client, transactor, events, clock } = this.#modules;
		const startedAt = clock.now();
		const data = encodeFunctionData({ abi: contracts.WorkflowScheduler.abi, functionName: "execute", args: [id] });
		const to = contracts.WorkflowScheduler.address;
		// A run that fails already here costs nobody anything.
		const [estimate, price] = (await Promise.all([
			client.request("eth_estimateGas", [{ from: transactor.address, to, data }], { signal }),
			client.request("eth_gasPrice", [], { signal }),
		])) as readonly [Hex, Hex];
		const gas = BigInt(estimate);
		if (purse < gas * BigInt(price)) {
			this.#resting.set(id, clock.now() + REST_MS);
			events.workflowUnfunded(id, purse);
			return;
		}
		const wanted = (gas * 150n) / HUNDRED + SPARE_GAS;
		const limit = wanted < MAX_GAS ? wanted : MAX_GAS;
		await this.#keepInGas(limit * BigInt(price) * PRICE_ROOM, signal);
		await transactor.send({ key: `execute/${id}/${runs}`, to, data, gas: limit }, { signal, timeoutMs: EXECUTION_TIMEOUT_MS });
		events.workflowRan(id, clock.now() - startedAt);
	}

	/** `need`: what one execution may cost. One at a time, so that one purse is not filled twice. */
	#keepInGas(need: bigint, signal: AbortSignal): Promise<void> {
		const { client, transactor, treasurer, operator } = this.#modules;
		const work = async (): Promise<void> => {
			const balance = await client.balance(transactor.address, { signal });
			const least = need * BigInt(MAX_RUNNING) > LEAST ? need * BigInt(MAX_RUNNING) : LEAST;
			const full = need * TOP_UP_RUNS > LEAST * 5n ? need * TOP_UP_RUNS : LEAST * 5n;
			if (balance < least) await treasurer.send({ key: `gas/${this.#moves++}`, to: transactor.address, value: full, gas: PLAIN_GAS }, { signal });
			else if (balance > KEPT + full)
				await transactor.send({ key: `earned/${this.#moves++}`, to: operator, value: balance - full, gas: PLAIN_GAS }, { signal });
		};
		const result = this.#keeping.then(work);
		this.#keeping = result.catch(() => undefined);
		return result;
	}
}
