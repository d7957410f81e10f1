/** What every verb of the SDK works with: a network, a way to each of its programs, and the account that signs. */
import { type ChannelPayer, createChannelPayer, type DepositPlan, type LaneStore, memoryLaneStore, type PaymentWallet } from "@freehold/payments/client";
import { defaultCrypto } from "@freehold/proofs";
import { type Crypto, contractAddresses, FreeholdError, type Hex, type NetworkFile } from "@freehold/protocol";
import { type ChainClient, createChainClient } from "../chain/chain-client.js";
import { contracts } from "../chain/contracts.js";
import type { Fetch } from "../chain/json-rpc.js";
import type { SendingAccount, TransactionAccount } from "../chain/signer.js";
import { createTransactor, type Transactor } from "../chain/transactor.js";
import { createWalletTransactor } from "../chain/wallet-transactor.js";
import { OfferBook } from "../inference/offer-book.js";
import { createHttp, type Http } from "./http.js";
import { patiently } from "./patience.js";
import { createRegistry, type Registry } from "./registry.js";

/** Signs payments, and signs or sends transactions. An account of viem is one: `privateKeyToAccount(key)`; a wallet that only sends does too. */
export type Account = (TransactionAccount | SendingAccount) & PaymentWallet;

export interface ConnectOptions {
	/** `network.json` of a network; its gateway serves it at `/network.json`. */
	readonly network: NetworkFile;
	/** Needed by everything that pays or owns; looking and verifying do without. */
	readonly account?: Account;
	/** What the account remembers of its channels. Default: memory. */
	readonly lanes?: LaneStore;
	/** Calls in flight at once; default 4. Each has a channel of its own. */
	readonly parallelCalls?: number;
	/**
	 * How much goes into a channel when it must be opened or filled: an amount, or an answer to the plan (`false` refuses). Default: what ten calls like the
	 * one at hand can cost, or less where the account holds less. What is not used comes back when the channel is closed.
	 */
	readonly deposit?: bigint | ((plan: DepositPlan) => bigint | boolean | Promise<bigint | boolean>);
	/** True where `fetch` can send streams over HTTP/1.1 (Node can, browsers cannot): uploads then tell their progress within a file. */
	readonly streamUploads?: boolean;
	/** Default: pure JavaScript. */
	readonly crypto?: Crypto;
	readonly fetch?: Fetch;
	/** Unix milliseconds. */
	readonly now?: () => number;
	/** Cryptographically secure bytes. */
	readonly random?: (length: number) => Uint8Array;
}

/** Every verb takes one as its first argument; `connect` binds them. */
export interface Client {
	readonly network: NetworkFile;
	readonly chain: ChainClient;
	readonly registry: Registry;
	readonly offers: OfferBook;
	readonly http: Http;
	readonly crypto: Crypto;
	readonly lanes: LaneStore;
	readonly streamUploads: boolean;
	readonly now: () => number;
	readonly random: (length: number) => Uint8Array;
	/** Throws `account.required` when the client has none. */
	readonly account: () => Account;
	readonly transactor: () => Transactor;
	readonly payer: () => ChannelPayer;
}

/** Calls whose cost a new channel is filled with. */
const CALLS_IN_DEPOSIT = 10n;
/** How long a payment waits for a ledger that is started again: the gateway was there a moment ago. */
const LEDGER_PATIENCE_MS = 15_000;

/** Throws `config.invalid` when the network has other contracts than the protocol. */
export function createClient(options: ConnectOptions): Client {
	const { network, account, lanes = memoryLaneStore() } = options;
	checkContracts(network);
	const fetch: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
	const chain = createChainClient({ rpcUrl: network.rpcUrl, chainId: network.chainId, fetch });
	const now = options.now ?? Date.now;
	const random = options.random ?? ((length) => globalThis.crypto.getRandomValues(new Uint8Array(length)));
	const signer = (): Account => {
		if (account === undefined) throw new FreeholdError("account.required");
		return account;
	};
	const fromLedger = <T>(read: () => Promise<T>): Promise<T> => patiently({ deadline: now() + LEDGER_PATIENCE_MS, now }, read);
	let transactor: Transactor | undefined;
	let payer: ChannelPayer | undefined;
	return {
		network,
		chain,
		registry: createRegistry(chain, now),
		offers: new OfferBook(now),
		http: createHttp(fetch),
		crypto: options.crypto ?? defaultCrypto,
		lanes,
		streamUploads: options.streamUploads ?? false,
		now,
		random,
		account: signer,
		transactor: () => {
			transactor ??= transactorOf(chain, signer());
			return transactor;
		},
		payer: () => {
			payer ??= createChannelPayer({
				wallet: signer(),
				chainId: network.chainId,
				store: lanes,
				...(options.parallelCalls === undefined ? {} : { lanes: options.parallelCalls }),
				confirmDeposit: (plan) => decideDeposit(options.deposit, plan, () => fromLedger(() => chain.balance(signer().address.toLowerCase() as Hex))),
				readChannel: (channelId) => fromLedger(() => readChannel(chain, channelId)),
				now,
				random,
			});
			return payer;
		},
	};
}

/** Where an account can sign, the transaction is sent exactly once; one that only sends picks the nonce itself. */
function transactorOf(client: ChainClient, account: Account): Transactor {
	return "signTransaction" in account ? createTransactor({ client, signer: account }) : createWalletTransactor({ client, account });
}

/** A channel as the chain has it. */
export async function readChannel(chain: ChainClient, channelId: Hex): Promise<{ readonly balance: bigint; readonly totalClaimed: bigint }> {
	const [balance, totalClaimed] = await chain.read(contracts.Channels, "channels", [channelId]);
	return { balance, totalClaimed };
}

async function decideDeposit(wish: ConnectOptions["deposit"], plan: DepositPlan, readBalance: () => Promise<bigint>): Promise<bigint | boolean> {
	if (typeof wish === "function") return wish(plan);
	return depositFor(plan, wish ?? plan.call * CALLS_IN_DEPOSIT, await readBalance());
}

/** The wished amount, not more than the account holds, not less than the call needs. Throws `payment.insufficient`. */
export function depositFor(plan: Pick<DepositPlan, "amount">, wish: bigint, balance: bigint): bigint {
	if (balance < plan.amount) throw new FreeholdError("payment.insufficient", { given: balance, needed: plan.amount });
	const affordable = wish < balance ? wish : balance;
	return affordable > plan.amount ? affordable : plan.amount;
}

function checkContracts(network: NetworkFile): void {
	for (const [name, address] of Object.entries(contractAddresses)) {
		const given = network.contracts[name];
		if (given !== undefined && given.toLowerCase() !== address)
			throw new FreeholdError("config.invalid", { option: "network", reason: `contract ${name} is at ${given}, not at ${address}` });
	}
}
