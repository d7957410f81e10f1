/** A whole ledger in this process, on a free port and a folder of its own. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startHttpServer } from "@freehold/service";
import { pino } from "pino";
import { Registry } from "prom-client";
import type { Hex } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { ledgerProgram } from "../src/program.js";

export const CHAIN_ID = 10741;
export const OPG = 10n ** 18n;
export const GENESIS_TIME = 1_760_000_000;

export const developers = Array.from({ length: 4 }, (_, addressIndex) =>
	mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex }),
);

export interface LocalLedger {
	readonly url: string;
	readonly dir: string;
	readonly stop: (options?: { readonly keep?: boolean }) => Promise<void>;
	/** Result of one call. Throws an error with `code` and `data` when the answer is one. */
	readonly rpc: <T = unknown>(method: string, ...params: readonly unknown[]) => Promise<T>;
	readonly faults: unknown[];
	readonly ready: () => Promise<boolean>;
}

export async function ledgerFolder(balances: readonly { readonly address: string; readonly amount: string }[] = funded(developers)): Promise<string> {
	const dir = await mkdtemp(join(tmpdir(), "freehold-ledger-"));
	await writeFile(join(dir, "genesis.json"), JSON.stringify({ chainId: CHAIN_ID, timestamp: GENESIS_TIME, balances }));
	return dir;
}

export const funded = (accounts: readonly { readonly address: Hex }[]) => accounts.map(({ address }) => ({ address, amount: (1_000_000n * OPG).toString() }));

export async function startLocalLedger(
	options: {
		readonly dir?: string;
		readonly blockIntervalMs?: number;
		readonly now?: () => number;
		/** Follows another ledger under this checkpoint file instead of making blocks. */
		readonly follow?: { readonly url: string; readonly checkpoint: string };
	} = {},
): Promise<LocalLedger> {
	const dir = options.dir ?? (await ledgerFolder());
	const metrics = new Registry();
	const log = pino({ level: "silent" });
	const faults: unknown[] = [];
	const service = await ledgerProgram.start({
		config: {
			data: join(dir, "ledger"),
			genesis: options.follow === undefined ? join(dir, "genesis.json") : undefined,
			sequencerKey: options.follow === undefined ? join(dir, "sequencer.key") : undefined,
			follow: options.follow?.url,
			replay: undefined,
			validatorHome: undefined,
			cometbft: undefined,
			p2p: "127.0.0.1:26656",
			peers: "none",
			enginePort: 26657,
			snapshotBlocks: 0,
			liveCalls: 0,
			liveBudget: 0n,
			liveKey: undefined,
			checkpoint: options.follow?.checkpoint,
			blockInterval: options.blockIntervalMs ?? 5,
			historyBlocks: 128,
			callThreads: 2,
			host: "127.0.0.1",
			port: 0,
		},
		log,
		metrics,
		clock: { now: options.now ?? (() => Date.now()) },
		random: (length) => new Uint8Array(randomBytes(length)),
		signal: new AbortController().signal,
		onChain: () => undefined,
		crashPoint: () => undefined,
		listen: (bindings, options) => startHttpServer(bindings, { ...options, log, metrics }),
		fail: (error) => faults.push(error),
	});
	return {
		url: service.url,
		dir,
		faults,
		ready: async () => (await service.ready()).ready,
		rpc: rpcClient(service.url),
		stop: async ({ keep = false } = {}) => {
			await service.drain();
			if (!keep) await rm(dir, { recursive: true });
		},
	};
}

export function rpcClient(url: string): LocalLedger["rpc"] {
	return async <T>(method: string, ...params: readonly unknown[]) => {
		const response = await fetch(url, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
		});
		const { result, error } = (await response.json()) as {
			readonly result: T;
			readonly error?: { readonly code: number; readonly message: string; readonly data?: string };
		};
		if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code, data: error.data });
		return result;
	};
}

/** The value as soon as it is there. */
export async function eventually<T>(read: () => Promise<T | null | undefined>, what: string, deadlineMs = 10_000): Promise<T> {
	const end = performance.now() + deadlineMs;
	for (;;) {
		const value = await read();
		if (value !== null && value !== undefined) return value;
		if (performance.now() > end) throw new Error(`${what} did not come within ${deadlineMs} ms`);
		await new Promise((resolve) => setImmediate(resolve));
	}
}
