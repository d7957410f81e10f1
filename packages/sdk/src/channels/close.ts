/** Getting back what is left in channels: at once together with the gateway, or alone after the notice that the channel states. */
import type { Lane } from "@freehold/payments/client";
import { FreeholdError, gatewayRoutes, type Hex } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts } from "../chain/contracts.js";
import { type Client, readChannel } from "../client/client.js";
import { parseJson, refusalOf, urlOf } from "../client/http.js";
import { findLanes } from "./lanes.js";
import { chargedAt } from "./show.js";

export interface CloseOptions {
	/** Default: all channels of the account. */
	readonly channelId?: Hex;
	/** Begin the exit alone where the gateway does not give back by itself; default true. */
	readonly alone?: boolean;
	readonly signal?: AbortSignal;
}

export type Closed =
	/** The money is back. */
	| { readonly channelId: Hex; readonly result: "returned"; readonly amount: bigint }
	/** The exit has begun; close again after `from` (Unix milliseconds). */
	| { readonly channelId: Hex; readonly result: "leaving"; readonly amount: bigint; readonly from: number }
	| { readonly channelId: Hex; readonly result: "empty"; readonly amount: 0n };

/** Longer than the gateway waits for a batch that still has to be anchored. */
const REFUND_TIMEOUT_MS = 60_000;
/** A gateway claims with each batch. */
const CLAIM_WAIT_MS = 20_000;
const BLOCK_WAIT_MS = 1_000;

/**
 * @example
 * for (const { amount } of await freehold.channels.close()) console.log(amount);
 */
export async function closeChannels(client: Client, { channelId, alone = true, signal }: CloseOptions = {}): Promise<readonly Closed[]> {
	const lanes = (await findLanes(client, signal)).filter((lane) => channelId === undefined || lane.channelId === channelId);
	const closed: Closed[] = [];
	for (const lane of lanes) closed.push(await closeOne(client, lane, alone, signal));
	return closed;
}

async function closeOne(client: Client, lane: Lane, alone: boolean, signal: AbortSignal | undefined): Promise<Closed> {
	const { channelId, config } = lane;
	const charged = await agreedCharge(client, lane, signal);
	const before = await readChannel(client.chain, channelId);
	if (before.balance <= charged) {
		await client.lanes.put({ ...lane, balance: before.balance, charged });
		return { channelId, result: "empty", amount: 0n };
	}
	const [pending, initiatedAt] = await client.chain.read(contracts.Channels, "pendingWithdrawals", [channelId], { signal });
	const endsAt = (initiatedAt + config.withdrawDelay) * 1000;
	if (initiatedAt !== 0 && client.now() > endsAt) return finish(client, lane, before.balance, signal);
	const refused = await together(client, { ...lane, charged }, signal);
	if (refused === undefined) {
		const after = await readChannel(client.chain, channelId);
		await client.lanes.put({ ...lane, balance: after.balance, charged });
		return { channelId, result: "returned", amount: before.balance - after.balance };
	}
	if (!alone || refused.code === "request.aborted") throw refused;
	if (initiatedAt !== 0) return { channelId, result: "leaving", amount: pending, from: endsAt };
	const { address, abi } = contracts.Channels;
	const amount = before.balance - charged;
	const data = encodeFunctionData({ abi, functionName: "initiateWithdraw", args: [config, amount] });
	await client.transactor().send({ key: `leave ${channelId} ${client.now()}`, to: address, data }, { signal });
	return { channelId, result: "leaving", amount, from: client.now() + config.withdrawDelay * 1000 };
}

/**
 * What both sides agree was charged. The gateway's figure counts as far as this account signed for it; where the account has forgotten what it signed, the
 * chain tells as soon as the gateway has claimed it, which is within a batch.
 */
async function agreedCharge(client: Client, lane: Lane, signal: AbortSignal | undefined): Promise<bigint> {
	const theirs = await chargedAt(client, lane.channelId, signal);
	const deadline = client.now() + CLAIM_WAIT_MS;
	for (let head = 0n; ; head = await client.chain.waitForBlock(head, { timeoutMs: BLOCK_WAIT_MS, signal })) {
		const { totalClaimed } = await readChannel(client.chain, lane.channelId);
		if (theirs !== undefined && (theirs <= lane.signed || theirs <= totalClaimed)) return theirs > totalClaimed ? theirs : totalClaimed;
		const known = lane.charged > totalClaimed ? lane.charged : totalClaimed;
		if (theirs === undefined || client.now() > deadline) return known;
	}
}

/** Asks the gateway to give back the rest. Gives its refusal, undefined when it did. */
async function together(client: Client, lane: Lane, signal: AbortSignal | undefined): Promise<FreeholdError | undefined> {
	try {
		const url = urlOf(client.network.gatewayUrl, gatewayRoutes.channelRefund.path, { channelId: lane.channelId });
		const headers = await client.payer().refund(lane);
		const answer = await client.http.request(url, { what: "The gateway", method: "POST", headers, json: {}, timeoutMs: REFUND_TIMEOUT_MS, signal });
		return answer.status < 300 ? undefined : refusalOf("The gateway", answer.status, parseJson(answer.body));
	} catch (error) {
		if (error instanceof FreeholdError) return error;
		throw error;
	}
}

async function finish(client: Client, lane: Lane, balance: bigint, signal: AbortSignal | undefined): Promise<Closed> {
	const { address, abi } = contracts.Channels;
	const data = encodeFunctionData({ abi, functionName: "finalizeWithdraw", args: [lane.config] });
	await client.transactor().send({ key: `left ${lane.channelId} ${client.now()}`, to: address, data }, { signal });
	const after = await readChannel(client.chain, lane.channelId);
	await client.lanes.put({ ...lane, balance: after.balance });
	return { channelId: lane.channelId, result: "returned", amount: balance - after.balance };
}
