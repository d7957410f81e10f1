/** What was signed in this tab, for the account room. */
import { useSyncExternalStore } from "react";
import type { Explanation } from "./explain.js";

export interface SignedEntry {
	readonly explanation: Explanation;
	/** Within what was agreed to before, so not asked again. */
	readonly silent: boolean;
	/** Unix milliseconds. */
	readonly at: number;
}

const MOST = 200;
let entries: readonly SignedEntry[] = [];
const listeners = new Set<() => void>();

export function noteSignature(explanation: Explanation, silent: boolean): void {
	entries = [{ explanation, silent, at: Date.now() }, ...entries].slice(0, MOST);
	for (const notify of listeners) notify();
}

export function useSignedLog(): readonly SignedEntry[] {
	return useSyncExternalStore(
		(listener) => {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		() => entries,
	);
}
