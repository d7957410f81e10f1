/** One question from price to proof: ask, get the answer, wait until the chain has it, and see who was paid. */
import type { Hex, JsonTensor, ReceiptFile, ReceiptState } from "@freehold/protocol";
import type { CallSplit, Inference } from "@freehold/sdk";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { requireAccount } from "../account/starting.js";
import type { Trouble } from "../design/states.js";
import { agreedLicence } from "../licences/agreed.js";
import { freeholdOf } from "../network/freehold.js";
import { networkQuery } from "../network/queries.js";
import { troubleOf } from "../network/trouble.js";

/** A call's receipt, as far as it is known. */
export interface Receipted {
	/** The newest receipt file: complete once `state` is `final`. */
	readonly file: ReceiptFile;
	readonly state: ReceiptState;
	readonly split: CallSplit | undefined;
	readonly transaction: Hex | undefined;
	/** What went wrong after the answer: it stands all the same. */
	readonly trouble: Trouble | undefined;
}

export interface Answered extends Receipted {
	readonly inference: Inference;
	readonly tookMs: number;
}

export type Asking =
	| { readonly phase: "idle" }
	| { readonly phase: "asking" }
	| { readonly phase: "answered" }
	| { readonly phase: "failed"; readonly trouble: Trouble };

export interface Ask {
	readonly asking: Asking;
	/** The last answer there was: it stays while another question is under way, or failed. */
	readonly answer: Answered | undefined;
	readonly ask: (inputs: Readonly<Record<string, JsonTensor>>, maxCharge?: bigint) => void;
	readonly clear: () => void;
}

const ANCHOR_WAIT_MS = 60_000;

export function useAsk(model: string): Ask {
	const client = useQueryClient();
	const [asking, setAsking] = useState<Asking>({ phase: "idle" });
	const [last, setLast] = useState<Answered>();
	const running = useRef<AbortController | undefined>(undefined);
	/** Ends with the room, or when the person clears it. */
	const following = useRef(new Set<AbortController>());
	const stop = useCallback(() => {
		running.current?.abort();
		for (const controller of following.current) controller.abort();
		following.current.clear();
	}, []);
	useEffect(() => stop, [stop]);

	const ask = useCallback(
		(inputs: Readonly<Record<string, JsonTensor>>, maxCharge?: bigint) => {
			// A question under way is dropped; following an earlier answer goes on until there is a new one.
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
					const licence = await agreedLicence(client, freehold, model);
					const startedAt = performance.now();
					const inference = await freehold.infer(model, { inputs, licence, signal, ...(maxCharge === undefined ? {} : { maxCharge }) });
					answer = {
						inference,
						tookMs: performance.now() - startedAt,
						file: inference.receiptFile,
						state: "signed",
						split: undefined,
						transaction: undefined,
						trouble: undefined,
					};
					set({ phase: "answered" });
					setLast(answer);
					const update = (part: Partial<Answered>): void => {
						const next = { ...answer, ...part };
						answer = next;
						// Another answer may stand there by now.
						setLast((shown) => (shown?.inference === next.inference ? next : shown));
					};
					void client.invalidateQueries({ queryKey: ["balance"] });
					const follow = new AbortController();
					following.current.add(follow);
					try {
						const { signal } = follow;
						update({ split: await freehold.receipts.split(answer.file, { signal }) });
						const waited = await freehold.receipts.wait(inference.callId, { timeoutMs: ANCHOR_WAIT_MS, signal });
						update({ file: waited.file, state: waited.state, transaction: waited.batch?.transaction });
						if (waited.batch !== undefined) update({ split: await freehold.receipts.split(waited.file, { transaction: waited.batch.transaction, signal }) });
						for (const told of ["calls", "model", "models", "usage", "earnings"]) void client.invalidateQueries({ queryKey: [told] });
					} catch (error) {
						if (!follow.signal.aborted) update({ trouble: troubleOf(error, "Following the payment") });
					} finally {
						following.current.delete(follow);
					}
				} catch (error) {
					set({ phase: "failed", trouble: troubleOf(error, "Asking") });
				}
			})();
		},
		[client, model],
	);
	const clear = useCallback(() => {
		stop();
		setAsking({ phase: "idle" });
		setLast(undefined);
	}, [stop]);
	return { asking, answer: last, ask, clear };
}
