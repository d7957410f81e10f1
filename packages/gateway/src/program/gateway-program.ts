/** The gateway as a program: its options, its crash points, and its life from start to drain. */
import { join } from "node:path";
import { FreeholdError, gatewayRoutes, limits, networkOf, type Route } from "@freehold/protocol";
import { createChainClient, createTransactor } from "@freehold/sdk/chain";
import {
	createDigestSigner,
	defineProgram,
	durationOption,
	errorResponse,
	type Handler,
	integerOption,
	openStore,
	opgOption,
	optional,
	pathOption,
	pause,
	portOption,
	type RouteBinding,
	readKeyFile,
	readOrCreateKeyFile,
	textOption,
	tracedFetch,
	urlOption,
} from "@freehold/service";
import { pageProxy } from "../pages/page-proxy.js";
import { openWebApp } from "../pages/web-app.js";
import { reconcilePayments, recoverOrders } from "../recovery/recovery.js";
import { durableIntents } from "../store/intents.js";
import { keepTidy } from "../store/retention.js";
import { tables } from "../store/tables.js";
import { gatewayCrashPoints } from "./crash-points.js";
import { gatewayEvents, gatewayMetrics } from "./events.js";
import { createGateway } from "./gateway.js";
import { beat } from "./heartbeat.js";
import { register } from "./registration.js";

const UNIT = 10n ** 18n;

const options = {
	rpcUrl: urlOption({ default: "http://127.0.0.1:8545", help: "JSON-RPC of the ledger.", group: "Network" }),
	chainId: optional(integerOption({ min: 1, help: "Refuse a ledger with another chain id.", group: "Network" })),
	storageUrl: urlOption({ default: "http://127.0.0.1:8548", help: "Storage that holds manifests and the leaves of batches.", group: "Network" }),
	hubUrl: optional(urlOption({ help: "Hub that the root page names and that is told that the gateway is alive.", group: "Network" })),
	networkFile: optional(pathOption({ argument: "FILE", help: "Served at /network.json.", group: "Network" })),
	webApp: optional(pathOption({ argument: "DIR", help: "Folder of the built page; when absent the one of this clone, where it was built.", group: "Network" })),
	data: pathOption({ argument: "DIR", default: ".freehold/gateway", help: "Folder for calls, channels and batches.", group: "Process" }),
	host: textOption({ argument: "HOST", default: "127.0.0.1", help: "Address to listen on.", group: "Process" }),
	port: portOption({ default: 8546, help: "Port to listen on; 0 takes a free one.", group: "Process" }),
	publicUrl: optional(urlOption({ help: "URL under which others reach the gateway; its own address when absent.", group: "Network" })),
	keyFile: optional(
		pathOption({
			argument: "FILE",
			help: "Private key of the operator: signs orders, claims and batches; default gateway.key in the data folder, made if missing (0600).",
			group: "Money",
		}),
	),
	orderKeyFile: optional(
		pathOption({
			argument: "FILE",
			help: "Key that signs orders in place of the operator's, once it is there and registered (freehold node rotate gateway); default order.key in the data folder.",
			group: "Money",
		}),
	),
	bond: opgOption({ default: 1_000n * UNIT, help: "Bond when the gateway registers itself.", group: "Money" }),
	gatewayFee: opgOption({ default: (3n * UNIT) / 100n, help: "The gateway's part of each call; the protocol fee comes out of it.", group: "Money" }),
	minDeposit: opgOption({ default: UNIT, help: "Least deposit into a channel; it has to be worth its transaction.", group: "Money" }),
	withdrawDelay: durationOption({ default: 3_600_000, help: "Notice that a payer gives before leaving a channel on its own; 15m to 30d.", group: "Money" }),
	faucetKeyFile: optional(pathOption({ argument: "FILE", help: "Key of the account that gives money for trying; development networks only.", group: "Money" })),
	batchAge: durationOption({ default: 2_000, help: "Age of its oldest call at which a batch is anchored; less than 10s.", group: "Calls" }),
	callTimeout: durationOption({ default: 30_000, help: "Longest time for a node to answer a call.", group: "Calls" }),
	secondPrice: opgOption({ default: UNIT / 20n, help: "How much dearer a node may be for answering a second sooner.", group: "Calls" }),
	textTimeout: durationOption({ default: 300_000, help: "Longest time for a node to answer a language model's call.", group: "Calls" }),
	maxCalls: integerOption({ default: 1_000, min: 1, help: "Calls under way at one time.", group: "Calls" }),
	maxTextCalls: integerOption({
		default: 256,
		min: 1,
		help: "Calls to language models at the nodes at one time; further ones wait, their payers in turns.",
		group: "Calls",
	}),
};

export const gatewayProgram = defineProgram({
	role: "gateway",
	summary: "The paid front door: prices, payments, orders, receipts, batches.",
	options,
	metrics: gatewayMetrics,
	crashPoints: gatewayCrashPoints,
	async start({ config, log, metrics, clock, random, signal, onChain, crashPoint, listen, fail }) {
		if (config.batchAge >= limits.batchAgeMs) throw new FreeholdError("config.invalid", { option: "--batch-age", reason: "must be less than 10s" });
		const events = gatewayEvents(log, metrics);
		const signer = createDigestSigner(await readOrCreateKeyFile(config.keyFile ?? join(config.data, "gateway.key")));
		const client = createChainClient({ rpcUrl: config.rpcUrl, fetch: tracedFetch, ...(config.chainId === undefined ? {} : { chainId: config.chainId }) });
		const store = openStore(join(config.data, "store"), tables, { onFailure: fail });
		const stop = new AbortController();
		const life = AbortSignal.any([signal, stop.signal]);

		/** By route, once the gateway serves. */
		const bound = new Map<Route, RouteBinding>();
		// The endpoint is registered before the gateway can serve, so the server listens first and says that it is starting.
		const webApp = openWebApp(config.webApp);
		const programs = Object.values(gatewayRoutes).filter((route) => webApp === undefined || route !== gatewayRoutes.root);
		const starting: readonly RouteBinding[] = programs.map((route) => ({
			route,
			traced: route.method === "POST",
			deadlineMs: Math.max(config.callTimeout, config.textTimeout) + 30_000,
			refuse: (error) => bound.get(route)?.refuse?.(error) ?? errorResponse(error),
			turnAway: () => bound.get(route)?.turnAway?.(),
			handler: (request): ReturnType<Handler> => {
				const binding = bound.get(route);
				if (binding === undefined) throw new FreeholdError("service.starting", { service: "The gateway" });
				return binding.handler(request);
			},
		}));
		const pages = webApp === undefined ? [] : [...webApp.bindings, ...pageProxy(config)];
		const server = await listen([...starting, ...pages], { host: config.host, port: config.port });
		const publicUrl = config.publicUrl ?? server.url;

		// The ledger may be started again while the gateway starts: each step only looks and repeats what is not done yet.
		const fromLedger = <T>(step: () => Promise<T>): Promise<T> => untilUp(step, events.ledgerUnreachable, life);
		const chainId = await fromLedger(() => client.chainId({ signal: life }));
		onChain(chainId);
		const faucet =
			config.faucetKeyFile === undefined || networkOf(chainId)?.development !== true ? undefined : createDigestSigner(await readKeyFile(config.faucetKeyFile));
		const transactor = createTransactor({ client, signer, store: durableIntents(store, crashPoint) });
		await fromLedger(() => transactor.resume({ signal: life, timeoutMs: 10_000 }));
		const { address } = signer;
		await fromLedger(() => register({ client, transactor, address, endpoint: publicUrl, bond: config.bond, events, crashPoint, signal: life }));

		const made = await fromLedger(() =>
			createGateway(
				{
					chainId,
					storageUrl: config.storageUrl,
					hubUrl: config.hubUrl,
					networkFile: config.networkFile,
					gatewayFee: config.gatewayFee,
					minDeposit: config.minDeposit,
					withdrawDelay: Math.floor(config.withdrawDelay / 1000),
					batchAgeMs: config.batchAge,
					callTimeoutMs: config.callTimeout,
					textTimeoutMs: config.textTimeout,
					secondPrice: config.secondPrice,
					maxCalls: config.maxCalls,
					maxTextCalls: config.maxTextCalls,
				},
				{
					store,
					client,
					signer,
					orderKeyFile: config.orderKeyFile ?? join(config.data, "order.key"),
					transactor,
					faucet,
					log,
					events,
					crashPoint,
					now: () => clock.now(),
					random,
					publicUrl: () => publicUrl,
				},
			),
		);
		const { follower, anchorer, recovery } = made;
		const failed = (error: unknown): void => {
			if (!life.aborted) fail(error);
		};
		const following = follower.run(life).catch(failed);
		await fromLedger(() => follower.caughtUp(life));
		await made.orderKey.look();
		const watching = made.orderKey.watch(life).catch(failed);
		const recovering = Promise.all([recoverOrders(recovery), reconcilePayments(recovery, life)]).catch(failed);
		const anchoring = anchorer.run(life).catch(failed);
		const looking = made.look(life).catch(failed);
		const orphans = made.orphans.run(life).catch(failed);
		const tidying = keepTidy(store, () => clock.now(), life);
		const beating = config.hubUrl === undefined ? undefined : beat({ hubUrl: config.hubUrl, endpoint: publicUrl, signer, now: () => clock.now() }, life);
		for (const binding of made.bindings) bound.set(binding.route, binding);

		const { catalogue, rankedNodes, batches } = made;
		events.watch({
			unanchoredCalls: () => batches.unanchored.calls,
			unanchoredAgeMs: () => batches.unanchored.ageMs,
			silenceMs: () => follower.silenceMs,
		});
		return {
			url: server.url,
			ready: () => {
				const nodes = rankedNodes();
				const quietMs = follower.silenceMs;
				return {
					ready: quietMs < 30_000 && anchorer.healthy && made.isOrderKeyValid(),
					detail: {
						nodes,
						models: catalogue.served(Math.floor(clock.now() / 1000)).length,
						ledgerSilentMs: quietMs,
						operator: signer.address,
						orderKey: made.orderKey.address,
						orderKeyValid: made.isOrderKeyValid(),
						block: Number(follower.seen),
						openBatch: batches.open.calls,
						unanchoredCalls: batches.unanchored.calls,
						unanchoredAgeMs: batches.unanchored.ageMs,
						anchoring: anchorer.healthy,
					},
				};
			},
			drain: async () => {
				await server.close(config.callTimeout);
				// What was answered is brought to the chain now where that works; else it waits in the store for the next start.
				stop.abort();
				await Promise.all([following, anchoring, recovering, looking, orphans, tidying, beating, watching]);
				await anchorer.finish(AbortSignal.any([signal, AbortSignal.timeout(5_000)])).catch((error: unknown) => events.anchoringFailed(undefined, error, 0));
				await store.close();
			},
		};
	},
});

const UP_RETRY_MS = 200;

/** Repeats a step of the start for as long as the ledger does not answer. */
async function untilUp<T>(work: () => Promise<T>, onRetry: (error: unknown, waitMs: number) => void, signal: AbortSignal): Promise<T> {
	for (let attempt = 0; ; attempt++) {
		try {
			return await work();
		} catch (error) {
			if (signal.aborted || !(error instanceof FreeholdError) || !error.entry.retryable) throw error;
			if (attempt % 25 === 0) onRetry(error, UP_RETRY_MS);
			await pause(UP_RETRY_MS, signal);
		}
	}
}
