/** Every JSON-RPC method: what it takes, what it gives, within which bounds. The reference page is made of this table; a test holds the code to it. */

export interface MethodEntry {
	/** Parameters in order; `?` marks those that may be left out. */
	readonly parameters: string;
	readonly gives: string;
	/** Bounds of its own, beside those of every request. */
	readonly bounds?: string;
	readonly transport?: "WebSocket";
}

const CALLS = "runs on a reading thread; gas of one block";
const BLOCK = "block?";
const TRACE =
	"`callTracer` (onlyTopCall, withLog), `prestateTracer` (diffMode, disableCode, disableStorage), `noopTracer`; otherwise steps (enableMemory, enableReturnData, disableStack, disableStorage, limit)";
const TRACE_BOUNDS = "`timeout` and at most 30 s; 16 MiB and 1,000,000 steps recorded of a transaction; 32 Mi characters";
const POLL = "256 filters in all; forgotten after 5 minutes without a poll";

export const rpcMethodTable: Readonly<Record<string, MethodEntry>> = {
	eth_chainId: { parameters: "", gives: "chain id" },
	eth_syncing: { parameters: "", gives: "false: a block is final when it is made" },
	eth_accounts: { parameters: "", gives: "an empty list: the ledger keeps no keys" },
	eth_blockNumber: { parameters: "", gives: "number of the head" },
	eth_getBlockByNumber: { parameters: "block, full?", gives: "block, or null" },
	eth_getBlockByHash: { parameters: "hash, full?", gives: "block, or null" },
	eth_getHeaderByNumber: { parameters: "block", gives: "header, or null" },
	eth_getHeaderByHash: { parameters: "hash", gives: "header, or null" },
	eth_getBlockTransactionCountByNumber: { parameters: "block", gives: "number of transactions, or null" },
	eth_getBlockTransactionCountByHash: { parameters: "hash", gives: "number of transactions, or null" },
	eth_getUncleCountByBlockNumber: { parameters: "block", gives: "0, or null: there are no uncles" },
	eth_getUncleCountByBlockHash: { parameters: "hash", gives: "0, or null: there are no uncles" },
	eth_getUncleByBlockNumberAndIndex: { parameters: "block, index", gives: "null: there are no uncles" },
	eth_getUncleByBlockHashAndIndex: { parameters: "hash, index", gives: "null: there are no uncles" },
	eth_getTransactionByHash: { parameters: "hash", gives: "transaction, waiting ones too, or null" },
	eth_getTransactionByBlockNumberAndIndex: { parameters: "block, index", gives: "transaction, or null" },
	eth_getTransactionByBlockHashAndIndex: { parameters: "hash, index", gives: "transaction, or null" },
	eth_getRawTransactionByHash: { parameters: "hash", gives: "its bytes, or 0x" },
	eth_getRawTransactionByBlockNumberAndIndex: { parameters: "block, index", gives: "its bytes, or 0x" },
	eth_getRawTransactionByBlockHashAndIndex: { parameters: "hash, index", gives: "its bytes, or 0x" },
	eth_getTransactionReceipt: { parameters: "hash", gives: "receipt, or null" },
	eth_getBlockReceipts: { parameters: "block", gives: "receipts of the block, or null" },
	eth_sendRawTransaction: { parameters: "bytes", gives: "hash", bounds: "types 0, 1, 2, 4; replay-protected; 64 nonces ahead" },
	eth_sendRawTransactionSync: {
		parameters: "bytes, milliseconds?",
		gives: "receipt (EIP-7966); code 4 with the hash at the timeout, code 6 with the nonce that is missing",
		bounds: "2 s if not given, 30 s at most; 1,000 waiting calls",
	},
	eth_getBalance: { parameters: `address, ${BLOCK}`, gives: "balance" },
	eth_getTransactionCount: { parameters: `address, ${BLOCK}`, gives: "nonce; with `pending` the one that follows what waits" },
	eth_getCode: { parameters: `address, ${BLOCK}`, gives: "code" },
	eth_getStorageAt: { parameters: `address, slot, ${BLOCK}`, gives: "32 bytes" },
	eth_getProof: { parameters: `address, slots, ${BLOCK}`, gives: "account and slots with their Merkle proofs (EIP-1186)", bounds: "1,024 slots" },
	eth_call: {
		parameters: `call, ${BLOCK}, overrides?`,
		gives: "return data; code 3 with the data of a revert. Models answer with `--live-calls` (at the head), and with placeholders without",
		bounds: `${CALLS}; with models as \`--live-calls\` and \`--live-budget\` say, 8 questions, 10 s for each of two nodes`,
	},
	eth_estimateGas: { parameters: `call, ${BLOCK}, overrides?`, gives: "least gas that suffices, to 1.5 %", bounds: `${CALLS} for each attempt` },
	eth_createAccessList: {
		parameters: `call, ${BLOCK}, overrides?`,
		gives: "accounts and slots that the call touches, and the gas it then uses",
		bounds: `${CALLS}; 8 rounds`,
	},
	eth_simulateV1: {
		parameters: `{blockStateCalls, traceTransfers?, validation?, returnFullTransactions?}, ${BLOCK}`,
		gives: "the blocks that these calls would make, with what each call returned",
		bounds: "runs on a reading thread; 256 blocks, 1,000 calls, gas of one block in all, 32 Mi characters",
	},
	eth_gasPrice: { parameters: "", gives: "base fee of the next block and the usual tip" },
	eth_maxPriorityFeePerGas: { parameters: "", gives: "the usual tip of the last 20 blocks" },
	eth_blobBaseFee: { parameters: "", gives: "1: there are no blobs" },
	eth_feeHistory: {
		parameters: "count, newest block, percentiles?",
		gives: "base fees, fullness, tips by percentile",
		bounds: "1,024 blocks, 100 percentiles",
	},
	eth_getLogs: { parameters: "filter", gives: "logs", bounds: "`logRangeBlocks`, `logResults`; 256 addresses, 256 topics for each position" },
	eth_newFilter: { parameters: "filter", gives: "id", bounds: POLL },
	eth_newBlockFilter: { parameters: "", gives: "id", bounds: POLL },
	eth_newPendingTransactionFilter: { parameters: "", gives: "id", bounds: `${POLL}; 10,000 hashes between two polls` },
	eth_getFilterChanges: { parameters: "id", gives: "what came since the last poll" },
	eth_getFilterLogs: { parameters: "id", gives: "all logs of the filter", bounds: "as `eth_getLogs`" },
	eth_uninstallFilter: { parameters: "id", gives: "whether there was one" },
	eth_subscribe: {
		parameters: "newHeads | logs, filter? | newPendingTransactions, full?",
		gives: "id; then notifications",
		bounds: "16 for a connection; who does not read 16 MiB is cut off",
		transport: "WebSocket",
	},
	eth_unsubscribe: { parameters: "id", gives: "true", transport: "WebSocket" },
	txpool_content: { parameters: "", gives: "waiting transactions by sender and nonce", bounds: "5,000 transactions, 16 MiB" },
	txpool_contentFrom: { parameters: "address", gives: "one sender's waiting transactions" },
	txpool_inspect: { parameters: "", gives: "as `txpool_content`, a line for each", bounds: "5,000 transactions, 16 MiB" },
	txpool_status: { parameters: "", gives: "how many are pending, how many queued" },
	debug_getRawHeader: { parameters: "block or hash", gives: "RLP of the header" },
	debug_getRawBlock: { parameters: "block or hash", gives: "RLP of the block" },
	debug_getRawTransaction: { parameters: "hash", gives: "its bytes, or 0x" },
	debug_getRawReceipts: { parameters: "block or hash", gives: "the bytes that the receipts root is made of" },
	debug_traceTransaction: { parameters: "hash, tracer?", gives: TRACE, bounds: TRACE_BOUNDS },
	debug_traceCall: { parameters: `call, ${BLOCK}, tracer with overrides?`, gives: TRACE, bounds: TRACE_BOUNDS },
	debug_traceBlockByNumber: { parameters: "block, tracer?", gives: "a trace for each transaction", bounds: TRACE_BOUNDS },
	debug_traceBlockByHash: { parameters: "hash, tracer?", gives: "a trace for each transaction", bounds: TRACE_BOUNDS },
	net_version: { parameters: "", gives: "chain id, decimal" },
	net_listening: { parameters: "", gives: "true" },
	net_peerCount: { parameters: "", gives: "0" },
	web3_clientVersion: { parameters: "", gives: "name and version" },
	web3_sha3: { parameters: "bytes", gives: "Keccak-256" },
	rpc_modules: { parameters: "", gives: "the groups of methods" },
	freehold_status: {
		parameters: "",
		gives: "chain id, heights, signer or set, the first consensus block that it has (fit for a checkpoint), and whether a validator's engine runs or is away",
	},
	freehold_getLightBlock: { parameters: "height, decimal", gives: "header, commit and validators as in a receipt file, or null" },
	freehold_getProofBlock: { parameters: "block number", gives: "EVM header and the consensus block that proves it, or null" },
	freehold_modelRequests: {
		parameters: "operator, number, milliseconds",
		gives: "calls of contracts that this operator has to open or to answer, numbered above the given one; waits for the first",
		bounds: "64 requests; 30 s; 256 waiting calls; only where blocks are ordered",
	},
	freehold_liveRequests: {
		parameters: "operator, milliseconds, time, signature",
		gives: "what models this operator is asked by calls without a transaction, each once; waits for the first. The signature is over `liveOfferDigest`",
		bounds: "30 s; enrolled operators, one waiting call each; only with `--live-calls`",
	},
	freehold_answerLive: {
		parameters: "answer, signature",
		gives: "true: it is what somebody waits for, and signed by the operator that was asked. The signature is over `liveAnswerDigest`",
		bounds: "8 KiB of output; only with `--live-calls`",
	},
	freehold_waitForBlock: {
		parameters: "number, milliseconds",
		gives: "number of the head once it is greater, or at the timeout",
		bounds: "30 s; 1,000 waiting calls",
	},
};

/** The groups, as `rpc_modules` lists them. */
export function methodGroups(): Readonly<Record<string, string>> {
	const groups = new Set(Object.keys(rpcMethodTable).map((name) => name.slice(0, name.indexOf("_"))));
	return Object.fromEntries([...groups].sort().map((name) => [name, "1.0"]));
}
