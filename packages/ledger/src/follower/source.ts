/** Where a follower gets blocks: the JSON-RPC of another ledger. What comes is believed only after it was checked. */

import { FreeholdError, fromHex, isHex } from "@freehold/protocol";
import { type ChainClient, createChainClient } from "@freehold/sdk/chain";

export interface SentBlock {
	readonly block: Uint8Array;
	readonly commit: Uint8Array;
}

export interface BlockSource {
	/** True when no blocks will come beyond those that are there. */
	readonly ends: boolean;
	/** Text of the genesis file. */
	genesis(signal: AbortSignal): Promise<string>;
	/** Blocks from a height on, in order; none when there is none yet. */
	blocks(from: bigint, signal: AbortSignal): Promise<readonly SentBlock[]>;
	/** Height of its last block. */
	height(signal: AbortSignal): Promise<bigint>;
	/** Resolves when it has an EVM block after this one, or after some seconds. */
	waitForBlock(after: bigint, signal: AbortSignal): Promise<void>;
	/** Hands a transaction over; gives what the other ledger answers. */
	submit(raw: string, signal: AbortSignal): Promise<unknown>;
}

const MAX_BLOCKS = 64;
const WAIT_MS = 15_000;

export function rpcSource(rpcUrl: string): BlockSource {
	const client: ChainClient = createChainClient({ rpcUrl });
	const bad = (reason: string): FreeholdError => new FreeholdError("upstream.failed", { what: `The ledger at ${rpcUrl}`, reason });
	return {
		ends: false,
		async genesis(signal) {
			const file = await client.request("freehold_genesis", [], { signal });
			if (typeof file !== "string") throw bad("no genesis file");
			return file;
		},
		async blocks(from, signal) {
			const answer = await client.request("freehold_getBlocks", [from.toString(), MAX_BLOCKS], { signal, batch: false });
			if (!Array.isArray(answer) || answer.length > MAX_BLOCKS) throw bad("no list of blocks");
			return answer.map((item: unknown) => {
				const { block, commit } = (item ?? {}) as { readonly block?: unknown; readonly commit?: unknown };
				if (!isHex(block) || !isHex(commit)) throw bad("a block that is no hex");
				return { block: fromHex(block), commit: fromHex(commit) };
			});
		},
		async height(signal) {
			const { consensusHeight } = ((await client.request("freehold_status", [], { signal })) ?? {}) as { readonly consensusHeight?: unknown };
			if (typeof consensusHeight !== "number" || !Number.isSafeInteger(consensusHeight)) throw bad("no height");
			return BigInt(consensusHeight);
		},
		async waitForBlock(after, signal) {
			await client.request("freehold_waitForBlock", [`0x${after.toString(16)}`, WAIT_MS], { signal, batch: false, timeoutMs: 2 * WAIT_MS });
		},
		submit: (raw, signal) => client.request("eth_sendRawTransaction", [raw], { signal }),
	};
}
