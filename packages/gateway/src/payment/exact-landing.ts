/**
 * Whether a payment of an exact amount reached the till, by whoever's transaction. A used nonce alone proves nothing: its payer can void it too, and a refund of
 * money that never came would be a gift from everyone else's.
 */
import type { ExactPayload } from "@freehold/payments/server";
import type { Hex } from "@freehold/protocol";
import { type ChainClient, type ChainLog, contracts, decodeEvent } from "@freehold/sdk/chain";
import { encodeEventTopics } from "viem";

const STEP_BLOCKS = 2_000n;
const AUTHORIZATION_USED = "AuthorizationUsed";
/** What the proxy says in the transaction of a payment. */
const SETTLED: ReadonlySet<string> = new Set(["Settled", "SettledWithPermit"]);

/**
 * Transaction that moved the payment, at `since` or later; undefined when none did. EIP-3009 names the nonce in its event. Permit2 does not: there a transfer of
 * this payer, this amount, by the proxy stands for the payment, unless `isTaken` says that the transaction is another payment's.
 */
export async function findLanding(
	client: ChainClient,
	payment: ExactPayload,
	since: bigint,
	isTaken: (transaction: Hex) => boolean,
	signal?: AbortSignal,
): Promise<Hex | undefined> {
	const head = await client.blockNumber({ signal });
	for (let fromBlock = since; fromBlock <= head; fromBlock += STEP_BLOCKS) {
		const toBlock = fromBlock + STEP_BLOCKS - 1n < head ? fromBlock + STEP_BLOCKS - 1n : head;
		for (const log of await client.logs({ ...questionOf(payment), fromBlock, toBlock }, { signal })) {
			const { transactionHash } = log;
			if (payment.method === "eip3009") return transactionHash;
			if (movesExactly(log, payment) && !isTaken(transactionHash) && (await isByProxy(client, transactionHash, signal))) return transactionHash;
		}
	}
	return undefined;
}

function questionOf(payment: ExactPayload): { readonly addresses: readonly Hex[]; readonly topics: readonly Hex[] } {
	const { abi, address } = contracts.OPG;
	const topics =
		payment.method === "eip3009"
			? encodeEventTopics({ abi, eventName: AUTHORIZATION_USED, args: { authorizer: payment.from, nonce: payment.nonce } })
			: encodeEventTopics({ abi, eventName: "Transfer", args: { from: payment.from, to: payment.to } });
	return { addresses: [address], topics: topics as readonly Hex[] };
}

function movesExactly(log: ChainLog, payment: ExactPayload): boolean {
	return decodeEvent(log, [contracts.OPG])?.args["value"] === payment.amount;
}

async function isByProxy(client: ChainClient, transaction: Hex, signal: AbortSignal | undefined): Promise<boolean> {
	const receipt = await client.receipt(transaction, { signal });
	return receipt?.logs.some((log) => SETTLED.has(decodeEvent(log, [contracts.ExactPermit2Proxy])?.name ?? "")) ?? false;
}
