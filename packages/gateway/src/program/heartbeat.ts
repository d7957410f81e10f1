/** Tells hubs that the gateway is alive: a signed statement (EIP-191 over canonical JSON), never a transaction. */
import { canonicalJson, concatBytes, type HeartbeatBody, hubRoutes, toHex, utf8 } from "@freehold/protocol";
import { type DigestSigner, fetchBytes, nativeCrypto, pause } from "@freehold/service";

export interface HeartbeatModules {
	readonly hubUrl: string;
	readonly endpoint: string;
	readonly signer: DigestSigner;
	/** Unix milliseconds. */
	readonly now: () => number;
}

const INTERVAL_MS = 20_000;
const DEADLINE_MS = 5_000;

/** Beats until the signal says so. A hub that does not answer costs nothing: calls do not need it. */
export async function beat(modules: HeartbeatModules, signal: AbortSignal): Promise<void> {
	while (!signal.aborted) {
		await beatOnce(modules, signal).catch(() => undefined);
		await pause(INTERVAL_MS, signal).catch(() => undefined);
	}
}

async function beatOnce({ hubUrl, endpoint, signer, now }: HeartbeatModules, signal: AbortSignal): Promise<void> {
	const heartbeat = { operator: signer.address, role: "gateway", endpoint, releases: [], sentAt: now() } as const;
	const text = utf8(canonicalJson(heartbeat));
	const digest = nativeCrypto.keccak256(concatBytes(utf8(`\u0019Ethereum Signed Message:\n${text.length}`), text));
	const body: HeartbeatBody = { heartbeat, signature: toHex(signer.signDigest(digest)) };
	await fetchBytes(`${hubUrl}${hubRoutes.heartbeat.path}`, {
		what: "The hub",
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify(body),
		deadlineMs: DEADLINE_MS,
		signal,
	});
}
