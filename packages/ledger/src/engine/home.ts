/**
 * The folder in which CometBFT keeps what is a validator's own: two keys, what it signed last, its settings, the genesis of the network.
 *
 * `config/priv_validator_key.json` signs votes and must be in one place only; `data/priv_validator_state.json` says what was signed and must never be older than
 * the truth (a validator that signs twice is slashed); `config/node_key.json` names the node to its peers.
 */
import { readFileSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError, toHex, validatorAddress } from "@freehold/protocol";
import { atomicWriteFile, generatePrivateKey } from "@freehold/service";
import { BLOCK_GAS_LIMIT } from "../block/block.js";
import { MAX_BLOCK_BYTES } from "../sequencer/consensus-block.js";
import { type SigningKey, signingKey } from "../sequencer/signing-key.js";

/** What others must know of a validator to name it in a genesis and to connect to it. */
export interface ValidatorIdentity {
	/** Ed25519, 32 bytes. */
	readonly publicKey: Uint8Array;
	/** Name among peers: `id@host:port`. */
	readonly nodeId: string;
}

/** Settings for one machine, or for a network between machines. */
export type Pace = "local" | "public";

const NODE_KEY = "config/node_key.json";
const SIGNING_KEY = "config/priv_validator_key.json";
const SIGNED = "data/priv_validator_state.json";
const GENESIS = "config/genesis.json";
const CONFIG = "config/config.toml";
const MAX_GENESIS_BYTES = 4 * 1024 * 1024;

/** Makes keys and settings where they are missing, and tells who this validator is. */
export async function prepareHome(home: string, pace: Pace): Promise<ValidatorIdentity> {
	await mkdir(join(home, "config"), { recursive: true, mode: 0o700 });
	await mkdir(join(home, "data"), { recursive: true, mode: 0o700 });
	const signing = await readOrMakeKey(join(home, SIGNING_KEY), (seed, publicKey) => ({
		address: hexUpper(validatorAddress(publicKey)),
		pub_key: { type: "tendermint/PubKeyEd25519", value: base64(publicKey) },
		priv_key: { type: "tendermint/PrivKeyEd25519", value: base64(Buffer.concat([seed, publicKey])) },
	}));
	const node = await readOrMakeKey(join(home, NODE_KEY), (seed, publicKey) => ({
		priv_key: { type: "tendermint/PrivKeyEd25519", value: base64(Buffer.concat([seed, publicKey])) },
	}));
	if ((await text(join(home, SIGNED))) === undefined)
		await atomicWriteFile(join(home, SIGNED), `${JSON.stringify({ height: "0", round: 0, step: 0 })}\n`, 0o600);
	if ((await text(join(home, CONFIG))) === undefined) await atomicWriteFile(join(home, CONFIG), settings(pace));
	return { publicKey: signing, nodeId: toHex(validatorAddress(node)).slice(2) };
}

/** The key that signs a home's votes. Throws `config.invalid` where there is none. */
export async function readValidatorKey(home: string): Promise<SigningKey> {
	const path = join(home, SIGNING_KEY);
	const known = await text(path);
	if (known === undefined) throw new FreeholdError("config.invalid", { option: "HOME", reason: `${path} cannot be read: freehold validator init makes one` });
	return signingKey(secretOf(path, known).subarray(0, 32));
}

/** True for a home whose key has signed nothing as far as its own record says: a new one, or a copy without the record. */
export function hasSignedNothing(home: string): boolean {
	try {
		const { height } = JSON.parse(readFileSync(join(home, SIGNED), "utf8")) as { readonly height?: unknown };
		return height === "0" || height === undefined;
	} catch {
		return true;
	}
}

export interface EngineGenesis {
	readonly chainId: string;
	/** Unix seconds. */
	readonly timestamp: number;
	readonly validators: readonly { readonly publicKey: Uint8Array; readonly power: bigint; readonly name: string }[];
	/** The ledger's own genesis file, parsed. */
	readonly appState: unknown;
}

/** Evidence of a double signature counts for this long; unbonding takes longer. */
const EVIDENCE_AGE_DAYS = 14;
const NS_PER_DAY = 86_400_000_000_000n;

/** Text of the genesis that all validators must share: equal input gives equal bytes. */
export function engineGenesis({ chainId, timestamp, validators, appState }: EngineGenesis): string {
	const genesis = {
		genesis_time: new Date(timestamp * 1000).toISOString().replace(".000Z", "Z"),
		chain_id: chainId,
		initial_height: "1",
		consensus_params: {
			block: { max_bytes: String(MAX_BLOCK_BYTES), max_gas: String(BLOCK_GAS_LIMIT) },
			evidence: { max_age_num_blocks: "100000", max_age_duration: String(BigInt(EVIDENCE_AGE_DAYS) * NS_PER_DAY), max_bytes: "1048576" },
			validator: { pub_key_types: ["ed25519"] },
			version: { app: "1" },
			abci: { vote_extensions_enable_height: "0" },
		},
		validators: validators.map(({ publicKey, power, name }) => ({
			address: hexUpper(validatorAddress(publicKey)),
			pub_key: { type: "tendermint/PubKeyEd25519", value: base64(publicKey) },
			power: power.toString(),
			name,
		})),
		app_hash: "",
		app_state: appState,
	};
	return `${JSON.stringify(genesis, null, 2)}\n`;
}

export async function writeGenesis(home: string, genesis: string): Promise<void> {
	await atomicWriteFile(join(home, GENESIS), genesis);
}

/** What the ledger needs of a home's genesis. Throws `config.invalid` naming the field. */
export async function readGenesis(
	home: string,
): Promise<{ readonly chainId: string; readonly appState: Uint8Array; readonly publicKeys: readonly Uint8Array[] }> {
	const path = join(home, GENESIS);
	const refuse = (reason: string): FreeholdError => new FreeholdError("config.invalid", { option: "--validator-home", reason: `${path} ${reason}` });
	const source = await text(path);
	if (source === undefined) throw refuse("cannot be read");
	if (source.length > MAX_GENESIS_BYTES) throw refuse(`is larger than ${MAX_GENESIS_BYTES} bytes`);
	let file: { readonly chain_id?: unknown; readonly app_state?: unknown; readonly validators?: unknown };
	try {
		file = JSON.parse(source) as typeof file;
	} catch {
		throw refuse("is not JSON");
	}
	const { chain_id: chainId, app_state: appState, validators } = file;
	if (typeof chainId !== "string" || chainId === "") throw refuse("names no chain_id");
	if (typeof appState !== "object" || appState === null) throw refuse("holds no app_state");
	if (!Array.isArray(validators) || validators.length === 0) throw refuse("names no validators");
	const publicKeys = validators.map((entry: unknown, index) => {
		const value = (entry as { readonly pub_key?: { readonly value?: unknown } } | null)?.pub_key?.value;
		const key = typeof value === "string" ? Buffer.from(value, "base64") : Buffer.alloc(0);
		if (key.length !== 32) throw refuse(`names no Ed25519 key in validators[${index}]`);
		return Uint8Array.from(key);
	});
	return { chainId, appState: Buffer.from(JSON.stringify(appState), "utf8"), publicKeys };
}

export interface SnapshotSource {
	/** JSON-RPC of at least two engines that are asked for headers, `http://host:port`. */
	readonly servers: readonly string[];
	/** A height and its header's hash that are trusted: of a checkpoint, or of an operator. */
	readonly height: bigint;
	readonly hash: Uint8Array;
}

/** Lets an engine that has no blocks yet begin from a snapshot of its peers. */
export async function joinBySnapshot(home: string, { servers, height, hash }: SnapshotSource): Promise<void> {
	const path = join(home, CONFIG);
	const known = (await text(path)) ?? "";
	if (known.includes("[statesync]")) return;
	const section = `
[statesync]
enable = true
rpc_servers = "${servers.join(",")}"
trust_height = ${height}
trust_hash = "${hexUpper(hash)}"
trust_period = "168h0m0s"
discovery_time = "5s"
chunk_request_timeout = "10s"
`;
	await atomicWriteFile(path, known + section);
}

/** True for a home that begins from a snapshot where there are no blocks yet. */
export async function joinsBySnapshot(home: string): Promise<boolean> {
	return /\[statesync\]\s*enable = true/.test((await text(join(home, CONFIG))) ?? "");
}

/** Only what differs from CometBFT's own defaults, which hold for the rest. Addresses and peers are the ledger's options. */
function settings(pace: Pace): string {
	const local = pace === "local";
	return `# What differs from CometBFT's defaults. Addresses and peers are options of the ledger.
log_level = "error"
log_format = "json"

[p2p]
${local ? 'addr_book_strict = false\nallow_duplicate_ip = true\npex = false\nflush_throttle_timeout = "5ms"' : 'flush_throttle_timeout = "10ms"'}

[rpc]
max_request_batch_size = 512
max_body_bytes = 8000000

[mempool]
size = 32768
max_txs_bytes = 67108864
cache_size = 65536
max_tx_bytes = 262144

[consensus]
# Empty blocks carry the clock; a block with transactions does not wait for them.
create_empty_blocks = ${local ? "false" : "true"}
create_empty_blocks_interval = "${local ? "1s" : "0s"}"
${local ? '# The next block waits for the last vote, and not for long: who is slow would seem to be away.\ntimeout_commit = "50ms"\nskip_timeout_commit = true' : 'timeout_commit = "1s"'}
${local ? '# A validator that is away is passed over soon.\ntimeout_propose = "1s"\ntimeout_prevote = "300ms"\ntimeout_precommit = "300ms"' : ""}
peer_gossip_sleep_duration = "${local ? "5ms" : "10ms"}"

[tx_index]
# The ledger has its own.
indexer = "null"
`;
}

type KeyFile = (seed: Uint8Array, publicKey: Uint8Array) => Readonly<Record<string, unknown>>;

/** Public key of a key file in CometBFT's form. Throws `config.invalid` for a file that holds none. */
async function readOrMakeKey(path: string, form: KeyFile): Promise<Uint8Array> {
	const known = await text(path);
	if (known === undefined) {
		const seed = generatePrivateKey();
		const { publicKey } = signingKey(seed);
		await atomicWriteFile(path, `${JSON.stringify(form(seed, publicKey), null, 2)}\n`, 0o600);
		return publicKey;
	}
	return Uint8Array.from(secretOf(path, known).subarray(32));
}

/** Seed and public key of a key file. */
function secretOf(path: string, known: string): Uint8Array {
	try {
		const { priv_key } = JSON.parse(known) as { readonly priv_key: { readonly value: string } };
		const bytes = Buffer.from(priv_key.value, "base64");
		if (bytes.length === 64) return bytes;
	} catch {
		// Told below.
	}
	throw new FreeholdError("config.invalid", { option: "--validator-home", reason: `${path} holds no Ed25519 key in CometBFT's form` });
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const hexUpper = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex").toUpperCase();
const text = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(() => undefined);
