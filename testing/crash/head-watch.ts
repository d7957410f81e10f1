/** Watches the newest block while the ledger dies and comes back: a block that was seen once is there for ever. */
import { setTimeout as delay } from "node:timers/promises";

interface Block {
	readonly number: number;
	readonly hash: string;
}

const POLL_MS = 40;

export interface HeadWatch {
	/** Ends the watch and throws if the head ever went back or a block that was seen is not there any more. Gives how many were seen. */
	readonly stop: () => Promise<number>;
}

export function watchHead(rpcUrl: string): HeadWatch {
	const over = new AbortController();
	const seen = new Map<number, string>();
	const faults: string[] = [];
	let height = 0;
	const look = (block: Block): void => {
		if (block.number < height) faults.push(`block ${block.number} was the newest after block ${height}`);
		const known = seen.get(block.number);
		if (known !== undefined && known !== block.hash) faults.push(`block ${block.number} was ${known}, then ${block.hash}`);
		seen.set(block.number, block.hash);
		height = Math.max(height, block.number);
	};
	const watching = (async () => {
		while (!over.signal.aborted) {
			const block = await read(rpcUrl, "latest").catch(() => undefined);
			if (block !== undefined) look(block);
			await delay(POLL_MS, undefined, { signal: over.signal }).catch(() => undefined);
		}
	})();
	return {
		stop: async () => {
			over.abort();
			await watching;
			for (const [number, hash] of seen) if ((await read(rpcUrl, `0x${number.toString(16)}`))?.hash !== hash) faults.push(`block ${number} ${hash} is gone`);
			if (faults.length > 0) throw new Error(faults.join("\n"));
			return seen.size;
		},
	};
}

async function read(rpcUrl: string, block: string): Promise<Block | undefined> {
	const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getBlockByNumber", params: [block, false] });
	const response = await fetch(rpcUrl, { method: "POST", headers: { "content-type": "application/json" }, body, signal: AbortSignal.timeout(5_000) });
	const { result } = (await response.json()) as { readonly result?: { readonly number: string; readonly hash: string } | null };
	return result === undefined || result === null ? undefined : { number: Number(result.number), hash: result.hash };
}
