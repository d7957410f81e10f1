/** `POST /v1/messages/count_tokens`: a node that runs the model counts, and nothing is run or charged. Bounded, since it is free. */
import { countTokens } from "@freehold/dialects";
import { FreeholdError, isHex, textRequestShape } from "@freehold/protocol";
import { createLimiter, type Handler, jsonResponse } from "@freehold/service";
import { type PlanModules, planCall } from "../inference/plan.js";
import { measureText } from "../inference/text-question.js";
import type { KeyPayments } from "../keys/key-payments.js";
import { countTokens as askNode } from "../nodes/order-stream.js";
import { readCredential } from "./credentials.js";

const AT_ONCE = 16;
const WAITING = 256;
const DEADLINE_MS = 10_000;
const MAX_BYTES = 4 * 1024 * 1024;

export function countTokensPage({ plan, keys }: { readonly plan: PlanModules; readonly keys: KeyPayments }): Handler {
	const limiter = createLimiter({ concurrency: AT_ONCE, maxWaiting: WAITING, refuse: () => new FreeholdError("gateway.overloaded", { seconds: 1 }) });
	return async (request) => {
		const credential = readCredential(request.headers);
		if (credential.kind === "key") keys.check(credential.id);
		await request.bytes(MAX_BYTES);
		const { model, request: asked } = countTokens.read(await request.json());
		const terms = { ...(isHex(model, 32) ? { release: model } : { model }), mode: "fast", require: [] } as const;
		const planned = await planCall(terms, (manifest) => measureText({ request: asked, mode: "fast", require: [], openEnded: true }, manifest), plan);
		const [node] = planned.nodes;
		if (node === undefined) throw new FreeholdError("node.unavailable", { release: planned.release.name });
		const body = { release: planned.release.record.release, text: textRequestShape.write(asked) };
		const counted = await limiter.run(() => askNode(node.endpoint, body, { deadlineMs: DEADLINE_MS, signal: request.signal }), request.signal);
		const inputTokens = (counted as { readonly inputTokens?: unknown } | undefined)?.inputTokens;
		if (typeof inputTokens !== "number" || !Number.isSafeInteger(inputTokens)) throw new FreeholdError("node.refused", { reason: "it counts no tokens" });
		return jsonResponse({ input_tokens: inputTokens });
	};
}
