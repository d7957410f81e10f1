/** Asking the person at the page before anything is signed: one question at a time, answered in the dialog that the frame shows. */
import { useSyncExternalStore } from "react";
import type { Explanation } from "./explain.js";

export class Declined extends Error {
	override readonly name = "Declined";
	constructor() {
		super("The signature was declined.");
	}
}

export interface Question {
	readonly explanation: Explanation;
	readonly answer: (yes: boolean) => void;
}

const MAX_WAITING = 16;
let waiting: readonly Question[] = [];
const listeners = new Set<() => void>();

function change(next: readonly Question[]): void {
	waiting = next;
	for (const notify of listeners) notify();
}

/** Resolves when agreed to; throws `Declined`. */
export function askConsent(explanation: Explanation): Promise<void> {
	if (waiting.length >= MAX_WAITING) return Promise.reject(new Declined());
	return new Promise((resolve, reject) => {
		const question: Question = {
			explanation,
			answer: (yes) => {
				change(waiting.filter((other) => other !== question));
				if (yes) resolve();
				else reject(new Declined());
			},
		};
		change([...waiting, question]);
	});
}

export function useQuestion(): Question | undefined {
	return useSyncExternalStore(
		(listener) => {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		() => waiting[0],
	);
}
