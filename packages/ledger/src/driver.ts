/** Who decides blocks here: this ledger's own key, or another ledger that it follows under a checkpoint. Read and checked before anything is opened. */
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Checkpoint, FreeholdError, fromHex, isHex } from "@freehold/protocol";
import { atomicWriteFile, readOrCreateKeyFile } from "@freehold/service";
import { readGenesis as readEngineGenesis } from "./engine/home.js";
import { folderSource } from "./follower/folder-source.js";
import { type BlockSource, rpcSource } from "./follower/source.js";
import { type SigningKey, signingKey } from "./sequencer/signing-key.js";

export interface DriverOptions {
	readonly data: string;
	readonly genesis: string | undefined;
	readonly sequencerKey: string | undefined;
	readonly follow: string | undefined;
	/** Folder of an exported chain. */
	readonly replay: string | undefined;
	readonly checkpoint: string | undefined;
	/** CometBFT's folder, where this ledger is a validator or follows validators. */
	readonly validatorHome: string | undefined;
	readonly cometbft: string | undefined;
}

interface Common {
	/** Bytes of the genesis file. */
	readonly genesis: Uint8Array;
	/** Key that signs the chain's blocks. */
	readonly publicKey: Uint8Array;
	/** Option to name when that key is another one than it should be. */
	readonly option: string;
}

export type Driver =
	| { readonly kind: "validates"; readonly genesis: Uint8Array; readonly chainId: string; readonly home: string; readonly program: string }
	| (Common & { readonly kind: "orders"; readonly key: SigningKey })
	| (Common & { readonly kind: "follows"; readonly checkpoint: Checkpoint; readonly source: BlockSource });

const MAX_GENESIS_BYTES = 4 * 1024 * 1024;
const GENESIS_FILE = "genesis.json";

/** Throws `config.invalid` for options that do not go together, or what the followed ledger refused with. */
export async function readDriver(options: DriverOptions, signal: AbortSignal): Promise<Driver> {
	if (options.validatorHome !== undefined) return readValidator(options, options.validatorHome);
	if (options.follow === undefined && options.replay === undefined) {
		if (options.genesis === undefined || options.sequencerKey === undefined)
			throw new FreeholdError("config.invalid", {
				option: options.genesis === undefined ? "--genesis" : "--sequencer-key",
				reason: "must be given, or a ledger to follow with --follow",
			});
		const key = signingKey(await readOrCreateKeyFile(options.sequencerKey));
		return { kind: "orders", genesis: await readGenesis(options.genesis), publicKey: key.publicKey, option: "--sequencer-key", key };
	}
	if (options.sequencerKey !== undefined)
		throw new FreeholdError("config.invalid", { option: "--sequencer-key", reason: "signs blocks, and --follow and --replay make none" });
	if (options.follow !== undefined && options.replay !== undefined)
		throw new FreeholdError("config.invalid", { option: "--replay", reason: "and --follow are two places for the same blocks: give one" });
	if (options.checkpoint === undefined) throw new FreeholdError("config.invalid", { option: "--checkpoint", reason: "must say whom to trust when following" });
	const checkpoint = await readCheckpoint(options.checkpoint);
	if (checkpoint.kind !== "sequencer")
		throw new FreeholdError("config.invalid", { option: "--checkpoint", reason: "names a set of validators; their blocks come by CometBFT" });
	const source = options.follow === undefined ? await folderSource(options.replay ?? "") : rpcSource(options.follow);
	const genesis = options.genesis === undefined ? await fetchGenesis(options.data, source, signal) : await readGenesis(options.genesis);
	return { kind: "follows", genesis, publicKey: fromHex(checkpoint.signer), option: "--checkpoint", checkpoint, source };
}

/** The genesis stands in CometBFT's, which all validators share. */
async function readValidator(options: DriverOptions, home: string): Promise<Driver> {
	const others = { "--genesis": options.genesis, "--sequencer-key": options.sequencerKey, "--follow": options.follow, "--replay": options.replay };
	for (const [option, value] of Object.entries(others))
		if (value !== undefined) throw new FreeholdError("config.invalid", { option, reason: "does not go together with --validator-home" });
	if (options.cometbft === undefined)
		throw new FreeholdError("consensus.missing", { reason: "--cometbft does not say where its program is, and none was built before" });
	const { chainId, appState } = await readEngineGenesis(home);
	return { kind: "validates", genesis: appState, chainId, home, program: options.cometbft };
}

/** Fetched once and kept. That it is the right one shows in the first block, whose header holds the hash of the state that it makes. */
async function fetchGenesis(data: string, source: BlockSource, signal: AbortSignal): Promise<Uint8Array> {
	const path = join(data, GENESIS_FILE);
	const kept = await readFile(path).catch(() => undefined);
	if (kept !== undefined) return kept;
	const text = await source.genesis(signal);
	if (text.length > MAX_GENESIS_BYTES) throw new FreeholdError("config.invalid", { option: "--follow", reason: "its genesis file is too large" });
	await mkdir(data, { recursive: true });
	await atomicWriteFile(path, text);
	return Buffer.from(text, "utf8");
}

async function readGenesis(path: string): Promise<Uint8Array> {
	let bytes: Uint8Array;
	try {
		bytes = await readFile(path);
	} catch (cause) {
		throw new FreeholdError("config.invalid", { option: "--genesis", reason: `${path} cannot be read` }, { cause });
	}
	if (bytes.length > MAX_GENESIS_BYTES)
		throw new FreeholdError("config.invalid", { option: "--genesis", reason: `${path} is larger than ${MAX_GENESIS_BYTES} bytes` });
	return bytes;
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
	const refuse = (reason: string): FreeholdError => new FreeholdError("config.invalid", { option: "--checkpoint", reason: `${path} ${reason}` });
	const text = await readFile(path, "utf8").catch(() => {
		throw refuse("cannot be read");
	});
	let file: { readonly checkpoint?: Partial<Record<string, unknown>> };
	try {
		file = JSON.parse(text) as typeof file;
	} catch {
		throw refuse("is not JSON");
	}
	const { kind, signer, validatorsHash, height, hash } = file.checkpoint ?? {};
	if (typeof height !== "number" || !Number.isSafeInteger(height) || !isHex(hash, 32)) throw refuse("holds no checkpoint");
	if (kind === "sequencer" && isHex(signer, 32)) return { kind, signer, height, hash };
	if (kind === "validators" && isHex(validatorsHash, 32)) return { kind, validatorsHash, height, hash };
	throw refuse("holds no checkpoint");
}
