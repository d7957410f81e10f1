/**
 * Transactions through a wallet that signs and sends by itself, as injected wallets do (`eth_sendTransaction`). It picks the nonce and asks its own question,
 * so a restart can repeat nothing: what was sent is known by its hash alone, and only while this process lives.
 */
import { FreeholdError, type Hex } from "@freehold/protocol";
import { type ChainClient, callObject, type TransactionReceipt } from "./chain-client.js";
import { pause } from "./deadline.js";
import { failureOf } from "./failure.js";
import { priceOfGas, withRoom } from "./gas.js";
import { fromQuantity } from "./quantity.js";
import type { SendingAccount } from "./signer.js";
import type { SendOptions, TransactionIntent, Transactor } from "./transactor.js";

const DEFAULT_TIMEOUT_MS = 30_000;
const BLOCK_WAIT_MS = 2_000;
const LONGEST_PAUSE_MS = 2_000;
/** Keys that are remembered. */
const MAX_SENT = 1_000;

/** One send for each key: a second caller waits for the first one's transaction. A wallet's refusal is passed on, and the key can be sent again. */
export function createWalletTransactor({ client, account }: { readonly client: ChainClient; readonly account: SendingAccount }): Transactor {
	const from = account.address.toLowerCase() as Hex;
	const sent = new Map<string, Promise<Hex>>();

	async function submit({ to, data = "0x", value = 0n, gas }: TransactionIntent): Promise<Hex> {
		const call = { from, data, value, ...(to === undefined ? {} : { to }) };
		// What the contract would refuse is said before the wallet asks anybody.
		const [chainId, fees, limit] = await Promise.all([
			client.chainId(),
			priceOfGas(client),
			gas ?? client.request("eth_estimateGas", [callObject(call)]).then((estimate) => withRoom(fromQuantity(estimate, "gas estimate"))),
		]);
		return account.sendTransaction({ chainId, ...(to === undefined ? {} : { to }), data, value, gas: limit, ...fees });
	}

	function submitOnce(intent: TransactionIntent): Promise<Hex> {
		const known = sent.get(intent.key);
		if (known !== undefined) return known;
		const hash = submit(intent);
		hash.catch(() => sent.delete(intent.key));
		sent.set(intent.key, hash);
		for (const oldest of sent.keys()) {
			if (sent.size <= MAX_SENT) break;
			sent.delete(oldest);
		}
		return hash;
	}

	async function send(intent: TransactionIntent, { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: SendOptions = {}): Promise<TransactionReceipt> {
		const hash = await submitOnce(intent);
		const receipt = await included(intent.key, hash, timeoutMs, signal);
		if (!receipt.succeeded) throw await failureOf(client, { hash, from }, receipt);
		return receipt;
	}

	async function included(key: string, hash: Hex, timeoutMs: number, signal: AbortSignal | undefined): Promise<TransactionReceipt> {
		const deadline = performance.now() + timeoutMs;
		let head: bigint | undefined;
		let nonce: number | undefined;
		for (let failures = 0; ; ) {
			const left = deadline - performance.now();
			if (left <= 0) throw new FreeholdError("chain.timeout", { seconds: timeoutMs / 1000 });
			try {
				// One batch, so that one state of the chain answers both.
				const [used, receipt] = await Promise.all([client.transactionCount(from, { signal }), client.receipt(hash, { signal })]);
				if (receipt !== undefined) return receipt;
				nonce ??= await nonceOf(hash, signal);
				// Sped up or cancelled in the wallet: another transaction stands in its place.
				if (nonce !== undefined && used > nonce) {
					sent.delete(key);
					throw new FreeholdError("chain.nonceTaken", { account: from, nonce, key });
				}
				head =
					head === undefined
						? await client.blockNumber({ signal })
						: await client.waitForBlock(head, { timeoutMs: Math.ceil(Math.min(BLOCK_WAIT_MS, left)), signal });
				failures = 0;
			} catch (error) {
				if (signal?.aborted === true || (error instanceof FreeholdError && error.code === "chain.nonceTaken")) throw error;
				await pause(Math.min(LONGEST_PAUSE_MS, 50 * 2 ** Math.min(failures++, 6)), signal);
			}
		}
	}

	async function nonceOf(hash: Hex, signal: AbortSignal | undefined): Promise<number | undefined> {
		const transaction = (await client.request("eth_getTransactionByHash", [hash], { signal })) as { readonly nonce?: unknown } | null;
		return typeof transaction?.nonce === "string" ? Number(fromQuantity(transaction.nonce, "nonce")) : undefined;
	}

	return { address: from, send, resume: async () => [] };
}
