/** Tells hubs that the node is alive and what it has at hand: a signed statement (EIP-191 over canonical JSON), never a transaction. */
import { type Crypto, canonicalJson, concatBytes, type HeartbeatBody, type Hex, hubRoutes, toHex, utf8 } from "@freehold/protocol";
import { type Clock, type DigestSigner, fetchBytes, pause } from "@freehold/service";
import type { NodeEvents } from "./events.js";

export interface HeartbeatModules {
	readonly hubUrls: readonly string[];
	readonly endpoint: string;
	readonly intervalMs: number;
	readonly operator: Hex;
	/** A key of the operator. */
	readonly signer: DigestSigner;
	readonly crypto: Crypto;
	readonly clock: Clock;
	readonly events: NodeEvents;
	/** Releases that can be run at once. */
	readonly releases: () => readonly Hex[];
}

const DEADLINE_MS = 5_000;

/** Beats until the signal says so. A hub that does not answer costs nothing but a log line. */
export async function beat(modules: HeartbeatModules, signal: AbortSignal): Promise<void> {
	while (!signal.aborted) {
		await Promise.all(modules.hubUrls.map((hub) => beatOnce(hub, modules, signal)));
		await pause(modules.intervalMs, signal).catch(() => undefined);
	}
}

async function beatOnce(hub: string, modules: HeartbeatModules, signal: AbortSignal): Promise<void> {
	const { operator, signer, crypto, clock, endpoint, releases, events } = modules;
	const heartbeat = { operator, role: "inference", endpoint, releases: releases(), sentAt: clock.now() } as const;
	const body: HeartbeatBody = { heartbeat, signature: toHex(signer.signDigest(personalDigest(canonicalJson(heartbeat), crypto))) };
	try {
		const { status } = await fetchBytes(`${hub}${hubRoutes.heartbeat.path}`, {
			what: "The hub",
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify(body),
			deadlineMs: DEADLINE_MS,
			signal,
		});
		events.heartbeat(hub, status < 300 ? undefined : `HTTP ${status}`);
	} catch (error) {
		if (!signal.aborted) events.heartbeat(hub, error instanceof Error ? error.message : "unknown");
	}
}

/** EIP-191 digest of a text, as wallets sign it. */
function personalDigest(text: string, crypto: Crypto): Uint8Array {
	const message = utf8(text);
	return crypto.keccak256(concatBytes(utf8(`\u0019Ethereum Signed Message:\n${message.length}`), message));
}
