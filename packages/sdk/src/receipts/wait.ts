/** Waiting until a call's receipt is in the chain, and proved. */
import { verifyReceipt } from "@freehold/proofs";
import { type CallBody, FreeholdError, gatewayRoutes, type Hex, type ReceiptFile, type ReceiptState, receiptFileShape } from "@freehold/protocol";
import { pause } from "../chain/deadline.js";
import type { Client } from "../client/client.js";
import { urlOf } from "../client/http.js";
import { withLightPath } from "./light-path.js";

export interface WaitOptions {
	/** Default 30,000. */
	readonly timeoutMs?: number;
	readonly signal?: AbortSignal | undefined;
}

export interface WaitedReceipt {
	/** `final` when the file is complete; less when the time was over before. */
	readonly state: ReceiptState;
	readonly file: ReceiptFile;
	readonly batch: CallBody["batch"];
}

const TIMEOUT_MS = 30_000;
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 1_000;

/**
 * The complete receipt file of a call, checked against the network's checkpoint. At the deadline the file so far, with its state: not an error.
 * Throws `answer.refused` when the gateway hands out a file that proves nothing.
 *
 * @example
 * const { state, file } = await freehold.receipts.wait(callId);
 */
export async function waitForReceipt(client: Client, callId: Hex, { timeoutMs = TIMEOUT_MS, signal }: WaitOptions = {}): Promise<WaitedReceipt> {
	const url = urlOf(client.network.gatewayUrl, gatewayRoutes.call.path, { callId });
	const deadline = client.now() + timeoutMs;
	let known: WaitedReceipt | undefined;
	for (let waitMs = FIRST_PAUSE_MS; ; waitMs = Math.min(LAST_PAUSE_MS, waitMs * 2)) {
		const asked = await ask(client, url, callId, signal);
		if (asked instanceof FreeholdError) {
			// The gateway may be starting again; what it knew before still stands.
			if (!asked.entry.retryable || (client.now() + waitMs > deadline && known === undefined)) throw asked;
		} else {
			known = asked;
			if (known.state === "final") return checked(client, { ...known, file: await withLightPath(client, known.file, signal) });
		}
		if (client.now() + waitMs > deadline && known !== undefined) return known;
		await pause(waitMs, signal);
	}
}

async function ask(client: Client, url: string, callId: Hex, signal: AbortSignal | undefined): Promise<WaitedReceipt | FreeholdError> {
	try {
		const body = (await client.http.json(url, { what: "The gateway", signal })) as CallBody;
		const file = receiptFileShape.read(body.receiptFile, "receiptFile");
		if (file.order.callId !== callId) throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "the receipt of another call" });
		return { state: body.state, file, batch: body.batch };
	} catch (error) {
		if (error instanceof FreeholdError && error.code !== "request.aborted") return error;
		if (error instanceof SyntaxError) throw new FreeholdError("answer.refused", { check: "file", reason: error.message }, { cause: error });
		throw error;
	}
}

function checked(client: Client, receipt: WaitedReceipt): WaitedReceipt {
	const { checkpoint, chainId } = client.network;
	const { outcome, checks } = verifyReceipt(receipt.file, { checkpoint, chainId, crypto: client.crypto, trustNow: client.now() });
	if (outcome === "meets") return receipt;
	const wrong = checks.find((check) => check.result === "fails") ?? checks.find((check) => !check.ok);
	throw new FreeholdError("answer.refused", { check: wrong?.name ?? "file", reason: wrong?.detail ?? outcome }, { cause: receipt.file });
}
