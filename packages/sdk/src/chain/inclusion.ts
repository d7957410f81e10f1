/** Waiting until transactions are in blocks: one loop for all that are in flight, which also sends again what a node may have lost. */
import { FreeholdError, type Hex } from "@freehold/protocol";
import { broadcast } from "./broadcast.js";
import type { ChainClient, TransactionReceipt } from "./chain-client.js";
import { aborted, onAbort, pause } from "./deadline.js";
import type { StoredIntent } from "./intent-store.js";

export interface InclusionWatch {
	/**
	 * The receipt; `taken` when another transaction used the nonce, so that this one can never be included.
	 * Throws `chain.timeout` at the deadline and `request.aborted` by the signal; the transaction may still be included then.
	 */
	wait(intent: StoredIntent, options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined }): Promise<TransactionReceipt | "taken">;
	/** Says that the node called the nonce used, so that nobody waits for a block to find out by whom. */
	nonceUsed(intent: StoredIntent): Promise<void>;
}

interface Waiter {
	readonly intent: StoredIntent;
	sentAt: number;
	readonly settle: Set<(outcome: TransactionReceipt | "taken") => void>;
}

const BLOCK_WAIT_MS = 2_000;
/** A node that restarted has lost its mempool: what is not included after this time is sent again. */
const RESEND_MS = 2_000;

export function createInclusionWatch(client: ChainClient, pollMs: number | undefined): InclusionWatch {
	const waiters = new Map<Hex, Waiter>();
	let stop: AbortController | undefined;

	async function loop(signal: AbortSignal): Promise<void> {
		let head: bigint | undefined;
		let failures = 0;
		while (waiters.size > 0) {
			try {
				head =
					head === undefined
						? await client.blockNumber({ signal })
						: await client.waitForBlock(head, { timeoutMs: BLOCK_WAIT_MS, signal, ...(pollMs === undefined ? {} : { pollMs }) });
				await collect(signal);
				await resend(signal);
				failures = 0;
			} catch {
				if (signal.aborted) return;
				await pause(Math.min(2_000, 50 * 2 ** Math.min(failures++, 6)), signal).catch(() => undefined);
			}
		}
	}

	async function collect(signal: AbortSignal): Promise<void> {
		const found = await Promise.all([...waiters.values()].map(async (waiter) => ({ waiter, receipt: await client.receipt(waiter.intent.hash, { signal }) })));
		for (const { waiter, receipt } of found) if (receipt !== undefined) settle(waiter, receipt);
	}

	async function resend(signal: AbortSignal): Promise<void> {
		const now = performance.now();
		const late = [...waiters.values()].filter((waiter) => now - waiter.sentAt >= RESEND_MS).sort((a, b) => a.intent.nonce - b.intent.nonce);
		await Promise.all(
			late.map(async (waiter) => {
				waiter.sentAt = now;
				if ((await broadcast(client, waiter.intent, signal)).kind === "nonceUsed") await decideUsedNonce(waiter, signal);
			}),
		);
	}

	/** The nonce is used: by this transaction, or by another. Both questions travel in one batch, so that one state of the chain answers them. */
	async function decideUsedNonce(waiter: Waiter, signal: AbortSignal): Promise<void> {
		const [used, receipt] = await Promise.all([client.transactionCount(waiter.intent.from, { signal }), client.receipt(waiter.intent.hash, { signal })]);
		if (receipt !== undefined) settle(waiter, receipt);
		else if (used > waiter.intent.nonce) settle(waiter, "taken");
	}

	function settle(waiter: Waiter, outcome: TransactionReceipt | "taken"): void {
		waiters.delete(waiter.intent.hash);
		for (const resolve of waiter.settle) resolve(outcome);
	}

	function add(intent: StoredIntent, resolve: (outcome: TransactionReceipt | "taken") => void): () => void {
		const waiter: Waiter = waiters.get(intent.hash) ?? { intent, sentAt: performance.now(), settle: new Set() };
		waiter.settle.add(resolve);
		waiters.set(intent.hash, waiter);
		if (stop === undefined) {
			const controller = new AbortController();
			stop = controller;
			void loop(controller.signal).finally(() => {
				if (stop === controller) stop = undefined;
			});
		}
		return () => {
			waiter.settle.delete(resolve);
			if (waiter.settle.size === 0 && waiters.get(intent.hash) === waiter) waiters.delete(intent.hash);
			if (waiters.size === 0) {
				stop?.abort();
				stop = undefined;
			}
		};
	}

	return {
		async nonceUsed(intent) {
			const waiter = waiters.get(intent.hash);
			if (waiter !== undefined && stop !== undefined) await decideUsedNonce(waiter, stop.signal);
		},
		wait: (intent, { timeoutMs, signal }) =>
			new Promise((resolve, reject) => {
				const timer = setTimeout(() => end(() => reject(new FreeholdError("chain.timeout", { seconds: timeoutMs / 1000 }))), timeoutMs);
				const remove = add(intent, (outcome) => end(() => resolve(outcome)));
				let forget = (): void => undefined;
				function end(then: () => void): void {
					clearTimeout(timer);
					forget();
					remove();
					then();
				}
				forget = onAbort(signal, () => end(() => reject(aborted(signal))));
			}),
	};
}
