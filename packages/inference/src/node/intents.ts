/** Signed transactions in the node's store, so that each is sent exactly once whatever happens in between. */
import type { IntentStore, StoredIntent } from "@freehold/sdk/chain";
import { load, type NodeStore, pack, unpack } from "./tables.js";

export function storedIntents(store: NodeStore, crashPoint: (name: string) => void): IntentStore {
	return {
		get: async (key) => load<StoredIntent>(store, "intents", key),
		put: async (intent) => {
			if (intent.state === "included") crashPoint("inference.transaction.included");
			await store.transact((writer) => writer.put("intents", intent.key, pack(intent)));
			if (intent.state === "signed") crashPoint("inference.transaction.signed");
		},
		delete: (key) => store.transact((writer) => writer.remove("intents", key)),
		pending: async () => [...store.scan("intents", {})].map(({ value }) => unpack<StoredIntent>(value)).filter(({ state }) => state === "signed"),
	};
}
