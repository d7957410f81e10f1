/** Before the first signature there must be somebody: one question at a time, answered in the frame's dialog. */
import { useSyncExternalStore } from "react";
import { Declined } from "./consent.js";
import { currentSession } from "./session.js";

export interface Start {
	readonly finish: (ready: boolean) => void;
}

let start: Start | undefined;
let waiting: Promise<void> | undefined;
const listeners = new Set<() => void>();

/** Resolves when a key is open or a wallet connected; throws `Declined`. */
export function requireAccount(): Promise<void> {
	const { kind } = currentSession();
	if (kind === "key" || kind === "wallet") return Promise.resolve();
	waiting ??= new Promise<void>((resolve, reject) => {
		start = {
			finish: (ready) => {
				start = undefined;
				waiting = undefined;
				for (const notify of listeners) notify();
				if (ready) resolve();
				else reject(new Declined());
			},
		};
		for (const notify of listeners) notify();
	});
	return waiting;
}

export function useStart(): Start | undefined {
	return useSyncExternalStore(
		(listener) => {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		() => start,
	);
}
