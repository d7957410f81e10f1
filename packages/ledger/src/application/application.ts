/**
 * The ledger's one application object: decided consensus blocks in, EVM blocks and their hash out.
 *
 * The application hash is the hash of the latest EVM header. An EVM block is made only in a consensus block that has a transaction or misbehaviour, or when
 * `EVM_HEARTBEAT_MS` have passed since the last one: a hash that changed in every empty block would keep the consensus engine spinning.
 */
import { type Crypto, encodeEvmHeader, encodeRlp, equalBytes, FreeholdError, fromUtf8, rlpInteger, type Timestamp, utf8 } from "@freehold/protocol";
import { nextBaseFee } from "../block/base-fee.js";
import { assembleBlock, BLOCK_GAS_LIMIT, type Block } from "../block/block.js";
import { ChainStore } from "../block/chain-store.js";
import type { BlockEnv, GenesisState, StateMachine, TableWrite } from "../execution/types.js";
import { genesisState } from "../genesis/genesis.js";
import { parseGenesisFile } from "../genesis/genesis-file.js";
import { requireSameSet } from "../genesis/genesis-validators.js";
import { defaultMempoolOptions, Mempool, type SenderState } from "../mempool/mempool.js";
import { resultsInOrder } from "../pipe/delivery.js";
import { soundBody } from "../snapshot/body.js";
import type { Snapshot } from "../snapshot/snapshot.js";
import { EMPTY_CODE_HASH } from "../state/account.js";
import { keccak256 } from "../state/keccak.js";
import { decodeTransaction, hexOf } from "../transaction/decode.js";
import { checkStateless } from "../transaction/intrinsic.js";
import { type Transaction, TransactionError } from "../transaction/transaction.js";
import { executeBlock } from "./execute-block.js";
import { type Progress, progressWrite, readProgress } from "./progress.js";
import type { Application, CheckResult, DecidedBlock, FinalizedBlock, Info, Proposal, QueryResult } from "./types.js";
import { txCodes } from "./types.js";

/** Longest time without an EVM block, by the clock of consensus. */
export const EVM_HEARTBEAT_MS = 5_000;
export const APP_VERSION = 1n;

const EMPTY = new Uint8Array(0);
const GENESIS_KEY = utf8("genesis");
/** Protobuf overhead of one transaction in a block: a tag and its length. */
const TX_OVERHEAD_BYTES = 5;
const EXPIRY_INTERVAL_MS = 60_000;

export interface ApplicationOptions {
	readonly chainId: bigint;
	/** Who gets the priority fees. */
	readonly feeRecipient: Uint8Array;
}

export interface ApplicationModules {
	readonly state: StateMachine;
	readonly crypto: Pick<Crypto, "recover">;
	/** Unix milliseconds; only for the age of pooled transactions. */
	readonly now: () => number;
}

interface Finalized {
	readonly progress: Progress;
	readonly block: Block | undefined;
	readonly candidates: readonly Transaction[];
	readonly dropped: readonly Transaction[];
}

export const nanosOf = (time: Timestamp): bigint => time.seconds * 1_000_000_000n + BigInt(time.nanos);

export class LedgerApplication implements Application {
	readonly chain: ChainStore;
	readonly pool: Mempool;
	readonly chainId: bigint;
	readonly #feeRecipient: Uint8Array;
	readonly #modules: ApplicationModules;
	readonly #decoded = new WeakMap<Uint8Array, Transaction>();
	readonly #listeners = new Set<(block: Block) => void>();
	readonly #txListeners = new Set<(tx: Transaction) => void>();
	#progress: Progress | undefined;
	#finalized: Finalized | undefined;
	#expiredAt = 0;

	constructor(options: ApplicationOptions, modules: ApplicationModules) {
		this.chainId = options.chainId;
		this.#feeRecipient = options.feeRecipient;
		this.#modules = modules;
		const { state } = modules;
		this.chain = new ChainStore(state, options.chainId, modules.crypto);
		this.pool = new Mempool(
			{ ...defaultMempoolOptions, blockGasLimit: BLOCK_GAS_LIMIT },
			{ senderState: (address) => this.#senderState(address), now: modules.now },
		);
		state.setBlockHashes((number) => this.chain.hash(number));
		this.#progress = readProgress(state);
	}

	/** Called after each EVM block has become durable, in order. Returns the way to stop. */
	onBlock(listener: (block: Block) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/** Called after each transaction that has entered the pool. Returns the way to stop. */
	onTransaction(listener: (tx: Transaction) => void): () => void {
		this.#txListeners.add(listener);
		return () => this.#txListeners.delete(listener);
	}

	/** Height of the last durable consensus block; 0 before the first. */
	get height(): bigint {
		return this.#progress?.height ?? 0n;
	}

	/** Consensus time of the last EVM block, in nanoseconds. */
	get evmTimeNs(): bigint {
		return this.#progress?.evmTimeNs ?? 0n;
	}

	info(): Info {
		// Whatever was computed and not committed belongs to a driver that is gone.
		this.#drop();
		const { height } = this.#progress ?? { height: 0n };
		return { height, appHash: this.chain.isEmpty ? EMPTY : this.chain.head.hash, appVersion: APP_VERSION };
	}

	initChain(request: Parameters<Application["initChain"]>[0]): { readonly appHash: Uint8Array } {
		const file = parseGenesisFile(fromUtf8(request.appState));
		if (BigInt(file.chainId) !== this.chainId) throw new FreeholdError("chain.wrongNetwork", { actual: file.chainId, expected: this.chainId });
		requireSameSet(file.validators, request.validators);
		const genesis = genesisState(file);
		const digest = keccak256(genesisText(genesis, file.timestamp));
		const { state } = this.#modules;
		if (this.chain.isEmpty) {
			const progress = { height: 0n, evmTimeNs: nanosOf(request.time) };
			let block: Block | undefined;
			state.initGenesis(genesis, (stateRoot) => {
				block = assembleBlock(genesis.env, [], stateRoot);
				return [...this.chain.writes(block, 0n), progressWrite(progress), { table: "meta", key: GENESIS_KEY, value: digest }];
			});
			if (block === undefined) throw new Error("the state machine made no genesis");
			this.chain.committed(block);
			this.#progress = progress;
		}
		const known = state.get("meta", GENESIS_KEY);
		if (known === undefined || !equalBytes(known, digest)) {
			throw new FreeholdError("config.invalid", { option: "--genesis", reason: "this data folder holds a chain with another genesis" });
		}
		const hash = this.chain.hash(0n);
		if (hash === undefined) throw new Error("the chain has lost its genesis block");
		return { appHash: hash };
	}

	/** What two ledgers of one network agree in; undefined before genesis. */
	get genesisDigest(): Uint8Array | undefined {
		return this.#modules.state.get("meta", GENESIS_KEY);
	}

	/** Begins an empty ledger with the state after consensus block `height`. Throws, with nothing written, when the state is not the one that its header proves. */
	restore(height: bigint, snapshot: Snapshot, genesis: { readonly header: Uint8Array; readonly digest: Uint8Array }): void {
		const { state, crypto } = this.#modules;
		const { header, headers, accounts, codes, evmTimeNs } = snapshot;
		const body = soundBody(header, snapshot.body, this.chainId, crypto);
		const progress = { height, evmTimeNs };
		state.restore(header.number, header.stateRoot, accounts, codes, [
			...ChainStore.snapshotWrites([genesis.header], undefined),
			...ChainStore.snapshotWrites(headers, body),
			progressWrite(progress),
			{ table: "meta", key: GENESIS_KEY, value: genesis.digest },
		]);
		const block = this.chain.block(header.number);
		if (block === undefined) throw new Error("the restored block cannot be read");
		this.chain.committed(block);
		this.#progress = progress;
	}

	checkTx(raw: Uint8Array, rules: { readonly onlyReplayProtected?: boolean } = {}): CheckResult {
		let tx: Transaction;
		try {
			tx = this.#decode(raw);
			if (rules.onlyReplayProtected === true && tx.chainId === undefined)
				throw new TransactionError("only replay-protected (EIP-155) transactions allowed over RPC");
		} catch (error) {
			if (error instanceof TransactionError) return { code: txCodes.malformed, log: error.message, gasWanted: 0n, hash: EMPTY };
			throw error;
		}
		const admission = this.pool.add(tx);
		const { hash, gasLimit: gasWanted } = tx;
		if (admission.kind === "accepted") for (const listener of this.#txListeners) listener(tx);
		return admission.kind === "accepted" ? { code: txCodes.ok, log: "", gasWanted, hash } : { code: txCodes.invalid, log: admission.reason, gasWanted, hash };
	}

	/** The waiting transaction that these bytes are. Whoever brought it first, its signature is not looked at again when these bytes come in a block. */
	waiting(raw: Uint8Array): Transaction | undefined {
		const decoded = this.#decoded.get(raw);
		if (decoded !== undefined) return this.pool.get(decoded.id);
		const known = this.pool.get(hexOf(keccak256(raw)));
		if (known !== undefined) this.#decoded.set(raw, known);
		return known;
	}

	prepareProposal(request: Parameters<Application["prepareProposal"]>[0]): readonly Uint8Array[] {
		for (const raw of request.txs) this.checkTx(raw);
		const limits = { baseFeePerGas: this.nextBaseFee(), gasLimit: BLOCK_GAS_LIMIT, maxBytes: request.maxTxBytes, overheadBytes: TX_OVERHEAD_BYTES };
		const chosen = this.pool.select(limits);
		// An account that delegates by EIP-7702 can raise its nonce in anybody's transaction: the pool learns of it here.
		const stale = new Map<string, Uint8Array>();
		const expected = new Map<string, bigint>();
		for (const { from, sender, nonce } of chosen) {
			const next = expected.get(from) ?? this.#senderState(sender).nonce;
			if (nonce !== next) stale.set(from, sender);
			expected.set(from, next + 1n);
		}
		if (stale.size > 0) this.pool.settle(stale);
		return (stale.size > 0 ? chosen.filter(({ from }) => !stale.has(from)) : chosen).map((tx) => {
			this.#decoded.set(tx.raw, tx);
			return tx.raw;
		});
	}

	processProposal(proposal: Proposal): boolean {
		const next = new Map<string, bigint>();
		const baseFee = this.nextBaseFee();
		let gas = 0n;
		try {
			const txs = proposal.txs.map((raw) => this.#decode(raw));
			if (!resultsInOrder(txs)) return false;
			for (const tx of txs) {
				checkStateless(tx, BLOCK_GAS_LIMIT);
				gas += tx.gasLimit;
				const expected = next.get(tx.from) ?? this.#senderState(tx.sender).nonce;
				if (tx.nonce !== expected || gas > BLOCK_GAS_LIMIT || tx.maxFeePerGas < baseFee) return false;
				next.set(tx.from, expected + 1n);
			}
			return true;
		} catch (error) {
			if (error instanceof TransactionError) return false;
			throw error;
		}
	}

	finalizeBlock(decided: DecidedBlock): FinalizedBlock {
		const progress = this.#progress;
		if (progress === undefined) throw new Error("there is no genesis yet");
		if (decided.height !== progress.height + 1n) throw new Error(`block ${decided.height} does not follow ${progress.height}`);
		this.#drop();
		const timeNs = nanosOf(decided.time);
		const due = decided.txs.length > 0 || decided.misbehaviour.length > 0 || timeNs - progress.evmTimeNs >= BigInt(EVM_HEARTBEAT_MS) * 1_000_000n;
		if (!due) {
			this.#finalized = { progress: { ...progress, height: decided.height }, block: undefined, candidates: [], dropped: [] };
			return { appHash: this.chain.head.hash, txResults: [], validatorUpdates: [] };
		}
		const env = this.nextEnv(decided.time.seconds, decided.hash);
		const txs = decided.txs.map((raw) => this.#tryDecode(raw));
		const { block, txResults, candidates, dropped, validatorUpdates } = executeBlock(this.#modules.state, env, txs, decided);
		this.#finalized = { progress: { height: decided.height, evmTimeNs: timeNs }, block, candidates, dropped };
		return { appHash: block.hash, txResults, validatorUpdates };
	}

	async commit(alongside: readonly TableWrite[] = []): Promise<{ readonly retainHeight: bigint }> {
		const finalized = this.#finalized;
		if (finalized === undefined) throw new Error("no block is finalized");
		const { progress, block, candidates, dropped } = finalized;
		const writes = block === undefined ? [] : this.chain.writes(block, progress.height);
		await this.#modules.state.commit([...writes, progressWrite(progress), ...alongside]);
		this.#finalized = undefined;
		this.#progress = progress;
		if (block === undefined) return { retainHeight: 0n };
		this.chain.committed(block);
		this.#settlePool(candidates, dropped);
		for (const listener of this.#listeners) listener(block);
		return { retainHeight: 0n };
	}

	query({ path, data, height }: Parameters<Application["query"]>[0]): QueryResult {
		const at = height > 0n ? height : this.chain.head.header.number;
		const refuse = (log: string): QueryResult => ({ code: 1, log, value: EMPTY, height: at });
		const header = this.chain.header(at);
		if (header === undefined) return refuse(`there is no block ${at}`);
		if (path === "/header") return { code: 0, log: "", value: encodeEvmHeader(header), height: at };
		if (path !== "/account") return refuse("paths are /header and /account");
		if (data.length !== 20) return refuse("an address has 20 bytes");
		try {
			const account = this.#modules.state.account(data, at);
			const value = account === undefined ? EMPTY : encodeRlp([rlpInteger(account.nonce), rlpInteger(account.balance), account.storageRoot, account.codeHash]);
			return { code: 0, log: "", value, height: at };
		} catch (error) {
			if (error instanceof RangeError) return refuse(error.message);
			throw error;
		}
	}

	/** Throws pooled transactions out: those of a block that broke the execution. */
	drop(raws: readonly Uint8Array[]): void {
		this.pool.drop(raws.map((raw) => this.#tryDecode(raw)).filter((tx) => tx !== undefined));
	}

	/** Base fee of the next EVM block. Wei per gas. */
	nextBaseFee(): bigint {
		return nextBaseFee(this.chain.head.header);
	}

	/** Environment of the EVM block that would follow the head at this time. */
	nextEnv(seconds: bigint, prevRandao: Uint8Array = new Uint8Array(32)): BlockEnv {
		const { header, hash } = this.chain.head;
		return {
			chainId: this.chainId,
			number: header.number + 1n,
			// Blocks are closer together than a second; the clock of the EVM never goes back.
			timestamp: seconds > header.timestamp ? seconds : header.timestamp,
			gasLimit: BLOCK_GAS_LIMIT,
			baseFeePerGas: this.nextBaseFee(),
			coinbase: this.#feeRecipient,
			prevRandao,
			parentHash: hash,
		};
	}

	#settlePool(candidates: readonly Transaction[], dropped: readonly Transaction[]): void {
		const senders = new Map<string, Uint8Array>();
		for (const { from, sender, authorizationList } of candidates) {
			senders.set(from, sender);
			for (const { authority } of authorizationList) if (authority !== undefined) senders.set(hexOf(authority), authority);
		}
		this.pool.drop(dropped);
		this.pool.settle(senders);
		const now = this.#modules.now();
		if (now - this.#expiredAt < EXPIRY_INTERVAL_MS) return;
		this.#expiredAt = now;
		this.pool.expire();
	}

	/** Forgets a finalized block that was never committed. */
	#drop(): void {
		if (this.#finalized?.block !== undefined) this.#modules.state.discard();
		this.#finalized = undefined;
	}

	#decode(raw: Uint8Array): Transaction {
		const known = this.#decoded.get(raw);
		if (known !== undefined) return known;
		const tx = decodeTransaction(raw, this.chainId, this.#modules.crypto);
		this.#decoded.set(raw, tx);
		return tx;
	}

	#tryDecode(raw: Uint8Array): Transaction | undefined {
		try {
			return this.#decode(raw);
		} catch (error) {
			if (error instanceof TransactionError) return undefined;
			throw error;
		}
	}

	#senderState(address: Uint8Array): SenderState {
		const { state } = this.#modules;
		const account = state.account(address);
		if (account === undefined) return { nonce: 0n, balance: 0n, isContract: false };
		const { nonce, balance, codeHash } = account;
		return { nonce, balance, isContract: !equalBytes(codeHash, EMPTY_CODE_HASH) && !isDelegation(state.code(codeHash)) };
	}
}

/** EIP-7702 designator. */
function isDelegation(code: Uint8Array): boolean {
	return code.length === 23 && code[0] === 0xef && code[1] === 0x01 && code[2] === 0x00;
}

/** What two genesis files must agree in to make the same chain. */
function genesisText({ balances, calls }: GenesisState, timestamp: number): Uint8Array {
	return encodeRlp([
		rlpInteger(BigInt(timestamp)),
		balances.map(({ address, balance }) => [address, rlpInteger(balance)]),
		...(calls.length === 0 ? [] : [calls.map(({ from, to, data }) => [from, to, data])]),
	]);
}
