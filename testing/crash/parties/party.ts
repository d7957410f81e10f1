/** Somebody who uses a network while it is being killed: works until told to stop, and remembers everything that they were promised. */
import { setTimeout as delay } from "node:timers/promises";
import { FreeholdError } from "@freehold/protocol";
import type { Chance } from "../seeded.js";

export interface Party {
	readonly name: string;
	/** Things that went well so far. */
	readonly done: () => number;
	/** Resolves when the last piece of work has ended well; rejects with the first one that did not. */
	readonly ended: Promise<void>;
	readonly stop: () => void;
}

/** A piece of work that meets killed processes is done within this time, even where everything takes six times as long as it should. */
export const PATIENCE_MS = 420_000;
const RETRY_MS = 150;

/** Repeats `work` with pauses of chance until told to stop. A tolerant party takes a refusal for an answer, and tries again. */
export function party(name: string, chance: Chance, longestPauseMs: number, work: (nth: number) => Promise<void>, { tolerant = false } = {}): Party {
	let stopped = false;
	let done = 0;
	const ended = (async () => {
		for (let nth = 0; !stopped; nth++) {
			try {
				await work(nth);
			} catch (error) {
				if (tolerant && error instanceof FreeholdError) {
					await delay(RETRY_MS);
					continue;
				}
				throw new Error(`${name}, after ${done} that went well: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
			}
			done += 1;
			await delay(chance.between(0, longestPauseMs));
		}
	})();
	ended.catch(() => undefined);
	return {
		name,
		done: () => done,
		ended,
		stop: () => {
			stopped = true;
		},
	};
}

/** Sends the same request again until somebody answers with something other than "not now". */
export async function persistently(send: () => Promise<Response>): Promise<Response> {
	const end = performance.now() + PATIENCE_MS;
	for (;;) {
		const response = await send().catch(() => undefined);
		if (response !== undefined && response.status !== 429 && response.status < 502) return response;
		if (performance.now() > end) throw new Error(`no answer within ${PATIENCE_MS} ms; the last one: ${response?.status} ${await response?.text()}`);
		await response?.arrayBuffer().catch(() => undefined);
		await delay(RETRY_MS);
	}
}

/** Repeats a verb of the SDK for as long as others are to blame. `note` is told of each time that it failed. */
export async function patiently<T>(verb: () => Promise<T>, note: (error: FreeholdError) => void = () => undefined): Promise<T> {
	const end = performance.now() + PATIENCE_MS;
	for (;;) {
		try {
			return await verb();
		} catch (error) {
			// What is not the caller's fault may be asked again: a call that failed cost nothing.
			if (!(error instanceof FreeholdError) || (!error.entry.retryable && error.entry.fault === "caller") || performance.now() > end) throw error;
			note(error);
			await delay(RETRY_MS);
		}
	}
}
