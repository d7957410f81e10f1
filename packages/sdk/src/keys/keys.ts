/**
 * API keys: a program that holds one asks models on its owner's channel, without a wallet. What is at risk is one tranche: the gateway can charge no more than
 * the owner has signed for in advance, and whoever steals the key can spend no more than that.
 */
import { channelId, channelsDomain, channelTypes, decodePaymentRequired, x402Headers } from "@freehold/payments";
import type { DepositPlan } from "@freehold/payments/client";
import {
	type AcceptedLicenceBody,
	type AcceptLicencesBody,
	type CreateKeyBody,
	FreeholdError,
	gatewayRoutes,
	type Hex,
	isHex,
	type KeyAction,
	type KeyBody,
	type KeyTerms,
	keyId,
	keyRequestDomain,
	keyRequestTypes,
	keyTermsText,
	keyText,
	noKey,
	type OwnKeysBody,
	type RefillKeyBody,
} from "@freehold/protocol";
import { pause } from "../chain/deadline.js";
import { channelTerms, keyLanes, laneConfig } from "../channels/lanes.js";
import { openChannel } from "../channels/open.js";
import { type Client, readChannel } from "../client/client.js";
import { parseJson, refusalOf, urlOf } from "../client/http.js";
import type { AcceptedLicence } from "../licences/licences.js";

export interface KeyOwnOptions {
	readonly signal?: AbortSignal | undefined;
}

export interface KeyOptions extends KeyOwnOptions {
	/** Most that may ever be spent with it, in the smallest unit; put into a channel of its own when it is made. */
	readonly budget: bigint;
	/** For people. */
	readonly name?: string;
	/** Most on one day (UTC). */
	readonly daily?: bigint;
	/** Names (`namespace/name`) or releases; all models when absent. */
	readonly models?: readonly string[];
	/** Unix milliseconds. */
	readonly expiresAt?: number;
	/** Licences of the models that it is for, accepted by the account. */
	readonly licences?: readonly KeptLicence[];
	/** What is signed for in advance; default the budget, at most 5 OPG. */
	readonly tranche?: bigint;
	/** Agrees to the deposit, or throws. Default: agrees. */
	readonly confirmDeposit?: (plan: DepositPlan, amount: bigint) => void | Promise<void>;
}

/** As `licences.accept` gives it. */
export type KeptLicence = Pick<AcceptedLicence, "release" | "text" | "signature">;

export interface RefillOptions extends KeyOwnOptions {
	/** What may be charged from now on; default what is left of the budget, at most 5 OPG. */
	readonly tranche?: bigint;
}

export interface MadeKey extends KeyBody {
	/** Shown once: neither the gateway nor the owner's signature has it. */
	readonly key: string;
}

const DEFAULT_TRANCHE = 5n * 10n ** 18n;
const MAX_PAYMENTS = 4;
const FOLLOW_MS = 15_000;
const FOLLOW_STEP_MS = 200;

/**
 * @example
 * const { key } = await freehold.keys.create({ budget: 5n * 10n ** 18n, models: ["freehold/chat"] });
 */
export async function createKey(client: Client, options: KeyOptions): Promise<MadeKey> {
	const { budget, name = "", daily, models, expiresAt, signal } = options;
	const tranche = options.tranche ?? least(budget, DEFAULT_TRANCHE);
	if (budget <= 0n) throw new FreeholdError("request.invalid", { field: "budget", reason: "must be more than nothing" });
	if (tranche <= 0n || tranche > budget)
		throw new FreeholdError("request.invalid", { field: "tranche", reason: "must be more than nothing and at most the budget" });
	const terms = await channelTerms(client, signal);
	const owner = client.account().address.toLowerCase() as Hex;
	const lane = await freeLane(client, terms, owner, signal);
	const config = laneConfig(owner, terms, lane);
	const id = channelId(config, client.network.chainId, client.crypto);
	const key = keyText(client.random(32));
	const keyTerms: KeyTerms = {
		key: keyId(key, client.crypto),
		name,
		budget: budget.toString(),
		...(daily === undefined ? {} : { daily: daily.toString() }),
		...(models === undefined ? {} : { models }),
		...(expiresAt === undefined ? {} : { expiresAt }),
		channelId: id,
	};
	const signed = await sign(client, terms.gateway, "create", keyTerms.key, keyTermsText(keyTerms));
	const licences = (options.licences ?? []).map(licenceBody);
	const body: CreateKeyBody = { ...signed, terms: keyTerms, tranche: tranche.toString(), ...(licences.length === 0 ? {} : { licences }) };
	const made = await payKey(client, body, { gateway: terms.gateway, lane, budget, options });
	const { balance } = await readChannel(client.chain, id);
	const charged = BigInt(made.charged);
	await client.lanes.put({ channelId: id, config, charged, signed: charged + tranche, balance });
	return { ...made, key };
}

export async function listKeys(client: Client, { signal }: KeyOwnOptions = {}): Promise<readonly KeyBody[]> {
	const { gateway } = await channelTerms(client, signal);
	const json: OwnKeysBody = await sign(client, gateway, "list", noKey, "");
	const url = urlOf(client.network.gatewayUrl, gatewayRoutes.listKeys.path);
	const { keys } = (await client.http.json(url, { what: "The gateway", method: "POST", json, signal })) as { readonly keys?: unknown };
	if (!Array.isArray(keys)) throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "no list of keys" });
	return keys as readonly KeyBody[];
}

/** Signs for the next tranche, after filling the lane where it lacks the money. */
export async function refillKey(client: Client, id: Hex, options: RefillOptions = {}): Promise<KeyBody> {
	const { signal } = options;
	const body = await showKey(client, id, signal);
	const terms = await channelTerms(client, signal);
	const owner = client.account().address.toLowerCase() as Hex;
	const lane = laneOf(client, terms, owner, body);
	const left = BigInt(body.budget) - BigInt(body.spent);
	const tranche = options.tranche ?? least(left, DEFAULT_TRANCHE);
	if (tranche <= 0n || tranche > left)
		throw new FreeholdError("request.invalid", { field: "tranche", reason: "must be more than nothing and within what is left of the budget" });
	const config = laneConfig(owner, terms, lane);
	const known = await client.lanes.get(body.channelId);
	const signedBefore = known?.signed ?? BigInt(body.signed);
	// The gateway's word counts as far as it was signed for.
	const charged = least(BigInt(body.charged), signedBefore);
	const maxClaimableAmount = charged + tranche;
	let { balance } = await readChannel(client.chain, body.channelId);
	if (balance < maxClaimableAmount) {
		const missing = maxClaimableAmount - balance;
		const amount = missing > BigInt(terms.minDeposit) ? missing : BigInt(terms.minDeposit);
		({ balance } = await openChannel(client, { amount, lane, ...(signal === undefined ? {} : { signal }) }));
	}
	// Remembered before it leaves: a signature that was given cannot be forgotten.
	await client.lanes.put({
		channelId: body.channelId,
		config,
		charged,
		signed: maxClaimableAmount > signedBefore ? maxClaimableAmount : signedBefore,
		balance,
	});
	const signature = await client.account().signTypedData({
		domain: channelsDomain(client.network.chainId),
		types: { Voucher: channelTypes.Voucher },
		primaryType: "Voucher",
		message: { channelId: body.channelId, maxClaimableAmount },
	});
	return sendVoucher(client, id, { maxClaimableAmount: maxClaimableAmount.toString(), signature }, signal);
}

/** Keeps licences that the account accepted with one of its keys, so that the key may ask models whose owners demand it. */
export async function acceptForKey(client: Client, id: Hex, accepted: readonly KeptLicence[], { signal }: KeyOwnOptions = {}): Promise<KeyBody> {
	const url = urlOf(client.network.gatewayUrl, gatewayRoutes.acceptLicences.path, { key: id });
	const json: AcceptLicencesBody = { licences: accepted.map(licenceBody) };
	return (await client.http.json(url, { what: "The gateway", method: "POST", json, signal })) as KeyBody;
}

function licenceBody({ release, text, signature }: KeptLicence): AcceptedLicenceBody {
	return { release, text, signature };
}

/** In force when it resolves. */
export async function revokeKey(client: Client, id: Hex, { signal }: KeyOwnOptions = {}): Promise<KeyBody> {
	const { gateway } = await channelTerms(client, signal);
	const json: OwnKeysBody = await sign(client, gateway, "revoke", id, "");
	const url = urlOf(client.network.gatewayUrl, gatewayRoutes.revokeKey.path, { key: id });
	return (await client.http.json(url, { what: "The gateway", method: "POST", json, signal })) as KeyBody;
}

export async function showKey(client: Client, id: Hex, signal: AbortSignal | undefined): Promise<KeyBody> {
	if (!isHex(id, 32)) throw new FreeholdError("request.invalid", { field: "key", reason: "must be a key's id, as key list shows it" });
	return (await client.http.json(urlOf(client.network.gatewayUrl, gatewayRoutes.key.path, { key: id }), { what: "The gateway", signal })) as KeyBody;
}

interface Paying {
	readonly gateway: Hex;
	readonly lane: number;
	readonly budget: bigint;
	readonly options: KeyOptions;
}

async function payKey(client: Client, json: CreateKeyBody, { gateway, lane, budget, options }: Paying): Promise<KeyBody> {
	const url = urlOf(client.network.gatewayUrl, gatewayRoutes.createKey.path);
	const ask = (headers: Readonly<Record<string, string>>) => client.http.request(url, { what: "The gateway", json, headers, signal: options.signal });
	let answer = await ask({});
	for (let attempt = 0; attempt < MAX_PAYMENTS; attempt++) {
		const header = answer.status === 402 ? answer.header(x402Headers.required) : null;
		const required = header === null ? undefined : decodePaymentRequired(header);
		if (required === undefined) break;
		const offered = required.accepts.find(({ scheme }) => scheme === "batch-settlement");
		if (offered === undefined || BigInt(offered.amount) > BigInt(json.tranche))
			throw new FreeholdError("payment.insufficient", { given: json.tranche, needed: offered?.amount ?? "?" });
		const payment = await client.payer().payOn(required, gateway, lane, async (plan) => {
			// The whole budget goes in, so that later tranches need a signature only.
			const wanted = budget - BigInt(json.tranche) + plan.amount;
			const amount = wanted > plan.amount ? wanted : plan.amount;
			await options.confirmDeposit?.(plan, amount);
			return amount;
		});
		answer = await ask(payment.headers);
		if (answer.status === 201) {
			payment.release();
			return parseJson(answer.body) as KeyBody;
		}
		const outcome = await payment.settle({ status: answer.status, header: answer.header });
		if (outcome.result !== "retry") break;
	}
	throw refusalOf("The gateway", answer.status, parseJson(answer.body));
}

/** A lane that carries no key that lives. */
async function freeLane(client: Client, terms: Awaited<ReturnType<typeof channelTerms>>, owner: Hex, signal: AbortSignal | undefined): Promise<number> {
	const taken = new Set((await listKeys(client, { signal })).filter(({ state }) => state !== "revoked").map((key) => key.channelId));
	for (let lane = keyLanes.first; lane < keyLanes.first + keyLanes.count; lane++)
		if (!taken.has(channelId(laneConfig(owner, terms, lane), client.network.chainId, client.crypto))) return lane;
	throw new FreeholdError("request.invalid", {
		field: "key",
		reason: `one account has at most ${keyLanes.count} keys at a gateway; revoke one`,
		limit: keyLanes.count,
	});
}

function laneOf(client: Client, terms: Awaited<ReturnType<typeof channelTerms>>, owner: Hex, body: KeyBody): number {
	for (let lane = keyLanes.first; lane < keyLanes.first + keyLanes.count; lane++)
		if (channelId(laneConfig(owner, terms, lane), client.network.chainId, client.crypto) === body.channelId) return lane;
	throw new FreeholdError("key.notFound", { key: body.id });
}

async function sendVoucher(client: Client, id: Hex, json: RefillKeyBody, signal: AbortSignal | undefined): Promise<KeyBody> {
	const url = urlOf(client.network.gatewayUrl, gatewayRoutes.refillKey.path, { key: id });
	const deadline = client.now() + FOLLOW_MS;
	for (;;) {
		const answer = await client.http.request(url, { what: "The gateway", json, signal });
		const value = parseJson(answer.body);
		if (answer.status < 300) return value as KeyBody;
		// The gateway may be a block behind a deposit that was just made.
		if (answer.status !== 402 || client.now() > deadline) throw refusalOf("The gateway", answer.status, value);
		await pause(FOLLOW_STEP_MS, signal);
	}
}

async function sign(client: Client, gateway: Hex, action: KeyAction, key: Hex, terms: string): Promise<OwnKeysBody> {
	const account = client.account();
	const issuedAt = client.now();
	const signature = await account.signTypedData({
		domain: keyRequestDomain(client.network.chainId),
		types: keyRequestTypes,
		primaryType: "KeyRequest",
		message: { action, gateway, terms, key, issuedAt: BigInt(issuedAt) },
	});
	return { owner: account.address.toLowerCase() as Hex, issuedAt, signature };
}

function least(a: bigint, b: bigint): bigint {
	return a < b ? a : b;
}
