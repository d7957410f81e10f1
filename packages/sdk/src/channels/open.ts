/** Putting money into a channel: one signature over the transfer, one transaction that carries it. */
import { channelId, channelTypes, depositNonce } from "@freehold/payments";
import { depositCall } from "@freehold/payments/facilitator";
import { contractAddresses, FreeholdError, type Hex, toHex } from "@freehold/protocol";
import { type Client, readChannel } from "../client/client.js";
import { channelTerms, laneConfig } from "./lanes.js";

export interface OpenOptions {
	/** In the smallest unit. */
	readonly amount: bigint;
	/** Default 0, the first that calls use. */
	readonly lane?: number;
	readonly signal?: AbortSignal;
}

export interface Opened {
	readonly channelId: Hex;
	readonly gateway: Hex;
	readonly deposited: bigint;
	/** In the channel now. */
	readonly balance: bigint;
	readonly transaction: Hex;
}

const VALIDITY_SECONDS = 300;

/**
 * Fills the account's first channel at the network's gateway, opening it when it is new. Calls open one by themselves without a transaction of the
 * account's; this is for a larger deposit, made at a moment of one's own choosing.
 *
 * @example
 * await freehold.channels.open({ amount: 50n * 10n ** 18n });
 */
export async function openChannel(client: Client, { amount, lane = 0, signal }: OpenOptions): Promise<Opened> {
	const account = client.account();
	const payer = account.address.toLowerCase() as Hex;
	const terms = await channelTerms(client, signal);
	const least = BigInt(terms.minDeposit);
	if (amount < least) throw new FreeholdError("payment.insufficient", { given: amount, needed: least });
	const config = laneConfig(payer, terms, lane);
	const id = channelId(config, client.network.chainId, client.crypto);
	const salt = toHex(client.random(32));
	const validBefore = BigInt(Math.floor(client.now() / 1000) + VALIDITY_SECONDS);
	const signature = await account.signTypedData({
		domain: { name: terms.token.name, version: terms.token.version, chainId: client.network.chainId, verifyingContract: terms.token.address },
		types: { ReceiveWithAuthorization: channelTypes.ReceiveWithAuthorization },
		primaryType: "ReceiveWithAuthorization",
		message: {
			from: payer,
			to: contractAddresses.Erc3009DepositCollector,
			value: amount,
			validAfter: 0n,
			validBefore,
			nonce: depositNonce(id, salt, client.crypto),
		},
	});
	const call = depositCall(config, { method: "eip3009", amount, validAfter: 0n, validBefore, salt, signature });
	const receipt = await client.transactor().send({ key: `deposit ${salt}`, ...call }, { signal });
	const { balance, totalClaimed } = await readChannel(client.chain, id);
	const known = await client.lanes.get(id);
	await client.lanes.put({ channelId: id, config, charged: known?.charged ?? totalClaimed, signed: known?.signed ?? totalClaimed, balance });
	return { channelId: id, gateway: terms.gateway, deposited: amount, balance, transaction: receipt.hash };
}
