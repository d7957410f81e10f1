/** JSON-RPC of the ledger: the way in for wallets, libraries and the other programs. */
import { ledgerRoutes, limits } from "@freehold/protocol";
import type { RouteBinding } from "@freehold/service";
import { keccak256 } from "../state/keccak.js";
import { hexOf } from "../transaction/decode.js";
import { blockMethods } from "./block-methods.js";
import { callMethods } from "./call-methods.js";
import type { Methods, RpcContext } from "./context.js";
import { Dispatcher, type DispatcherOptions } from "./dispatcher.js";
import { feeMethods } from "./fee-methods.js";
import { followedMethods } from "./followed-methods.js";
import { freeholdMethods } from "./freehold-methods.js";
import { liveMethods } from "./live-methods.js";
import { logMethods } from "./log-methods.js";
import { methodGroups } from "./method-table.js";
import { bytesParameter } from "./parameters.js";
import { pipeMethods } from "./pipe-methods.js";
import { poolMethods } from "./pool-methods.js";
import { rawMethods } from "./raw-methods.js";
import { sendMethods } from "./send-methods.js";
import { simulateMethods } from "./simulate-methods.js";
import { stateMethods } from "./state-methods.js";
import { traceMethods } from "./trace-methods.js";
import { quantity } from "./views.js";

const JSON_HEADERS = { "content-type": "application/json" } as const;

export function rpcMethods(context: RpcContext, version: string): Methods {
	const chainId = quantity(context.application.chainId);
	const followed = followedMethods(context);
	return {
		...blockMethods(context),
		...sendMethods(context, followed["eth_sendRawTransaction"]),
		...stateMethods(context),
		...callMethods(context),
		...feeMethods(context),
		...logMethods(context),
		...poolMethods(context),
		...rawMethods(context),
		...traceMethods(context),
		...simulateMethods(context),
		...freeholdMethods(context),
		...pipeMethods(context),
		...liveMethods(context),
		eth_chainId: () => chainId,
		eth_syncing: () => false,
		eth_accounts: () => [],
		net_version: () => context.application.chainId.toString(),
		net_listening: () => true,
		net_peerCount: async () => quantity((await context.peers?.()) ?? 0),
		web3_clientVersion: () => `freehold/${version}`,
		rpc_modules: () => methodGroups(),
		...followed,
		web3_sha3: ([data]) => hexOf(keccak256(bytesParameter(data, "data"))),
	};
}

/** Who asks: an address, or, behind a proxy or on this machine, a connection. */
export function connectionName(address: string, port: number): string {
	return LOOPBACK.test(address) ? `${address} ${port}` : address;
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/** One route for all methods. */
export function rpcBinding(methods: Methods, options: DispatcherOptions): RouteBinding {
	const dispatcher = new Dispatcher(methods, options);
	return {
		route: ledgerRoutes.rpc,
		handler: async (request) => {
			const body = await request.bytes(limits.rpcBodyBytes);
			const answer = await dispatcher.answer(body, { name: connectionName(request.remoteAddress, request.remotePort), signal: () => request.signal });
			return answer === undefined ? { status: 204 } : { status: 200, headers: JSON_HEADERS, body: answer };
		},
	};
}
