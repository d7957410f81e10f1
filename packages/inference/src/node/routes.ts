/** What a node answers over HTTP: orders of gateways, what became of them, and what it can run. */
import {
	type CountedTokensBody,
	engineDigest,
	FreeholdError,
	type Hex,
	isHex,
	nodeRoutes,
	type SettleOrderBody,
	type TextOrderResponseBody,
} from "@freehold/protocol";
import { type Clock, type DigestSigner, type Handler, type HttpResponse, jsonResponse, type Limiter, nativeCrypto, type RouteBinding } from "@freehold/service";
import type { EngineMode, EnginePool } from "../engine/engine.js";
import type { TextPool } from "../engine/pool/text-pool.js";
import type { UpstreamPool } from "../engine/upstream/upstream-pool.js";
import { readCountTokens } from "./count-tokens.js";
import { answerKeptOrders } from "./kept-orders.js";
import { LineStream } from "./line-stream.js";
import type { Models } from "./models.js";
import type { OperatorBook } from "./operators.js";
import type { OrderDesk } from "./order-desk.js";
import type { ReleaseBook } from "./releases.js";
import type { Retention } from "./retention.js";
import type { NodeStore } from "./tables.js";
import { line } from "./text-call.js";

export interface RouteModules {
	/** Address of the operator. */
	readonly node: Hex;
	/** The key that signs now. */
	readonly key: DigestSigner;
	readonly nodeFee: () => bigint;
	/** Throws `service.starting` until the node has caught up with its ledger. */
	readonly desk: () => OrderDesk;
	readonly limiter: Limiter;
	readonly models: Models;
	readonly releases: ReleaseBook;
	readonly operators: OperatorBook;
	readonly pool: EnginePool;
	readonly textPool: TextPool;
	readonly upstreams: UpstreamPool;
	readonly store: NodeStore;
	readonly retention: Retention;
	readonly clock: Clock;
}

const modes: readonly EngineMode[] = ["fast", "bit-exact"];
const LINES_TYPE = "application/x-ndjson";
const LINES = { "content-type": `${LINES_TYPE}; charset=utf-8` } as const;
/** Requests that hold no model's input. */
const SMALL_BYTES = 1_024;

export function nodeBindings(modules: RouteModules): readonly RouteBinding[] {
	// An order brings its own deadline, and its run goes on when the gateway hangs up.
	return [
		{ route: nodeRoutes.order, handler: takeOrder(modules), deadlineMs: Number.POSITIVE_INFINITY },
		{ route: nodeRoutes.settleOrder, handler: settleOrder(modules) },
		{ route: nodeRoutes.keptOrders, handler: keptOrders(modules) },
		{ route: nodeRoutes.countTokens, handler: countTokens(modules) },
		{ route: nodeRoutes.engines, handler: describeEngines(modules) },
	];
}

function takeOrder({ desk, limiter }: RouteModules): Handler {
	return async (request) => {
		const open = desk();
		const stream = (request.headers.accept ?? "").includes(LINES_TYPE);
		return limiter.run(async () => {
			const taken = await open.take(await request.json(), { stream, signal: request.signal });
			if (taken.kind === "stream") return { status: 200, headers: LINES, body: new LineStream(taken.call) };
			return stream ? { status: 200, headers: LINES, body: line({ answer: JSON.parse(taken.body) as TextOrderResponseBody }) } : jsonBody(taken.body);
		}, request.signal);
	};
}

function settleOrder({ desk }: RouteModules): Handler {
	return async (request) => {
		const open = desk();
		const { digest = "" } = request.params;
		const { deltas, ...rest } = (await request.json(SMALL_BYTES)) as Partial<SettleOrderBody>;
		const [stranger] = Object.keys(rest);
		if (!isHex(digest, 32)) throw new FreeholdError("request.invalid", { field: "digest", reason: "must be 32 bytes of lower-case 0x hex" });
		if (stranger !== undefined) throw new FreeholdError("request.invalid", { field: stranger.slice(0, 100), reason: "is not a field of this request" });
		if (typeof deltas !== "number" || !Number.isSafeInteger(deltas) || deltas < 0)
			throw new FreeholdError("request.invalid", { field: "deltas", reason: "must be a whole number" });
		return jsonBody(await open.settle(digest, deltas));
	};
}

function keptOrders({ node, store, operators, retention, clock }: RouteModules): Handler {
	return async (request) => {
		const modules = { node, store, operators, retention, crypto: nativeCrypto, now: () => clock.now() };
		return jsonResponse(answerKeptOrders(await request.json(SMALL_BYTES), modules));
	};
}

function countTokens({ desk, limiter, models, releases, upstreams, textPool }: RouteModules): Handler {
	return async (request) => {
		desk();
		return limiter.run(async () => {
			const { release, text } = readCountTokens(await request.json());
			const { files, giveBack } = await models.hold(releases.served(release).manifest);
			try {
				if (files.format === "onnx") throw new FreeholdError("text.unsupported", { what: "A count of tokens", reason: "it takes tensors" });
				const counting = files.format === "upstream" ? upstreams.countTokens(files, text) : textPool.countTokens(files, text, request.signal);
				return jsonResponse({ inputTokens: await counting } satisfies CountedTokensBody);
			} finally {
				giveBack();
			}
		}, request.signal);
	};
}

function describeEngines({ node, key, nodeFee, pool, textPool, upstreams }: RouteModules): Handler {
	return async () => {
		const engines = await Promise.all(
			modes.map(async (mode) => {
				const engine = await pool.describe(mode);
				return { mode, formats: ["onnx"], engine, digest: engineDigest(engine, nativeCrypto) };
			}),
		);
		const text = await textPool.describe();
		const texts = [{ engine: text, formats: ["gguf"] }, ...upstreams.describe().map((engine) => ({ engine, formats: ["upstream"] }))];
		const all = [...engines, ...texts.map((entry) => ({ mode: "fast", ...entry, digest: engineDigest(entry.engine, nativeCrypto) }))];
		return jsonResponse({ operator: node, key: key.address, nodeFee: nodeFee().toString(), engines: all, ...pool.depth });
	};
}

function jsonBody(body: string): HttpResponse {
	return { status: 200, headers: { "content-type": "application/json; charset=utf-8" }, body };
}
