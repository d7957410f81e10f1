/** Assembles a gateway: every part once, in one place, in the order in which they need each other. */
import { tillAddress } from "@freehold/payments";
import { opgToken, type TillTerms } from "@freehold/payments/server";
import { gatewayRoutes, type Hex, modelFormats, networkOf } from "@freehold/protocol";
import { type ChainClient, contracts, createTransactor, type Transactor } from "@freehold/sdk/chain";
import { type DigestSigner, errorResponse, nativeCrypto, OperatorKey, type RouteBinding } from "@freehold/service";
import type { Logger } from "pino";
import { Anchorer } from "../anchoring/anchorer.js";
import { BatchLog } from "../anchoring/batch-log.js";
import { TracedCalls } from "../anchoring/traced-calls.js";
import { Catalogue } from "../catalogue/catalogue.js";
import { Manifests } from "../catalogue/manifests.js";
import { Follower } from "../chain/follower.js";
import { ChannelBook } from "../channels/channel-book.js";
import { refundPage } from "../channels/refunds.js";
import { FairQueue } from "../inference/fair-queue.js";
import { Idempotency } from "../inference/idempotency.js";
import { inference } from "../inference/inference.js";
import { Ordering } from "../inference/ordering.js";
import { Places } from "../inference/places.js";
import { KeyBook } from "../keys/key-book.js";
import { acceptLicencesPage } from "../keys/key-licences.js";
import { createKeyPage, keyPage, listKeysPage, refillKeyPage, revokeKeyPage } from "../keys/key-pages.js";
import { KeyPayments } from "../keys/key-payments.js";
import type { Need } from "../nodes/capability.js";
import { Operators } from "../nodes/operators.js";
import { allowNeighbours } from "../nodes/reach.js";
import { Roster } from "../nodes/roster.js";
import { callPage } from "../pages/calls.js";
import { channelPage, channelTermsPage } from "../pages/channels.js";
import { faucetPage } from "../pages/faucet.js";
import { networkPage } from "../pages/network.js";
import { quotePage } from "../pages/quotes.js";
import { rootPage } from "../pages/root.js";
import { ChannelPayments } from "../payment/channel-payments.js";
import { ExactPayments } from "../payment/exact-payments.js";
import { Payments } from "../payment/payments.js";
import { rememberingCrypto } from "../payment/signatures.js";
import { Orphans } from "../recovery/orphans.js";
import type { RecoveryModules } from "../recovery/recovery.js";
import { durableIntents } from "../store/intents.js";
import type { GatewayStore } from "../store/tables.js";
import { textDoors } from "../text/doors.js";
import type { GatewayEvents } from "./events.js";

export interface GatewayOptions {
	readonly chainId: number;
	readonly storageUrl: string;
	readonly hubUrl: string | undefined;
	readonly networkFile: string | undefined;
	/** Smallest unit, a call. */
	readonly gatewayFee: bigint;
	readonly minDeposit: bigint;
	/** Seconds. */
	readonly withdrawDelay: number;
	readonly batchAgeMs: number;
	readonly callTimeoutMs: number;
	readonly textTimeoutMs: number;
	/** What a second less of waiting may cost at a dearer node, smallest unit. */
	readonly secondPrice: bigint;
	readonly maxCalls: number;
	/** Of language models at one time; further ones wait in turns of their payers. */
	readonly maxTextCalls: number;
}

/** What comes from outside. */
export interface GatewayModules {
	readonly store: GatewayStore;
	readonly client: ChainClient;
	/** Of the operator: its address is the gateway's. */
	readonly signer: DigestSigner;
	/** A key that signs orders in its place, once it is there and registered. */
	readonly orderKeyFile: string;
	readonly transactor: Transactor;
	/** Account that gives money for trying; undefined where there is none. */
	readonly faucet: DigestSigner | undefined;
	readonly log: Logger;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
	/** Unix milliseconds. */
	readonly now: () => number;
	readonly random: (length: number) => Uint8Array;
	readonly publicUrl: () => string;
}

export interface Gateway {
	readonly bindings: readonly RouteBinding[];
	readonly follower: Follower;
	readonly anchorer: Anchorer;
	readonly batches: BatchLog;
	readonly recovery: RecoveryModules;
	readonly catalogue: Catalogue;
	readonly rankedNodes: () => number;
	/** Pays what was given up and answered all the same. */
	readonly orphans: Orphans;
	/** Key that signs orders now. */
	readonly orderKey: OperatorKey;
	/** Whether nodes believe what it signs. */
	readonly isOrderKeyValid: () => boolean;
	/** Looks at the nodes until the signal says so. */
	readonly look: (signal: AbortSignal) => Promise<void>;
}

/** Seconds that a payment's signature is asked to be valid. */
const PAYMENT_TIMEOUT_S = 120;
/** A new key waits this long, so that nodes some blocks behind know it too. */
const KEY_SETTLE_SECONDS = 8;
/** The node's time, the payment's and the answer's. */
const CALL_MARGIN_MS = 25_000;

/** Reads what the chain expects of this gateway next, and puts everything together. */
export async function createGateway(options: GatewayOptions, modules: GatewayModules): Promise<Gateway> {
	const { chainId, storageUrl, gatewayFee } = options;
	if (networkOf(chainId)?.development === true) allowNeighbours();
	const { store, client, signer, transactor, events, crashPoint, now, random, publicUrl, log } = modules;
	const gateway: Hex = signer.address;
	const till = tillAddress(gateway);
	const [nextSeq, protocolFeeBps, minBond] = await Promise.all([
		client.read(contracts.UsageLedger, "nextSeq", [gateway]),
		client.read(contracts.UsageLedger, "protocolFeeBps", []),
		client.read(contracts.NodeRegistry, "minBond", []),
	]);
	// Waits are measured by a clock that nobody sets: after a jump of the wall clock a batch would wait for a day, or a node rest for one.
	const began = now() - performance.now();
	const steady = (): number => began + performance.now();
	const terms: TillTerms = {
		chainId,
		payTo: till,
		gateway,
		receiverAuthorizer: gateway,
		withdrawDelay: options.withdrawDelay,
		minDeposit: options.minDeposit,
		maxTimeoutSeconds: PAYMENT_TIMEOUT_S,
		token: opgToken,
	};

	const catalogue = new Catalogue(store);
	const manifests = new Manifests(storageUrl, store);
	const operators = new Operators(store, minBond);
	const tracedCalls = new TracedCalls(now);
	const batches = new BatchLog(store, Number(nextSeq), steady);
	const channels = new ChannelBook(store, till, {
		withdrawing: (channelId) => {
			events.channelLeaving(channelId);
			batches.close();
		},
	});
	const follower = new Follower({ client, store, catalogue, operators, channels, events, crashPoint, now: steady, protocolFeeBps });
	const silenceMs = (): number => follower.silenceMs;
	const crypto = rememberingCrypto(nativeCrypto);
	const channelPayments = new ChannelPayments({ terms, channels, store, client, transactor, events, crypto, crashPoint, silenceMs, now, random });
	const exactPayments = new ExactPayments({ terms, store, client, transactor, batches, events, crypto, crashPoint, now });
	const payments = new Payments({ terms, channels, channelPayments, exactPayments, store, publicUrl, log, crypto });
	const priceOf = (release: Hex, version: number) => catalogue.release(release)?.prices.find((price) => price.version === version);
	const { callTimeoutMs, textTimeoutMs, secondPrice } = options;
	const seconds = (): number => Math.floor(now() / 1000);
	const orderKey = new OperatorKey(signer, {
		file: modules.orderKeyFile,
		optional: true,
		isValid: (key) => operators.isKeyValid(gateway, key, seconds() - KEY_SETTLE_SECONDS),
		onChange: events.orderKeyChanged,
		onUnreadable: events.orderKeyUnreadable,
	});
	const roster = new Roster({ operators, maxCalls: options.maxCalls, secondPrice, steady, events });
	const ordering = new Ordering({
		gateway,
		chainId,
		signer: orderKey,
		operators,
		roster,
		store,
		events,
		crashPoint,
		callTimeoutMs,
		textTimeoutMs,
		now,
		steady,
		priceOf,
		gaveUp: (order) => orphans.expect(order),
		isRouted: (release) => catalogue.release(release)?.format === modelFormats.upstream,
	});
	const rankedNodes = (need?: Need, beginning?: string) => roster.ranked(need, beginning);
	const recorder = { store, batches, crashPoint, now };
	const idempotency = new Idempotency(store);
	const jitter = (): number => (random(1)[0] ?? 0) / 256;
	const { batchAgeMs } = options;
	const anchorer = new Anchorer({
		gateway,
		chainId,
		signer,
		store,
		batches,
		tracedCalls,
		catalogue,
		priceOf,
		client,
		transactor,
		storageUrl,
		batchAgeMs,
		events,
		crashPoint,
		now: steady,
		jitter,
	});
	const orphans = new Orphans({
		gateway,
		chainId,
		signer: orderKey,
		operators,
		store,
		batches,
		client,
		transactor,
		priceOf,
		isUnderWay: (callId) => ordering.isStreaming(callId),
		longestMs: Math.max(callTimeoutMs, textTimeoutMs),
		events,
		crashPoint,
		now,
	});
	const faucet = modules.faucet === undefined ? undefined : createTransactor({ client, signer: modules.faucet, store: durableIntents(store, crashPoint) });

	const keys = new KeyBook(store);
	const keyPayments = new KeyPayments({ keys, channels, random, now });
	const nodesWithRoom = (need: Need, beginning?: string) => roster.withRoom(need, beginning);
	const plan = { catalogue, manifests, gatewayFee, rankedNodes: nodesWithRoom, random, now };
	const places = new Places(options.maxCalls);
	const { enter } = places;
	const ask = inference({ chainId, plan, payments, ordering, recorder, idempotency, tracedCalls, events, enter });
	const queue = new FairQueue({ places: options.maxTextCalls, waiting: options.maxCalls, waitingEach: Math.ceil(options.maxCalls / 4) });
	const text = { chainId, queue, plan, payments, keys: keyPayments, ordering, recorder, idempotency, tracedCalls, events, places, now };
	const keyPages = { chainId, gateway, store, keys, keyPayments, channels, payments, catalogue, manifests, events, crypto, now };
	const refund = refundPage({ terms, channels, signer, transactor, events, crashPoint, publicUrl });
	const { rpcUrl } = client;
	const bindings: readonly RouteBinding[] = [
		{ route: gatewayRoutes.inference, handler: ask, deadlineMs: callTimeoutMs + CALL_MARGIN_MS, turnAway: places.door(errorResponse) },
		{ route: gatewayRoutes.inferenceRefund, handler: refund },
		...textDoors({ chainId, random, deadlineMs: textTimeoutMs + CALL_MARGIN_MS }, text),
		{ route: gatewayRoutes.createKey, handler: createKeyPage(keyPages) },
		{ route: gatewayRoutes.listKeys, handler: listKeysPage(keyPages) },
		{ route: gatewayRoutes.key, handler: keyPage(keyPages) },
		{ route: gatewayRoutes.refillKey, handler: refillKeyPage(keyPages) },
		{ route: gatewayRoutes.acceptLicences, handler: acceptLicencesPage(keyPages) },
		{ route: gatewayRoutes.revokeKey, handler: revokeKeyPage(keyPages) },
		{ route: gatewayRoutes.call, handler: callPage({ store, chainId }) },
		{
			route: gatewayRoutes.quote,
			handler: quotePage({ catalogue, manifests, gateway, gatewayFee, protocolFeeBps: () => follower.protocolFeeBps, rankedNodes, now }),
		},
		{ route: gatewayRoutes.channelTerms, handler: channelTermsPage(terms) },
		{ route: gatewayRoutes.channel, handler: channelPage(channels) },
		{ route: gatewayRoutes.channelRefund, handler: refund },
		{ route: gatewayRoutes.faucet, handler: faucetPage({ transactor: faucet, store, events, crashPoint, now }) },
		{ route: gatewayRoutes.network, handler: networkPage(options.networkFile, publicUrl) },
		{
			route: gatewayRoutes.root,
			handler: rootPage({ chainId, gateway, till, catalogue, gatewayFee, rankedNodes, rpcUrl, hubUrl: options.hubUrl, storageUrl, publicUrl, now }),
		},
	];
	const recovery = { store, ordering, orphans, channelPayments, exactPayments, keyPayments, recorder, idempotency, events, crashPoint };
	return {
		bindings,
		follower,
		anchorer,
		batches,
		recovery,
		catalogue,
		rankedNodes: () => rankedNodes().length,
		orphans,
		orderKey,
		isOrderKeyValid: () => !operators.isRevoked(gateway, orderKey.address, seconds()),
		look: (signal) => roster.look(signal),
	};
}
