/** What a transactor must remember to send each transaction exactly once. */
import type { Hex } from "@freehold/protocol";

/** A transaction that has been signed: whatever happens, these bytes and no others stand for `key`. */
export interface StoredIntent {
	/** The caller's name for what it wants done once: `anchor:17`. */
	readonly key: string;
	readonly from: Hex;
	readonly chainId: number;
	readonly nonce: number;
	readonly raw: Hex;
	readonly hash: Hex;
	/** `included`: in a block, whether it succeeded or reverted. */
	readonly state: "signed" | "included";
}

/** Kept by the caller: a program's durable store, or memory where a restart means starting over. */
export interface IntentStore {
	get(key: string): Promise<StoredIntent | undefined>;
	/** Resolves when the intent is durable: it is sent only afterwards. Replaces an earlier state of the same key. */
	put(intent: StoredIntent): Promise<void>;
	/** Forgets a transaction that no node accepted. */
	delete(key: string): Promise<void>;
	/** All intents in state `signed`, in any order. */
	pending(): Promise<readonly StoredIntent[]>;
}

const MAX_INCLUDED = 10_000;

/** Memory only. The oldest included intents are forgotten beyond 10,000. */
export function memoryIntentStore(): IntentStore {
	const intents = new Map<string, StoredIntent>();
	const included = new Set<string>();
	return {
		get: async (key) => intents.get(key),
		put: async (intent) => {
			intents.set(intent.key, intent);
			if (intent.state !== "included") return;
			included.add(intent.key);
			for (const oldest of included) {
				if (included.size <= MAX_INCLUDED) break;
				included.delete(oldest);
				intents.delete(oldest);
			}
		},
		delete: async (key) => void intents.delete(key),
		pending: async () => [...intents.values()].filter((intent) => intent.state === "signed"),
	};
}
