/**
 * Pays for answers that were given without a transaction, from the prepaid balance of the operator's own account. What is owed is on disk before the answer is
 * used, and is paid in bundles, each by one transaction that is sent exactly once, whatever happens in between.
 */
import { contractAddresses, FreeholdError, type Hex, toHex } from "@freehold/protocol";
import { type ChainClient, createTransactor, type IntentStore, type StoredIntent, type Transactor } from "@freehold/sdk/chain";
import { type DigestSigner, type DurableStore, openStore, packRecord, pause, unpackRecord } from "@freehold/service";
import { encodePayment, type Owed } from "./presumption.js";

const tables = ["owed", "bundles", "intents"] as const;
type Store = DurableStore<(typeof tables)[number]>;

/** Entries [from, to] that one transaction pays. */
interface Bundle {
	readonly from: string;
	readonly to: string;
	readonly key: string;
}

export interface LivePaymentEvents {
	readonly liveUnpaid: (error: unknown, waiting: number) => void;
	readonly liveDropped: (release: Hex, error: unknown) => void;
}

/** As the contract takes them. */
const MAX_BUNDLE = 64;
/** Answers that may be owed: beyond, no model is asked. */
export const MAX_OWED = 256;
const PAY_MS = 2_000;
const DIGITS = 16;
const BUNDLE = "now";

export class LivePayments {
	readonly #store: Store;
	readonly #signer: DigestSigner;
	readonly #events: LivePaymentEvents;
	#next: number;
	#owed: number;

	constructor(dir: string, signer: DigestSigner, events: LivePaymentEvents & { readonly failed: (error: unknown) => void }) {
		this.#store = openStore(dir, tables, { onFailure: events.failed });
		this.#signer = signer;
		this.#events = events;
		const keys = [...this.#store.scan("owed", {})].map(({ key }) => Number(key));
		this.#owed = keys.length;
		const bundle = this.#bundle();
		this.#next = Math.max(-1, Number(bundle?.to ?? -1), ...keys) + 1;
	}

	get payer(): Hex {
		return this.#signer.address;
	}

	get isFull(): boolean {
		return this.#owed >= MAX_OWED;
	}

	/** Resolves when it is on disk. */
	async owe({ operator, release, priceVersion, inputUnits, outputUnits }: Owed): Promise<void> {
		const key = String(this.#next++).padStart(DIGITS, "0");
		this.#owed++;
		await this.#store.transact((writer) => writer.put("owed", key, packRecord({ operator, release, priceVersion, inputUnits, outputUnits })));
	}

	/** Pays until the signal says so. */
	async run(client: ChainClient, signal: AbortSignal): Promise<void> {
		const transactor = createTransactor({ client, signer: this.#signer, store: storedIntents(this.#store) });
		while (!signal.aborted) {
			try {
				await this.#pay(transactor, signal);
			} catch (error) {
				if (!signal.aborted) this.#events.liveUnpaid(error, this.#owed);
			}
			await pause(PAY_MS, signal).catch(() => undefined);
		}
	}

	async close(): Promise<void> {
		await this.#store.close();
	}

	async #pay(transactor: Transactor, signal: AbortSignal): Promise<void> {
		for (let bundle = this.#bundle() ?? (await this.#tie()); bundle !== undefined && !signal.aborted; bundle = await this.#tie()) {
			const entries = this.#entriesOf(bundle);
			try {
				await this.#send(bundle, transactor, signal);
				await this.#clear(bundle);
			} catch (error) {
				if (!isForGood(error)) throw error;
				// One of them has no price any more, or is beyond the cap: the others are paid.
				if (entries.length === 1) {
					this.#events.liveDropped(entries[0]?.owed.release ?? "0x", error);
					await this.#clear(bundle);
				} else await this.#alone(bundle, transactor, signal);
			}
		}
	}

	/** Each entry of a bundle that was refused by itself. */
	async #alone({ from, to }: Bundle, transactor: Transactor, signal: AbortSignal): Promise<void> {
		for (const { key, owed } of this.#entriesOf({ from, to })) {
			const single = await this.#write({ from: key, to: key });
			try {
				await this.#send(single, transactor, signal);
			} catch (error) {
				if (!isForGood(error)) throw error;
				this.#events.liveDropped(owed.release, error);
			}
			await this.#clear(single);
		}
	}

	async #send(bundle: Bundle, transactor: Transactor, signal: AbortSignal): Promise<void> {
		const data = toHex(encodePayment(this.#entriesOf(bundle).map(({ owed }) => owed)));
		await transactor.send({ key: bundle.key, to: contractAddresses.Inference, data }, { signal });
	}

	async #tie(): Promise<Bundle | undefined> {
		const keys = [...this.#store.scan("owed", { limit: MAX_BUNDLE })].map(({ key }) => key);
		const [from] = keys;
		const to = keys.at(-1);
		return from === undefined || to === undefined ? undefined : this.#write({ from, to });
	}

	async #write({ from, to }: Omit<Bundle, "key">): Promise<Bundle> {
		const bundle = { from, to, key: `live/${from}-${to}` };
		await this.#store.transact((writer) => writer.put("bundles", BUNDLE, packRecord(bundle)));
		return bundle;
	}

	async #clear(bundle: Bundle): Promise<void> {
		const entries = this.#entriesOf(bundle);
		await this.#store.transact((writer) => {
			for (const { key } of entries) writer.remove("owed", key);
			writer.remove("bundles", BUNDLE);
			writer.remove("intents", bundle.key);
		});
		this.#owed -= entries.length;
	}

	#bundle(): Bundle | undefined {
		const bytes = this.#store.get("bundles", BUNDLE);
		return bytes === undefined ? undefined : unpackRecord<Bundle>(bytes);
	}

	#entriesOf({ from, to }: Omit<Bundle, "key">): readonly { readonly key: string; readonly owed: Owed }[] {
		return [...this.#store.scan("owed", { start: from, end: `${to}~` })].map(({ key, value }) => ({ key, owed: unpackRecord<Owed>(value) }));
	}
}

/** Whether the contract will not take it at any time: an account that is filled again can pay. */
function isForGood(error: unknown): boolean {
	return error instanceof FreeholdError && error.code === "chain.reverted" && !/prepaid balance is too small|insufficient funds/i.test(error.message);
}

function storedIntents(store: Store): IntentStore {
	return {
		get: async (key) => {
			const bytes = store.get("intents", key);
			return bytes === undefined ? undefined : unpackRecord<StoredIntent>(bytes);
		},
		put: (intent) => store.transact((writer) => writer.put("intents", intent.key, packRecord(intent))),
		delete: (key) => store.transact((writer) => writer.remove("intents", key)),
		pending: async () => [...store.scan("intents", {})].map(({ value }) => unpackRecord<StoredIntent>(value)).filter(({ state }) => state === "signed"),
	};
}
