/** `freehold checkpoint update`: a newer checkpoint of a trusted one, before it is too old to prove anything new. */
import { resolve } from "node:path";
import { type Checkpoint, type CheckpointFile, contractAddresses, FreeholdError, limits } from "@freehold/protocol";
import { checkpointOf, lightBlocks, newerCheckpoint } from "@freehold/sdk";
import { type ChainClient, createChainClient } from "@freehold/sdk/chain";
import { nativeCrypto, pause } from "@freehold/service";
import { findNetwork } from "../accounts/network.js";
import { readTrust, type Trust } from "../accounts/trust.js";
import type { CommandContext } from "../context.js";
import type { Action } from "../main.js";
import { writeJson } from "../supervisor/data-folder.js";

const HTTP = /^https?:\/\//;
const TRUSTED = /^([1-9][0-9]{0,15}):(0x[0-9a-fA-F]{64})$/;
const MOST_WITNESSES = 16;
/** A witness may be some blocks behind. */
const WITNESS_ATTEMPTS = 20;
const WITNESS_PAUSE_MS = 250;

export const update: Action = async (context, _args, options) => {
	const witnesses = (options["witness"] ?? []) as readonly string[];
	if (witnesses.length > MOST_WITNESSES) throw refuse("--witness", `may be given ${MOST_WITNESSES} times`);
	for (const url of witnesses) if (!HTTP.test(url)) throw refuse("--witness", `${url} must be the JSON-RPC address of a ledger`);
	const { signal } = context;
	const chain = createChainClient({ rpcUrl: await ledgerOf(context, options["rpcUrl"]) });
	const source = lightBlocks(chain, signal);
	const status = await statusOf(chain, signal);
	const trusted = options["trust"] === undefined ? await readTrust(context, options["checkpoint"]) : await namedBlock(chain, status, options["trust"], signal);
	const { checkpoint: old, chainId } = trusted;
	if (chainId !== status.chainId) throw new FreeholdError("chain.wrongNetwork", { actual: status.chainId, expected: chainId });
	// The newest block's commit may still gain signatures.
	const height = status.consensusHeight - 1;
	if (height <= old.height) throw refuse("--checkpoint", `is of block ${old.height}, and block ${height} is the newest that the ledger can prove`);
	const checkpoint = await newerCheckpoint({
		checkpoint: old,
		chainId,
		source,
		witnesses: witnesses.map((url) => patiently(lightBlocks(createChainClient({ rpcUrl: url }), signal), signal)),
		height: BigInt(height),
		now: Date.now,
		crypto: nativeCrypto,
	});
	const file: CheckpointFile = { version: 1, chainId, contracts: contractAddresses, checkpoint };
	const out = resolve(typeof options["out"] === "string" ? options["out"] : `checkpoint-${checkpoint.height}.json`);
	await writeJson(out, file);
	const until = Date.now() + limits.lightTrustMs;
	const result = { file: out, from: old.height, checkpoint, witnesses: witnesses.length, ...(checkpoint.kind === "validators" ? { until } : {}) };
	context.output.result(result, () =>
		[
			`${out}: block ${checkpoint.height}, reached from block ${old.height}${witnesses.length === 0 ? "" : ", and confirmed by a witness"}`,
			`  to trust it elsewhere: ${checkpoint.height}:${checkpoint.hash}`,
			...(checkpoint.kind === "validators" ? [`  good for a week: make the next one before ${new Date(until).toISOString()}`] : []),
			...(witnesses.length === 0 ? ["  nobody else was asked: --witness names another ledger, so that validators who cheat are found out"] : []),
		].join("\n"),
	);
	return 0;
};

interface Status {
	readonly chainId: number;
	readonly consensusHeight: number;
	/** Of a network of one sequencer. */
	readonly signer?: unknown;
}

async function statusOf(chain: ChainClient, signal: AbortSignal): Promise<Status> {
	const status = ((await chain.request("freehold_status", [], { signal })) ?? {}) as Partial<Status>;
	if (!Number.isSafeInteger(status.chainId) || !Number.isSafeInteger(status.consensusHeight))
		throw new FreeholdError("upstream.failed", { what: "The ledger", reason: "freehold_status names no chain or no height" });
	return status as Status;
}

/** The block that somebody vouches for by height and hash, in place of a file. */
async function namedBlock(chain: ChainClient, { chainId, signer }: Status, option: unknown, signal: AbortSignal): Promise<Trust> {
	const [, height, hash] = TRUSTED.exec(String(option)) ?? [];
	if (height === undefined || hash === undefined) throw refuse("--trust", "must be HEIGHT:HASH, as a checkpoint has them");
	const checkpoint: Checkpoint = checkpointOf(await lightBlocks(chain, signal)(BigInt(height)), signer === undefined ? "validators" : "sequencer");
	if (checkpoint.hash !== hash.toLowerCase() || checkpoint.height !== Number(height))
		throw new FreeholdError("answer.refused", { check: "header", reason: `the ledger has ${checkpoint.hash} at height ${height}` });
	return { checkpoint, chainId };
}

async function ledgerOf(context: CommandContext, option: unknown): Promise<string> {
	if (option === undefined) return (await findNetwork(context)).rpcUrl;
	if (typeof option !== "string" || !HTTP.test(option)) throw refuse("--rpc-url", "must be the JSON-RPC address of a ledger");
	return option;
}

type Source = ReturnType<typeof lightBlocks>;

function patiently(source: Source, signal: AbortSignal): Source {
	return async (height) => {
		for (let attempt = 1; ; attempt++) {
			try {
				return await source(height);
			} catch (error) {
				if (attempt === WITNESS_ATTEMPTS || !(error instanceof FreeholdError) || error.code !== "upstream.failed") throw error;
				await pause(WITNESS_PAUSE_MS, signal);
			}
		}
	};
}

const refuse = (option: string, reason: string): FreeholdError => new FreeholdError("config.invalid", { option, reason });
