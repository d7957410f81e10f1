/** Transactions that were signed, in the gateway's own store: whatever happens, the same bytes are sent again. */
import type { IntentStore, StoredIntent } from "@freehold/sdk/chain";
import { type GatewayStore, load, pack, unpack } from "./tables.js";

export function durableIntents(store: GatewayStore, crashPoint: (name: string) => void): IntentStore {
	// Few are open at a time, so they are listed here; the store has them all.
	const open = new Map<string, StoredIntent>();
	for (const { value } of store.scan("intents", {})) {
		const intent = unpack<StoredIntent>(value);
		if (intent.state === "signed") open.set(intent.key, intent);
	}
	return {
		get: async (key) => load<StoredIntent>(store, "intents", key),
		put: async (intent) => {
			if (intent.state === "included") crashPoint("transaction-included");
			await store.transact((writer) => writer.put("intents", intent.key, pack(intent)));
			if (intent.state === "signed") {
				open.set(intent.key, intent);
				crashPoint("transaction-signed");
			} else open.delete(intent.key);
		},
		delete: async (key) => {
			await store.transact((writer) => writer.remove("intents", key));
			open.delete(key);
		},
		pending: async () => [...open.values()],
	};
}
