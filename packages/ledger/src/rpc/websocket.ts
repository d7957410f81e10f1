/** JSON-RPC over WebSocket with `eth_subscribe`: `newHeads`, `logs`, `newPendingTransactions`. A reader that does not keep up is cut off. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { limits } from "@freehold/protocol";
import { type WebSocket, WebSocketServer } from "ws";
import type { Block } from "../block/block.js";
import type { Methods, RpcContext } from "./context.js";
import { Dispatcher, type DispatcherOptions } from "./dispatcher.js";
import { logFilterParameter, logsOfBlock } from "./log-filter.js";
import { booleanParameter } from "./parameters.js";
import { connectionName } from "./rpc.js";
import { invalidParams, limitExceeded, serverError } from "./rpc-error.js";
import { headView, transactionView } from "./views.js";

const PING_MS = 30_000;
/** RFC 6455, §7.4.1. */
const CLOSE_TRY_AGAIN = 1013;

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Takes connections over from the HTTP server. They end when `closing` says so. */
export function rpcUpgrade(context: RpcContext, methods: Methods, options: DispatcherOptions): Upgrade {
	const server = new WebSocketServer({ noServer: true, maxPayload: limits.rpcBodyBytes, perMessageDeflate: false });
	return (request, socket, head) => {
		// Before the handshake an error has nobody to go to but the socket itself.
		socket.once("error", () => socket.destroy());
		server.handleUpgrade(request, socket, head, (connection) => {
			if (server.clients.size > limits.webSockets) connection.close(CLOSE_TRY_AGAIN, "too many connections");
			else serve(connection, request, context, methods, options);
		});
	};
}

function serve(connection: WebSocket, { socket }: IncomingMessage, context: RpcContext, methods: Methods, options: DispatcherOptions): void {
	const gone = new AbortController();
	const asker = { name: connectionName(socket.remoteAddress ?? "", socket.remotePort ?? 0), signal: () => gone.signal };
	const send = (text: string): void => {
		if (connection.bufferedAmount > limits.webSocketUnsentBytes) connection.terminate();
		else connection.send(text);
	};
	const subscriptions = new Map<string, () => void>();
	const dispatcher = new Dispatcher({ ...methods, ...subscriptionMethods(context, subscriptions, send) }, options);
	let inFlight = 0;
	let alive = true;
	let stopPing = (): void => undefined;
	const ping = (): void => {
		if (!alive) connection.terminate();
		alive = false;
		connection.ping();
		stopPing = context.later(PING_MS, ping);
	};
	stopPing = context.later(PING_MS, ping);
	const close = (): void => connection.close(1001);
	context.closing.addEventListener("abort", close, { once: true });
	connection.on("pong", () => {
		alive = true;
	});
	connection.on("message", (data: Buffer) => {
		alive = true;
		if (inFlight >= limits.webSocketCalls) {
			connection.close(CLOSE_TRY_AGAIN, "too many calls in flight");
			return;
		}
		inFlight++;
		void Promise.resolve(dispatcher.answer(data, asker)).then(
			(answer) => {
				inFlight--;
				if (answer !== undefined && !gone.signal.aborted) send(answer);
			},
			() => connection.terminate(),
		);
	});
	connection.on("error", () => connection.terminate());
	connection.on("close", () => {
		gone.abort();
		stopPing();
		context.closing.removeEventListener("abort", close);
		for (const unsubscribe of subscriptions.values()) unsubscribe();
	});
}

function subscriptionMethods({ application, random }: RpcContext, subscriptions: Map<string, () => void>, send: (text: string) => void): Methods {
	const subscribe = (listen: (publish: (result: unknown) => void) => () => void): string => {
		if (subscriptions.size >= limits.webSocketSubscriptions) throw limitExceeded(`a connection has at most ${limits.webSocketSubscriptions} subscriptions`);
		const id = `0x${Buffer.from(random(16)).toString("hex")}`;
		const publish = (result: unknown): void => send(JSON.stringify({ jsonrpc: "2.0", method: "eth_subscription", params: { subscription: id, result } }));
		subscriptions.set(id, listen(publish));
		return id;
	};
	return {
		eth_subscribe: ([kind, options]) => {
			if (kind === "newHeads") return subscribe((publish) => application.onBlock((block: Block) => publish(headView(block))));
			if (kind === "logs") {
				const filter = logFilterParameter(options ?? {});
				return subscribe((publish) =>
					application.onBlock((block) => {
						for (const log of logsOfBlock(block, filter)) publish(log);
					}),
				);
			}
			if (kind === "newPendingTransactions") {
				const full = booleanParameter(options, "full transactions");
				return subscribe((publish) => application.onTransaction((tx) => publish(full ? transactionView(tx) : tx.id)));
			}
			throw invalidParams(`no "${String(kind).slice(0, 50)}" subscription`);
		},
		eth_unsubscribe: ([id]) => {
			const unsubscribe = typeof id === "string" ? subscriptions.get(id) : undefined;
			if (unsubscribe === undefined || typeof id !== "string") throw serverError("subscription not found");
			unsubscribe();
			return subscriptions.delete(id);
		},
	};
}
