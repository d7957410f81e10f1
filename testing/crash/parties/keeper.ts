/** Somebody who keeps files in storage and publishes releases: what was acknowledged must be there, whole, for ever. */
import { createHash } from "node:crypto";
import { FreeholdError, type Hex, limits, planUpload, type UploadBody } from "@freehold/protocol";
import type { Freehold, Inference } from "@freehold/sdk";
import type { Chance } from "../seeded.js";
import { OPG } from "../world.js";
import type { Question } from "./channel-client.js";
import { PATIENCE_MS, type Party, party, patiently, persistently } from "./party.js";

export interface Keeper extends Party {
	/** SHA-256 of every blob that storage said it has. */
	readonly blobs: readonly Hex[];
}

export function keeper(name: string, storageUrl: string, chance: Chance, options: { readonly tolerant?: boolean } = {}): Keeper {
	const blobs: Hex[] = [];
	const put = async (nth: number): Promise<void> => {
		const bytes = Buffer.from(Array.from({ length: chance.between(1, 60_000) }, () => chance.between(0, 256)));
		const sha256: Hex = `0x${createHash("sha256").update(bytes).digest("hex")}`;
		await (nth % 2 === 0 ? putWhole(storageUrl, bytes) : putInParts(storageUrl, bytes));
		blobs.push(sha256);
		const known = blobs[chance.between(0, blobs.length)] ?? sha256;
		await readBlob(storageUrl, known);
	};
	return { ...party(name, chance, 400, put, options), blobs };
}

/** What storage cannot do now, as an error that says so. */
async function refusal(answer: Response): Promise<FreeholdError> {
	return new FreeholdError("upstream.failed", { what: "Storage", reason: `${answer.status} ${await answer.text()}` });
}

async function putWhole(storageUrl: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
	const answer = await persistently(() => ask(`${storageUrl}/v1/blobs?blob_id=later`, { method: "PUT", body: bytes }));
	if (answer.status >= 500) throw await refusal(answer);
	if (!answer.ok) throw new Error(`storage refused a blob: ${answer.status} ${await answer.text()}`);
}

/** Begins again with the same plan until the blob is acknowledged: after a kill the parts that were taken are still there. */
async function putInParts(storageUrl: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
	const plan = planUpload(bytes, { partBytes: limits.uploadPartLeastBytes });
	for (;;) {
		const begun = await persistently(() =>
			ask(`${storageUrl}/v1/uploads`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(plan) }),
		);
		if (begun.status >= 500) throw await refusal(begun);
		if (!begun.ok) throw new Error(`storage refused an upload: ${begun.status} ${await begun.text()}`);
		const { upload, missing } = (await begun.json()) as UploadBody;
		for (const part of missing) {
			const taken = await persistently(() => ask(`${storageUrl}/v1/uploads/${upload}/parts/${part}`, { method: "PUT", body: bytes }));
			if (taken.status >= 500) throw await refusal(taken);
		}
		const done = await ask(`${storageUrl}/v1/uploads/${upload}/complete?blob_id=later`, { method: "POST" }).catch(() => undefined);
		if (done?.ok === true) return;
		// 404: completed before, and the answer was lost. The next round stores it once more and is told so.
		if (done !== undefined && done.status < 500 && done.status !== 404) throw new Error(`storage refused to complete: ${done.status} ${await done.text()}`);
	}
}

const ask = (url: string, init: RequestInit): Promise<Response> => fetch(url, { ...init, signal: AbortSignal.timeout(20_000) });

/** Throws when the blob is gone or is not what its name says. */
export async function readBlob(storageUrl: string, sha256: Hex): Promise<void> {
	const response = await persistently(() => fetch(`${storageUrl}/v1/blobs/by-sha256/${sha256}`, { signal: AbortSignal.timeout(20_000) }));
	// A connection that breaks while the bytes come is a kill, not a loss.
	const bytes = await response.arrayBuffer().catch(() => undefined);
	if (bytes === undefined) return readBlob(storageUrl, sha256);
	const found = `0x${createHash("sha256").update(Buffer.from(bytes)).digest("hex")}`;
	if (response.status !== 200 || found !== sha256) throw new Error(`blob ${sha256}: ${response.status}, its bytes hash to ${found}`);
}

export interface Publisher extends Party {
	readonly freehold: Freehold;
	readonly releases: readonly { readonly model: string; readonly release: Hex }[];
	/** The publisher's own calls: a node has to fetch what it never held. */
	readonly answers: readonly Inference[];
	/** Calls that failed and were asked anew, in words. */
	readonly failures: readonly string[];
}

export function publisher(name: string, freehold: Freehold, model: Uint8Array, { inputs }: Question, chance: Chance): Publisher {
	const releases: { readonly model: string; readonly release: Hex }[] = [];
	const answers: Inference[] = [];
	const failures: string[] = [];
	const note = (error: Error): void => {
		failures.push(`${new Date().toISOString()} before answer ${answers.length}: ${error.message}`);
	};
	const publish = async (nth: number): Promise<void> => {
		const named = `${name}/model-${nth}`;
		// A card of its own makes a manifest of its own, which no node holds yet.
		const published = await patiently(() =>
			freehold.publish({ name: named, model, card: `# ${named}\n${chance.next()}`, price: { perCall: OPG }, readyTimeoutMs: PATIENCE_MS }),
		);
		releases.push({ model: named, release: published.release });
		answers.push(await patiently(() => freehold.infer(named, { inputs, timeoutMs: PATIENCE_MS }), note));
	};
	return { ...party(name, chance, 600, publish), freehold, releases, answers, failures };
}
