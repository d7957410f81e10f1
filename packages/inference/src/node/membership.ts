/** The node's place in the network: its entry in the registry, the fee that stands there, and the heartbeats that tell hubs where it is. */
import { FreeholdError, type Hex } from "@freehold/protocol";
import { type ChainClient, createTransactor } from "@freehold/sdk/chain";
import { type Clock, type DigestSigner, nativeCrypto, type OperatorKey, pause } from "@freehold/service";
import type { NodeEvents } from "./events.js";
import { beat } from "./heartbeat.js";
import { storedIntents } from "./intents.js";
import type { NodeOptions } from "./node-options.js";
import type { OperatorBook } from "./operators.js";
import { ensureRegistered } from "./registration.js";
import { pauseBeforeRetry } from "./retry.js";
import type { NodeStore } from "./tables.js";

export interface MembershipModules {
	/** Address of the operator. */
	readonly operator: Hex;
	/** The key of the start; in most nodes the operator itself. */
	readonly signer: DigestSigner;
	readonly key: OperatorKey;
	readonly client: ChainClient;
	readonly store: NodeStore;
	readonly operators: OperatorBook;
	/** Releases whose files are here. */
	readonly served: () => readonly Hex[];
	readonly events: NodeEvents;
	readonly clock: Clock;
	readonly random: (length: number) => Uint8Array;
	readonly crashPoint: (name: string) => void;
}

const REGISTRY_LOOK_MS = 250;

export class Membership {
	readonly #options: Pick<NodeOptions, "bond" | "nodeFee" | "hubUrls" | "heartbeatMs">;
	readonly #modules: MembershipModules;
	#registered = false;

	constructor(options: Pick<NodeOptions, "bond" | "nodeFee" | "hubUrls" | "heartbeatMs">, modules: MembershipModules) {
		this.#options = options;
		this.#modules = modules;
	}

	get registered(): boolean {
		return this.#registered;
	}

	/** What a call costs here, in the smallest unit: the operator's own word where this is its key, else the registry's. */
	get nodeFee(): bigint {
		const { operators, operator } = this.#modules;
		if (this.#isOperator) return this.#options.nodeFee;
		return operators.get(operator)?.nodeFee ?? this.#options.nodeFee;
	}

	/** Until the registry has the node. What is wrong in the configuration ends the program; all else is tried again. */
	async register(endpoint: string, signal: AbortSignal): Promise<void> {
		const { operator, signer, client, store, events, crashPoint, clock, random } = this.#modules;
		const { bond, nodeFee } = this.#options;
		const transactor = createTransactor({ client, signer, store: storedIntents(store, crashPoint) });
		for (let failures = 0; !signal.aborted && !this.#registered; failures++) {
			const run = `registration/${clock.now()}-${Buffer.from(random(4)).toString("hex")}`;
			try {
				const modules = { client, transactor, events, crashPoint, run };
				if (this.#isOperator) await ensureRegistered({ operator, endpoint, nodeFee, bond }, modules, signal);
				else await this.#untilRegistered(signal);
				this.#registered = true;
			} catch (error) {
				if (error instanceof FreeholdError && error.code === "config.invalid") throw error;
				await pauseBeforeRetry(failures, signal, (waitMs) => events.registrationFailed(error, waitMs));
			}
		}
	}

	/** Tells the hubs, until it is told to stop. */
	beat(endpoint: string, signal: AbortSignal): Promise<void> {
		const { operator, key, served, clock, events } = this.#modules;
		const { hubUrls, heartbeatMs } = this.#options;
		return beat({ hubUrls, endpoint, intervalMs: heartbeatMs, operator, signer: key, crypto: nativeCrypto, clock, events, releases: served }, signal);
	}

	get #isOperator(): boolean {
		return this.#modules.operator === this.#modules.signer.address;
	}

	/** Where the operator's key is elsewhere, it is the operator who registers: `freehold node register`. */
	async #untilRegistered(signal: AbortSignal): Promise<void> {
		const { operator, key, events } = this.#modules;
		let told: string | undefined;
		for (let missing = this.#missing(); missing !== undefined; missing = this.#missing()) {
			if (missing !== told) events.waitingForRegistration(operator, key.address, missing);
			told = missing;
			await pause(REGISTRY_LOOK_MS, signal);
			await key.look();
		}
	}

	/** What the registry lacks for this node to serve. */
	#missing(): string | undefined {
		const { operators, operator, key, clock } = this.#modules;
		if (!operators.isActive(operator, "inference")) return "a bond for the role inference";
		const now = Math.floor(clock.now() / 1000);
		return operators.isKeyValid(operator, key.address, now) ? undefined : "the key";
	}
}
