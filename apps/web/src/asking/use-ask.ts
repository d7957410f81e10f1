/** One question from price to proof: ask, get the answer, wait until the chain has it, and see who was paid. */
import type { Hex, JsonTensor, ReceiptFile, ReceiptState } from "@freehold/protocol";
import type { CallSplit, Inference } from "@freehold/sdk";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { requireAccount } from "../account/starting.js";
import type { Trouble } from "../design/states.js";
import { freeholdOf } from "../network/freehold.js";
import { networkQuery } from "../network/queries.js";
import { troubleOf } from "../network/trouble.js";

export interface Answered {
	readonly inference: Inference;
	readonly tookMs: number;
	/** The newest receipt file: complete once `state` is `final`. */
	readonly file: ReceiptFile;
	readonly state: ReceiptState;
	readonly split: CallSplit | undefined;
	readonly transaction: Hex | undefined;
	/** What went wrong after the answer: it stands all the same. */
	readonly trouble: Trouble | undefined;
}

export type Asking =
	| { readonly phase: "idle" }
	| { readonly phase: "asking" }
	| { readonly phase: "answered"; readonly answer: Answered }
	| { readonly phase: "failed"; readonly trouble: Trouble };

export interface Ask {
	readonly asking: Asking;
	readonly ask: (inputs: Readonly<Record<string, JsonTensor>>, maxCharge?: bigint) => void;
	readonly clear: () => void;
}

const ANCHOR_WAIT_MS = 60_000;

export function useAsk(model: string): Ask {
	const client = useQueryClient();
	const [asking, setAsking] = useState<Asking>({ phase: "idle" });
	const running = useRef<AbortController | undefined>(undefined);
	useEffect(() => () => running.current?.abort(), []);

	const ask = useCallback(
		(inputs: Readonly<Record<string, JsonTensor>>, maxCharge?: bigint) => {
			running.current?.abort();
			const controller = new AbortController();
			running.current = controller;
			const { signal } = controller;
			const set = (next: Asking): void => {
				if (!signal.aborted) setAsking(next);
			};
			void (async () => {
				setAsking({ phase: "asking" });
				let answer: Answered;
				try {
					await requireAccount();
					const freehold = await freeholdOf(await client.ensureQueryData(networkQuery));
					const startedAt = performance.now();
					const inference = await freehold.infer(model, { inputs, signal, ...(maxCharge === undefined ? {} : { maxCharge }) });
					answer = { inference, tookMs: performance.now() - startedAt, file: inference.receiptFile, state: "signed", split: undefined, transaction: undefined, trouble: undefined };
					set({ phase: "answered", answer });
					const update = (part: Partial<Answered>): void => {
						answer = { ...answer, ...part };
						set({ phase: "answered", answer });
					};
					void client.invalidateQueries({ queryKey: ["balance"] });
					try {
						update({ split: await freehold.receipts.split(answer.file, { signal }) });
						const waited = await freehold.receipts.wait(inference.callId, { timeoutMs: ANCHOR_WAIT_MS, signal });
						update({ file: waited.file, state: waited.state, transaction: waited.batch?.transaction });
						if (waited.batch !== undefined) update({ split: await freehold.receipts.split(waited.file, { transaction: waited.batch.transaction, signal }) });
						void client.invalidateQueries({ queryKey: ["calls"] });
					} catch (error) {
						update({ trouble: troubleOf(error, "Following the payment") });
					}
				} catch (error) {
					set({ phase: "failed", trouble: troubleOf(error, "Asking") });
				}
			})();
		},
		[client, model],
	);
	const clear = useCallback(() => {
		running.current?.abort();
		setAsking({ phase: "idle" });
	}, []);
	return { asking, ask, clear };
}
