/**
 * A batch whose vouchers do not cover it any more: a payer left while the gateway was away for longer than the notice. What is left is claimed, and the
 * gateway pays the rest into its till: owners and nodes are paid for every call that was answered, whoever was asleep.
 */

import { tillAddress } from "@freehold/payments";
import { encodeClaims } from "@freehold/payments/facilitator";
import { FreeholdError, type Hex, ownerAmount, type Price, toHex } from "@freehold/protocol";
import { type ChainClient, contracts, type Transactor } from "@freehold/sdk/chain";
import { type DigestSigner, nativeCrypto } from "@freehold/service";
import { encodeFunctionData } from "viem";
import type { GatewayEvents } from "../program/events.js";
import { type BatchRecord, type GatewayStore, recordsOf } from "../store/tables.js";
import type { BatchChannelRecord } from "./batch-log.js";
import { claimsOf } from "./seal.js";

export interface CoverModules {
	readonly gateway: Hex;
	readonly chainId: number;
	readonly signer: DigestSigner;
	readonly store: GatewayStore;
	readonly client: ChainClient;
	readonly transactor: Transactor;
	readonly priceOf: (release: Hex, version: number) => Price | undefined;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
}

/** The same batch with claims that the chain takes, after the till holds what they lack; undefined when its money is as it should be. */
export async function coverBatch(batch: BatchRecord, modules: CoverModules, signal: AbortSignal): Promise<BatchRecord | undefined> {
	const { client, gateway, store, transactor, signer, chainId, events, crashPoint } = modules;
	const till = tillAddress(gateway);
	const charged = [...recordsOf<BatchChannelRecord>(store, "batchChannels", batch.seq)];
	const [onchain, held, [claimed, settled]] = await Promise.all([
		Promise.all(charged.map(({ channelId }) => client.read(contracts.Channels, "channels", [channelId], { signal }))),
		client.balance(till, { signal }),
		client.read(contracts.Channels, "receivers", [till, contracts.OPG.address], { signal }),
	]);
	let brought = 0n;
	let cut = false;
	const possible = charged.flatMap((record, index): BatchChannelRecord[] => {
		const [balance, before] = onchain[index] ?? [0n, 0n];
		const total = record.charged < balance ? record.charged : balance;
		cut ||= total < record.charged;
		if (total <= before) return [];
		brought += total - before;
		return [{ ...record, charged: total }];
	});
	const short = costOf(batch, modules) - held - (claimed - settled) - brought;
	if (short <= 0n && !cut) return undefined;
	if (short > 0n) {
		if ((await client.balance(gateway, { signal })) < short) throw new FreeholdError("account.noFunds", { account: gateway });
		const data = encodeFunctionData({ abi: contracts.OPG.abi, functionName: "transfer", args: [till, short] });
		await transactor.send({ key: `cover:${batch.seq}:${held}`, to: contracts.OPG.address, data }, { signal });
		crashPoint("batch-covered");
		events.batchCovered(batch.seq, short);
	}
	const { claims, digest } = claimsOf(possible, chainId, nativeCrypto);
	return { ...batch, claims: encodeClaims(claims, toHex(signer.signDigest(digest))) };
}

/** What anchoring takes from the till. */
function costOf({ lines, refunds }: BatchRecord, { priceOf }: CoverModules): bigint {
	let cost = refunds.reduce((sum, refund) => sum + refund.amount, 0n);
	for (const line of lines) {
		const price = priceOf(line.release, line.priceVersion);
		cost += line.nodeFee + line.gatewayFee + (price === undefined ? 0n : ownerAmount(price, line));
	}
	return cost;
}
