/** Making, filling, listing and ending API keys. What is an owner's to decide is signed by the owner. */
import { decodePayment, type PaymentPayload, x402Headers } from "@freehold/payments";
import { checkSignature, spendable } from "@freehold/payments/server";
import {
	type CreateKeyBody,
	type Crypto,
	FreeholdError,
	fromHex,
	type Hex,
	isHex,
	type KeyAction,
	type KeyTerms,
	keyRequestDigest,
	keyTermsText,
	limits,
	noKey,
	parseModelName,
	toHex,
} from "@freehold/protocol";
import { type Handler, type HttpRequest, jsonResponse } from "@freehold/service";
import type { Catalogue } from "../catalogue/catalogue.js";
import type { Manifests } from "../catalogue/manifests.js";
import type { ChannelBook } from "../channels/channel-book.js";
import type { Payments } from "../payment/payments.js";
import type { GatewayEvents } from "../program/events.js";
import { type ChannelRecord, type GatewayStore, type KeyRecord, pack, unpack } from "../store/tables.js";
import { readCredential } from "../text/credentials.js";
import { type KeyBook, keyBody } from "./key-book.js";
import { checkLicences, readLicences } from "./key-licences.js";
import { changeKey, type KeyPayments } from "./key-payments.js";

export interface KeyPageModules {
	readonly chainId: number;
	readonly gateway: Hex;
	readonly store: GatewayStore;
	readonly keys: KeyBook;
	readonly keyPayments: KeyPayments;
	readonly channels: ChannelBook;
	readonly payments: Payments;
	readonly catalogue: Catalogue;
	readonly manifests: Manifests;
	readonly events: GatewayEvents;
	readonly crypto: Crypto;
	/** Unix milliseconds. */
	readonly now: () => number;
}

/** Longest time between an owner's signature and its use. */
const FRESH_MS = 300_000;
const MAX_BODY = 128 * 1024;
const NAME = 64;

/** `POST /v1/keys` */
export function createKeyPage(modules: KeyPageModules): Handler {
	return async (request) => {
		const { keys, channels, payments, store, events, now } = modules;
		const { terms, owner, issuedAt, signature, tranche, licences = [] } = readCreate(await request.json(MAX_BODY));
		checkOwner({ action: "create", owner, issuedAt, signature, key: terms.key, terms: keyTermsText(terms) }, modules);
		const existing = keys.get(terms.key);
		if (existing !== undefined) throw new FreeholdError("key.exists");
		const living = keys.ofOwner(owner).filter((key) => key.revokedAt === undefined);
		if (living.length >= limits.keysPerOwner)
			throw new FreeholdError("request.invalid", {
				field: "key",
				reason: `one account has at most ${limits.keysPerOwner} keys here; revoke one`,
				limit: limits.keysPerOwner,
			});
		const accepted = await checkLicences(licences, owner, modules);
		const call = { amount: BigInt(tranche), known: false };
		const payment = paymentOf(request);
		if (payment === undefined) return payments.demand(request, call);
		const paid = await payments.accept(payment, call);
		if ("refused" in paid) return payments.refuse(request, call, paid.refused);
		const { reservation } = paid;
		const { link } = reservation;
		const config = channels.state(terms.channelId)?.config;
		if (link.kind !== "channel" || link.channelId !== terms.channelId || config?.payer !== owner) {
			await reservation.abandon();
			throw new FreeholdError("payment.invalid", { reason: "the voucher is not for the lane that the owner named" });
		}
		try {
			const { record, lane } = await store.transact((writer) => {
				const charged = channels.state(terms.channelId)?.charged ?? 0n;
				const made = { config, charged, maxClaimableAmount: link.maxClaimableAmount, signature: link.signature } satisfies ChannelRecord;
				const key = { ...newKey(terms, owner, now()), licences: accepted };
				writer.put("channels", terms.channelId, pack(made));
				writer.put("keys", terms.key, pack(key));
				return { record: key, lane: made };
			});
			// The lane stays held for as long as the key lives.
			channels.commit(terms.channelId, lane);
			keys.put(record);
			events.keyMade(record.id, owner, record.budget);
			return jsonResponse(keyBody(record, { charged: lane.charged, signed: lane.maxClaimableAmount }, now()), 201);
		} catch (error) {
			await reservation.abandon();
			throw error;
		}
	};
}

/** `GET /v1/keys/{id}`: the id is the digest of the key, known to its holder and its owner. `current` is the key of the request itself. */
export function keyPage({ keys, keyPayments, now }: KeyPageModules): Handler {
	return ({ params, headers }) => {
		const named = params["key"] ?? "";
		const credential = named === "current" ? readCredential(headers) : undefined;
		if (credential?.kind === "none" || credential?.kind === "x402") throw new FreeholdError("key.unknown");
		const id = credential?.id ?? (named as Hex);
		const record = isHex(id, 32) ? keys.get(id) : undefined;
		if (record === undefined) throw new FreeholdError("key.notFound", { key: named });
		return jsonResponse(keyBody(record, keyPayments.lane(record.channelId), now()));
	};
}

/** `POST /v1/keys/list` */
export function listKeysPage(modules: KeyPageModules): Handler {
	return async (request) => {
		const { keys, keyPayments, now } = modules;
		const { owner, issuedAt, signature } = readOwn(await request.json(MAX_BODY));
		checkOwner({ action: "list", owner, issuedAt, signature, key: noKey, terms: "" }, modules);
		return jsonResponse({ keys: keys.ofOwner(owner).map((record) => keyBody(record, keyPayments.lane(record.channelId), now())) });
	};
}

/** `POST /v1/keys/{id}/refill`: whoever brings the owner's voucher may. */
export function refillKeyPage(modules: KeyPageModules): Handler {
	return async (request) => {
		const { keys, keyPayments, channels, store, crypto, chainId, now } = modules;
		const record = keys.named(request.params["key"]);
		const { maxClaimableAmount: most, signature } = fieldsOf(await request.json(MAX_BODY));
		if (typeof most !== "string" || !/^(0|[1-9][0-9]{0,38})$/.test(most)) throw invalid("maxClaimableAmount", "must be a decimal string");
		if (!isHex(signature, 65)) throw invalid("signature", "must be 65 bytes of lower-case 0x hex");
		if (record.revokedAt !== undefined) throw new FreeholdError("key.revoked");
		const { channelId } = record;
		const state = channels.state(channelId);
		const voucher = { channelId, maxClaimableAmount: BigInt(most), signature };
		if (state === undefined) throw new FreeholdError("channel.notFound", { channelId });
		if (!checkSignature(state.config, voucher, chainId, crypto).ok) throw refuse("the voucher is not signed by the lane's owner");
		if (voucher.maxClaimableAmount > spendable(state)) throw refuse("the channel's balance is too small");
		const lane = await store.transact((writer) => {
			const stored = writer.get("channels", channelId);
			const before = stored === undefined ? undefined : unpack<ChannelRecord>(stored);
			if (before === undefined || voucher.maxClaimableAmount <= before.maxClaimableAmount) throw refuse("a voucher that reaches further is here already");
			const after = { ...before, maxClaimableAmount: voucher.maxClaimableAmount, signature };
			writer.put("channels", channelId, pack(after));
			return after;
		});
		channels.commit(channelId, lane);
		return jsonResponse(keyBody(record, keyPayments.lane(channelId), now()));
	};
}

/** `POST /v1/keys/{id}/revoke`: in force when it is answered; calls under way end as they were begun. */
export function revokeKeyPage(modules: KeyPageModules): Handler {
	return async (request) => {
		const { keys, keyPayments, channels, store, events, now } = modules;
		const { owner, issuedAt, signature } = readOwn(await request.json(MAX_BODY));
		const record = keys.named(request.params["key"]);
		if (record.owner !== owner) throw new FreeholdError("key.notFound", { key: record.id });
		checkOwner({ action: "revoke", owner, issuedAt, signature, key: record.id, terms: "" }, modules);
		if (record.revokedAt !== undefined) return jsonResponse(keyBody(record, keyPayments.lane(record.channelId), now()));
		const revoked = await changeKey(store, keys, record.id, (current) => ({ ...current, revokedAt: now() }));
		channels.release(record.channelId);
		events.keyEnded(record.id, owner);
		return jsonResponse(keyBody(revoked, keyPayments.lane(record.channelId), now()));
	};
}

function newKey({ key, name, budget, daily, models, expiresAt, channelId }: KeyTerms, owner: Hex, now: number): KeyRecord {
	return {
		id: key,
		name,
		owner,
		channelId,
		budget: BigInt(budget),
		...(daily === undefined ? {} : { daily: BigInt(daily) }),
		...(models === undefined ? {} : { models }),
		...(expiresAt === undefined ? {} : { expiresAt }),
		createdAt: now,
		spent: 0n,
		day: 0,
		spentOnDay: 0n,
		calls: 0,
	};
}

interface Signed {
	readonly action: KeyAction;
	readonly owner: Hex;
	readonly issuedAt: number;
	readonly signature: Hex;
	readonly key: Hex;
	readonly terms: string;
}

function checkOwner({ action, owner, issuedAt, signature, key, terms }: Signed, { gateway, chainId, crypto, now }: KeyPageModules): void {
	if (Math.abs(now() - issuedAt) > FRESH_MS) throw invalid("issuedAt", "must be the present time; is the clock right?");
	const digest = keyRequestDigest({ action, gateway, terms, key, issuedAt: BigInt(issuedAt) }, chainId, crypto);
	const signer = crypto.recover(digest, fromHex(signature));
	if (signer === undefined || toHex(signer) !== owner) throw invalid("signature", "is not the owner's");
}

function paymentOf(request: HttpRequest): PaymentPayload | undefined {
	const header = request.headers[x402Headers.signature];
	return typeof header === "string" ? decodePayment(header) : undefined;
}

function readCreate(body: unknown): CreateKeyBody {
	const source = fieldsOf(body);
	const { tranche, licences } = source;
	const terms = readTerms(source["terms"]);
	if (!isAmount(tranche) || BigInt(tranche) > BigInt(terms.budget)) throw invalid("tranche", "must be an amount of at most the budget");
	return { ...readOwn(body), terms, tranche, ...(licences === undefined ? {} : { licences: readLicences(licences) }) };
}

function readTerms(value: unknown): KeyTerms {
	const { key, name, budget, daily, models, expiresAt, channelId, ...others } = fieldsOf(value);
	const stranger = Object.keys(others)[0];
	if (stranger !== undefined) throw invalid(`terms.${stranger.slice(0, 100)}`, "is not known");
	if (!isHex(key, 32)) throw invalid("terms.key", "must be the SHA-256 of the key");
	if (typeof name !== "string" || name.length > NAME) throw invalid("terms.name", `must be a text of at most ${NAME} characters`);
	if (!isAmount(budget) || budget === "0") throw invalid("terms.budget", "must be an amount above nothing");
	if (daily !== undefined && !isAmount(daily)) throw invalid("terms.daily", "must be an amount");
	if (models !== undefined && !isModelList(models)) throw invalid("terms.models", `must be at most ${limits.keyModels} names or releases of models`);
	if (expiresAt !== undefined && !(typeof expiresAt === "number" && Number.isSafeInteger(expiresAt)))
		throw invalid("terms.expiresAt", "must be Unix milliseconds");
	if (!isHex(channelId, 32)) throw invalid("terms.channelId", "must be 32 bytes of lower-case 0x hex");
	return {
		key,
		name,
		budget,
		...(daily === undefined ? {} : { daily }),
		...(models === undefined ? {} : { models }),
		...(expiresAt === undefined ? {} : { expiresAt: expiresAt as number }),
		channelId,
	};
}

function readOwn(body: unknown): { readonly owner: Hex; readonly issuedAt: number; readonly signature: Hex } {
	const { owner, issuedAt, signature } = fieldsOf(body);
	if (!isHex(owner, 20)) throw invalid("owner", "must be 20 bytes of lower-case 0x hex");
	if (typeof issuedAt !== "number" || !Number.isSafeInteger(issuedAt)) throw invalid("issuedAt", "must be Unix milliseconds");
	if (!isHex(signature, 65)) throw invalid("signature", "must be 65 bytes of lower-case 0x hex");
	return { owner, issuedAt, signature };
}

function isModelList(value: unknown): value is readonly string[] {
	return (
		Array.isArray(value) &&
		value.length > 0 &&
		value.length <= limits.keyModels &&
		value.every((model: unknown) => typeof model === "string" && (isHex(model, 32) || parseModelName(model) !== undefined))
	);
}

function isAmount(value: unknown): value is string {
	return typeof value === "string" && /^(0|[1-9][0-9]{0,38})$/.test(value);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("body", "must be a JSON object");
	return value as Readonly<Record<string, unknown>>;
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}

function refuse(reason: string): FreeholdError {
	return new FreeholdError("payment.invalid", { reason });
}
