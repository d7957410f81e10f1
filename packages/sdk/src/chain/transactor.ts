/**
 * Sends transactions exactly once.
 *
 * An intent has a key. Its transaction is signed once, stored, and only then sent; after a restart the same bytes are sent again. Another nonce is used
 * only when it is proved that the first one can never be included (another transaction of the account took it) and the intent was made by this process.
 */
import { FreeholdError, type Hex } from "@freehold/protocol";
import { broadcast } from "./broadcast.js";
import { type ChainClient, callObject, type TransactionReceipt } from "./chain-client.js";
import { failureOf } from "./failure.js";
import { priceOfGas, withRoom } from "./gas.js";
import { createInclusionWatch } from "./inclusion.js";
import { type IntentStore, memoryIntentStore, type StoredIntent } from "./intent-store.js";
import { fromQuantity } from "./quantity.js";
import { type Signer, signTransaction } from "./signer.js";

export interface TransactionIntent {
	/** Names what is to happen once. The first content sent under a key stands. */
	readonly key: string;
	/** Undefined: the data creates a contract. */
	readonly to?: Hex;
	readonly data?: Hex;
	readonly value?: bigint;
	/** Gas limit; asked of the node when absent, with a fifth added. */
	readonly gas?: bigint;
}

export interface SendOptions {
	readonly signal?: AbortSignal | undefined;
	/** Until the transaction is in a block; default 30,000. */
	readonly timeoutMs?: number;
}

export interface Transactor {
	readonly address: Hex;
	/**
	 * Resolves when the transaction is in a block and succeeded. Throws `chain.reverted` with the contract's reason (before anything is sent, where the node
	 * foresees it), `chain.timeout` (call again with the same key to go on waiting), `chain.nonceTaken`, `chain.overloaded`.
	 */
	send(intent: TransactionIntent, options?: SendOptions): Promise<TransactionReceipt>;
	/** Sends again all that was signed and not seen in a block, and waits for it. Gives the keys that are still open. Call it after a restart. */
	resume(options?: SendOptions): Promise<readonly string[]>;
}

export interface TransactorOptions {
	readonly client: ChainClient;
	readonly signer: Signer;
	/** Default: memory. */
	readonly store?: IntentStore;
	/** Pause between questions to a node that cannot wait for a block by itself; default 250. */
	readonly pollMs?: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_ATTEMPTS = 3;
/** Transactions of one account that are signed and not in a block. */
const MAX_IN_FLIGHT = 1_000;

export function createTransactor({ client, signer, store = memoryIntentStore(), pollMs }: TransactorOptions): Transactor {
	const from = signer.address.toLowerCase() as Hex;
	const watch = createInclusionWatch(client, pollMs);
	/** Sends under way, so that two callers with one key share one transaction. */
	const admissions = new Map<string, Promise<Admission>>();
	/** Nonces of intents in state `signed`. */
	const signedNonces = new Map<string, number>();
	let floor = 0;
	let loaded: Promise<void> | undefined;
	let turn: Promise<unknown> = Promise.resolve();

	function load(): Promise<void> {
		loaded ??= (async () => {
			const chainId = await client.chainId();
			for (const intent of await store.pending()) if (intent.from === from && intent.chainId === chainId) signedNonces.set(intent.key, intent.nonce);
		})().catch((error: unknown) => {
			loaded = undefined;
			throw error;
		});
		return loaded;
	}

	/** One at a time, in order of arrival. */
	function inTurn<T>(work: () => Promise<T>): Promise<T> {
		const result = turn.then(work);
		turn = result.catch(() => undefined);
		return result;
	}

	async function admit(intent: TransactionIntent): Promise<Admission> {
		const existing = await store.get(intent.key);
		if (existing !== undefined) return { stored: existing, fresh: false };
		if (signedNonces.size >= MAX_IN_FLIGHT) throw new FreeholdError("chain.overloaded", { account: from, count: signedNonces.size });
		const call = { from, data: intent.data ?? "0x", value: intent.value ?? 0n, ...(intent.to === undefined ? {} : { to: intent.to }) };
		const [chainId, count, fees, gas] = await Promise.all([
			client.chainId(),
			client.transactionCount(from, { block: "pending" }),
			priceOfGas(client),
			intent.gas ?? client.request("eth_estimateGas", [callObject(call)]).then((value) => withRoom(fromQuantity(value, "gas estimate"))),
		]);
		return inTurn(async () => {
			const nonce = nextNonce(count);
			const signed = await signTransaction(signer, {
				type: "eip1559",
				chainId,
				nonce,
				...(intent.to === undefined ? {} : { to: intent.to }),
				data: call.data,
				value: call.value,
				gas,
				...fees,
			});
			const stored: StoredIntent = { key: intent.key, from, chainId, nonce, ...signed, state: "signed" };
			await store.put(stored);
			signedNonces.set(intent.key, nonce);
			return { stored, fresh: true };
		});
	}

	/** The smallest nonce that neither the chain nor another intent has. */
	function nextNonce(count: number): number {
		const taken = new Set(signedNonces.values());
		let nonce = Math.max(count, floor);
		while (taken.has(nonce)) nonce++;
		return nonce;
	}

	async function send(intent: TransactionIntent, options: SendOptions = {}): Promise<TransactionReceipt> {
		await load();
		for (let attempt = 1; ; attempt++) {
			let admission = admissions.get(intent.key);
			if (admission === undefined) {
				admission = admit(intent).finally(() => admissions.delete(intent.key));
				admissions.set(intent.key, admission);
			}
			const { stored, fresh } = await admission;
			const outcome = await deliver(stored, fresh, options);
			if (outcome !== "taken") return outcome;
			await forget(stored);
			if (!fresh || attempt === MAX_ATTEMPTS) throw new FreeholdError("chain.nonceTaken", { account: from, nonce: stored.nonce, key: stored.key });
		}
	}

	/** Waits first and sends second, so that no block can pass unseen in between. */
	async function deliver(stored: StoredIntent, fresh: boolean, { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: SendOptions): Promise<TransactionReceipt | "taken"> {
		const over = new AbortController();
		const included = watch.wait(stored, { timeoutMs, signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]) });
		included.catch(() => undefined);
		if (stored.state === "signed") {
			const result = await broadcast(client, stored, signal).catch((error: unknown) => {
				over.abort();
				throw error;
			});
			if (result.kind === "refused" && fresh) {
				over.abort();
				await forget(stored);
				throw result.error;
			}
			// The loop asks again when this question fails.
			if (result.kind === "nonceUsed") await watch.nonceUsed(stored).catch(() => undefined);
		}
		const outcome = await included;
		if (outcome === "taken") return outcome;
		await settle(stored);
		if (!outcome.succeeded) throw await failureOf(client, stored, outcome);
		return outcome;
	}

	async function settle(stored: StoredIntent): Promise<void> {
		if (stored.state === "signed") await store.put({ ...stored, state: "included" });
		signedNonces.delete(stored.key);
		floor = Math.max(floor, stored.nonce + 1);
	}

	/** In turn, and only while the key still stands for these bytes: another caller may have replaced them. */
	function forget(stored: StoredIntent): Promise<void> {
		return inTurn(async () => {
			if ((await store.get(stored.key))?.hash !== stored.hash) return;
			await store.delete(stored.key);
			signedNonces.delete(stored.key);
		});
	}

	return {
		address: from,
		send,
		async resume(options = {}) {
			await load();
			const chainId = await client.chainId();
			const intents = (await store.pending()).filter((intent) => intent.from === from && intent.chainId === chainId).sort((a, b) => a.nonce - b.nonce);
			const open: string[] = [];
			await Promise.all(
				intents.map(async (intent) => {
					try {
						if ((await deliver(intent, false, options)) === "taken") open.push(intent.key);
					} catch (error) {
						// A transaction that failed is done with; its key's next caller is told why.
						if (!(error instanceof FreeholdError) || error.code !== "chain.reverted") open.push(intent.key);
					}
				}),
			);
			return open;
		},
	};
}

interface Admission {
	readonly stored: StoredIntent;
	/** Signed by this call: no earlier process can have sent it. */
	readonly fresh: boolean;
}
