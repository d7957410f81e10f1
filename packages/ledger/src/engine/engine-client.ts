/** CometBFT's own JSON-RPC, as much of it as a ledger needs, with its JSON read into the protocol's types. */
import {
	type BlockId,
	type Commit,
	type CommitSignature,
	type ConsensusHeader,
	FreeholdError,
	fromHex,
	type LightBlock,
	type Timestamp,
	type Validator,
} from "@freehold/protocol";
import { fetchJson } from "@freehold/service";
import type { ConsensusBlock } from "../sequencer/consensus-block.js";

const DEADLINE_MS = 5_000;
/** A block of 4 MiB in base64, and its commit. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const VALIDATORS_PER_PAGE = 100;
const MAX_VALIDATORS = 10_000;
/** An absent vote, in the one spelling of a receipt file. */
const ABSENT: CommitSignature = { flag: 1, validatorAddress: new Uint8Array(0), timestamp: { seconds: 0n, nanos: 0 }, signature: new Uint8Array(0) };

type Json = Readonly<Record<string, unknown>>;

export interface EngineClient {
	/** Header, commit and validators of a height; undefined when there is no such block yet, or it was pruned. */
	lightBlock(height: bigint, signal?: AbortSignal): Promise<(LightBlock & { readonly isCanonical: boolean }) | undefined>;
	/** The whole block; undefined when there is none. Throws `upstream.failed` for one that carries evidence. */
	block(height: bigint, signal?: AbortSignal): Promise<ConsensusBlock | undefined>;
	/** Hands transactions over without waiting; gives for each what the engine said against it, undefined when nothing. */
	broadcast(raws: readonly Uint8Array[], signal?: AbortSignal): Promise<readonly (string | undefined)[]>;
	/** Height of the first block that it holds; undefined before there is one. Above 1 where it began from a snapshot. */
	earliest(signal?: AbortSignal): Promise<bigint | undefined>;
	/** Peers that are connected. */
	peers(signal?: AbortSignal): Promise<number>;
	/** True while it fetches blocks that others have made already. */
	isCatchingUp(signal?: AbortSignal): Promise<boolean>;
}

/** `url`: where the engine answers; `height`: of the last block here. Calls throw `consensus.away`, `upstream.failed` or `upstream.timeout`. */
export function engineClient(url: string, height: () => bigint): EngineClient {
	const what = "CometBFT";
	const ask = (json: unknown, signal?: AbortSignal): Promise<unknown> =>
		fetchJson(url, { what, json, deadlineMs: DEADLINE_MS, maxBytes: MAX_ANSWER_BYTES, ...(signal === undefined ? {} : { signal }) }).catch((error: unknown) => {
			if (error instanceof FreeholdError && error.code === "network.down") throw new FreeholdError("consensus.away", { height: height() }, { cause: error });
			throw error;
		});
	const call = async (method: string, params: Json, signal?: AbortSignal): Promise<Json | undefined> => {
		const answer = (await ask({ jsonrpc: "2.0", id: 1, method, params }, signal).catch((error: unknown) => {
			if (error instanceof FreeholdError && error.code === "upstream.failed" && /50\d/.test(error.message)) return undefined;
			throw error;
		})) as { readonly result?: Json } | undefined;
		return answer?.result;
	};
	const validators = async (height: bigint, signal?: AbortSignal): Promise<readonly Validator[] | undefined> => {
		const found: Validator[] = [];
		for (let page = 1; found.length < MAX_VALIDATORS; page++) {
			const answer = await call("validators", { height: height.toString(), page: String(page), per_page: String(VALIDATORS_PER_PAGE) }, signal);
			if (answer === undefined) return undefined;
			for (const entry of answer["validators"] as readonly Json[]) {
				found.push({ publicKey: base64((entry["pub_key"] as Json)["value"]), power: BigInt(entry["voting_power"] as string) });
			}
			if (found.length >= Number(answer["total"])) break;
		}
		return found;
	};
	return {
		async lightBlock(height, signal) {
			const [answer, set] = await Promise.all([call("commit", { height: height.toString() }, signal), validators(height, signal)]);
			if (answer === undefined || set === undefined) return undefined;
			const { header, commit } = answer["signed_header"] as { readonly header: Json; readonly commit: Json };
			return { header: headerOf(header), commit: shown(commitOf(commit)), validators: set, isCanonical: answer["canonical"] === true };
		},
		async block(height, signal) {
			const answer = await call("block", { height: height.toString() }, signal);
			const block = answer?.["block"] as Json | null | undefined;
			if (block === undefined || block === null) return undefined;
			const { evidence } = block["evidence"] as { readonly evidence: readonly unknown[] };
			if (evidence.length > 0) throw new FreeholdError("upstream.failed", { what, reason: `block ${height} carries evidence, which is not exported` });
			const { txs } = block["data"] as { readonly txs: readonly string[] | null };
			return { header: headerOf(block["header"] as Json), txs: (txs ?? []).map(base64), lastCommit: commitOf(block["last_commit"] as Json) };
		},
		async broadcast(raws, signal) {
			const batch = raws.map((raw, id) => ({ jsonrpc: "2.0", id, method: "broadcast_tx_async", params: { tx: Buffer.from(raw).toString("base64") } }));
			const answers = (await ask(batch, signal)) as readonly {
				readonly id: number;
				readonly error?: { readonly data?: unknown; readonly message?: unknown };
			}[];
			if (!Array.isArray(answers)) throw new FreeholdError("upstream.failed", { what, reason: "one answer for many questions" });
			const said = new Map(answers.map(({ id, error }) => [id, error === undefined ? undefined : String(error.data ?? error.message)]));
			return raws.map((_, id) => said.get(id));
		},
		async earliest(signal) {
			const { earliest_block_height } = ((await call("status", {}, signal))?.["sync_info"] ?? {}) as Json;
			const height = BigInt((earliest_block_height as string | undefined) ?? 0);
			return height === 0n ? undefined : height;
		},
		async peers(signal) {
			return Number((await call("net_info", {}, signal))?.["n_peers"] ?? 0);
		},
		async isCatchingUp(signal) {
			const { catching_up } = ((await call("status", {}, signal))?.["sync_info"] ?? {}) as Json;
			return catching_up !== false;
		},
	};
}

function headerOf(header: Json): ConsensusHeader {
	const version = header["version"] as Json;
	return {
		versionBlock: BigInt((version["block"] as string | undefined) ?? 0),
		versionApp: BigInt((version["app"] as string | undefined) ?? 0),
		chainId: header["chain_id"] as string,
		height: BigInt(header["height"] as string),
		time: timestampOf(header["time"] as string),
		lastBlockId: blockIdOf(header["last_block_id"] as Json),
		lastCommitHash: hex(header["last_commit_hash"]),
		dataHash: hex(header["data_hash"]),
		validatorsHash: hex(header["validators_hash"]),
		nextValidatorsHash: hex(header["next_validators_hash"]),
		consensusHash: hex(header["consensus_hash"]),
		appHash: hex(header["app_hash"]),
		lastResultsHash: hex(header["last_results_hash"]),
		evidenceHash: hex(header["evidence_hash"]),
		proposerAddress: hex(header["proposer_address"]),
	};
}

function commitOf(commit: Json): Commit {
	return {
		height: BigInt(commit["height"] as string),
		round: commit["round"] as number,
		blockId: blockIdOf(commit["block_id"] as Json),
		signatures: ((commit["signatures"] as readonly Json[] | null) ?? []).map((signature): CommitSignature => {
			const flag = signature["block_id_flag"];
			if (flag !== 1 && flag !== 2 && flag !== 3) throw new FreeholdError("upstream.failed", { what: "CometBFT", reason: `a vote with flag ${String(flag)}` });
			return {
				flag,
				validatorAddress: hex(signature["validator_address"]),
				timestamp: timestampOf(signature["timestamp"] as string),
				signature: base64(signature["signature"] ?? ""),
			};
		}),
	};
}

/** As receipt files show a commit: CometBFT gives absent votes a time before the beginning of time. */
function shown(commit: Commit): Commit {
	return { ...commit, signatures: commit.signatures.map((signature) => (signature.flag === 1 ? ABSENT : signature)) };
}

function blockIdOf(id: Json): BlockId {
	const parts = id["parts"] as Json;
	return { hash: hex(id["hash"]), partsTotal: parts["total"] as number, partsHash: hex(parts["hash"]) };
}

const RFC_3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/;

/** All nine digits: they are signed. Throws `upstream.failed`. */
export function timestampOf(text: string): Timestamp {
	const [, whole, fraction = ""] = RFC_3339.exec(text) ?? [];
	const ms = whole === undefined ? Number.NaN : Date.parse(`${whole}Z`);
	if (Number.isNaN(ms)) throw new FreeholdError("upstream.failed", { what: "CometBFT", reason: `${String(text).slice(0, 50)} is no time` });
	return { seconds: BigInt(ms / 1000), nanos: Number(fraction.padEnd(9, "0")) };
}

const hex = (value: unknown): Uint8Array => fromHex(`0x${String(value ?? "").toLowerCase()}`);
const base64 = (value: unknown): Uint8Array => Uint8Array.from(Buffer.from(String(value), "base64"));
