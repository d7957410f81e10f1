/** Sending a transaction, and waiting for its receipt. */
import type { Asker } from "../calls/call-pool.js";
import { hexOf } from "../transaction/decode.js";
import type { Transaction } from "../transaction/transaction.js";
import type { Method, Methods, RpcContext } from "./context.js";
import { hashParameter } from "./parameters.js";
import { invalidParams, limitExceeded, RpcError, rpcCodes, serverError } from "./rpc-error.js";
import { quantity, receiptView } from "./views.js";

/** EIP-7966 leaves both to the node. */
const DEFAULT_WAIT_MS = 2_000;
const MAX_WAIT_MS = 30_000;
const MAX_WAITERS = 1_000;

/** `forward` sends where blocks are made, when that is another ledger. */
export function sendMethods(context: RpcContext, forward?: Method): Methods {
	let waiters = 0;
	const send: Method = forward ?? (([raw]) => hexOf(enter(context, raw)));
	return {
		eth_sendRawTransaction: send,
		eth_sendRawTransactionSync: async ([raw, timeout], asker) => {
			const timeoutMs = timeoutParameter(timeout);
			if (waiters >= MAX_WAITERS) throw limitExceeded(`${MAX_WAITERS} calls wait already`);
			waiters++;
			try {
				return await sendAndWait(context, async () => hashParameter(await send([raw], asker)), timeoutMs, asker);
			} finally {
				waiters--;
			}
		},
	};
}

/** The hot path: hex → bytes → decoded, sender recovered, pooled; once each. Gives the hash. */
function enter({ application, notify }: RpcContext, value: unknown): Uint8Array {
	if (typeof value !== "string" || !value.startsWith("0x")) throw invalidParams("transaction: must be a hex string");
	const raw = Uint8Array.from(Buffer.from(value.slice(2), "hex"));
	if (2 * raw.length + 2 !== value.length) throw invalidParams("transaction: no valid hex");
	const { code, log, hash } = application.checkTx(raw, { onlyReplayProtected: true });
	if (code !== 0) throw serverError(log);
	notify();
	return hash;
}

/** EIP-7966. Listens before the transaction enters, so that no block is missed. */
async function sendAndWait(context: RpcContext, send: () => Promise<Uint8Array>, timeoutMs: number, asker: Asker): Promise<unknown> {
	const { application, closing, later } = context;
	const { chain, pool } = application;
	let wake = (): void => undefined;
	const stopListening = application.onBlock(() => wake());
	let isOver = false;
	const end = (): void => {
		isOver = true;
		wake();
	};
	const gone = asker.signal();
	const stopTimer = later(timeoutMs, end);
	gone.addEventListener("abort", end, { once: true });
	closing.addEventListener("abort", end, { once: true });
	try {
		const hash = await send();
		const waiting = pool.get(hexOf(hash));
		refuseGap(waiting, waiting === undefined ? undefined : pool.pendingNonce(waiting.from));
		for (;;) {
			const found = chain.transaction(hash);
			if (found !== undefined) return receiptView(found.block, found.index);
			if (isOver || gone.aborted || closing.aborted)
				throw new RpcError(rpcCodes.waitEnded, `the transaction is in the pool and was not included within ${timeoutMs} ms`, hexOf(hash));
			await new Promise<void>((resolve) => {
				wake = resolve;
			});
		}
	} finally {
		stopListening();
		stopTimer();
		gone.removeEventListener("abort", end);
		closing.removeEventListener("abort", end);
	}
}

/** It could not be included before another one arrives: the sender learns at once which. */
function refuseGap(tx: Transaction | undefined, pendingNonce: bigint | undefined): void {
	if (tx === undefined || pendingNonce === undefined || tx.nonce < pendingNonce) return;
	throw new RpcError(rpcCodes.nonceGap, `the transaction is in the pool and waits for nonce ${pendingNonce}, its own is ${tx.nonce}`, quantity(pendingNonce));
}

function timeoutParameter(value: unknown): number {
	if (value === undefined || value === null) return DEFAULT_WAIT_MS;
	const ms = typeof value === "string" && /^0x[0-9a-fA-F]{1,8}$/.test(value) ? Number(value) : value;
	if (typeof ms !== "number" || !Number.isInteger(ms) || ms <= 0) throw invalidParams("timeout: must be a positive number of milliseconds");
	return Math.min(ms, MAX_WAIT_MS);
}
