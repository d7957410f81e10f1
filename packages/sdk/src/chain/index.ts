/** `@freehold/sdk/chain`: read the chain, follow it from a cursor, send a transaction exactly once. Runs in browsers. */
export type {
	AccountProof,
	BlockSummary,
	CallParameters,
	ChainClient,
	ChainClientOptions,
	ChainLog,
	Contract,
	LogFilter,
	ReadOptions,
	TransactionReceipt,
} from "./chain-client.js";
export { createChainClient } from "./chain-client.js";
export * from "./contracts.js";
export * from "./follow-events.js";
export * from "./intent-store.js";
export { type Fetch, type RequestOptions, RpcError } from "./json-rpc.js";
export type { BlockTag } from "./quantity.js";
export { decodeRevert, type Revert } from "./revert.js";
export type { DigestSigner, SendingAccount, Signer, TransactionAccount } from "./signer.js";
export { createTransactor, type SendOptions, type TransactionIntent, type Transactor, type TransactorOptions } from "./transactor.js";
export { createWalletTransactor } from "./wallet-transactor.js";
