/** Manifests of releases, fetched from storage by their digest, checked, and kept: a gateway goes on selling what it knows while storage is away. */
import { FreeholdError, fromUtf8, type Hex, limits, type Manifest, parseManifest, storageRoutes, toHex } from "@freehold/protocol";
import { fetchBytes, nativeCrypto, pause } from "@freehold/service";
import type { GatewayStore } from "../store/tables.js";

/** In memory; the store keeps all. */
const KEPT = 1_000;
const DEADLINE_MS = 5_000;
const RETRY_MS = 250;
const ATTEMPTS = 8;

export class Manifests {
	readonly #storageUrl: string;
	readonly #store: GatewayStore;
	/** Oldest use first. Promises, so that one question serves all who wait. */
	readonly #kept = new Map<Hex, Promise<Manifest>>();

	constructor(storageUrl: string, store: GatewayStore) {
		this.#storageUrl = storageUrl;
		this.#store = store;
	}

	/** Throws `blob.notFound`, `blob.corrupt`, or what storage answered; a failure is not remembered. */
	get(digest: Hex): Promise<Manifest> {
		const known = this.#kept.get(digest);
		if (known !== undefined) {
			this.#kept.delete(digest);
			this.#kept.set(digest, known);
			return known;
		}
		const found = this.#find(digest);
		this.#kept.set(digest, found);
		found.catch(() => this.#kept.delete(digest));
		for (const oldest of this.#kept.keys()) {
			if (this.#kept.size <= KEPT) break;
			this.#kept.delete(oldest);
		}
		return found;
	}

	async #find(digest: Hex): Promise<Manifest> {
		const stored = this.#store.get("manifests", digest);
		if (stored !== undefined) return parseManifest(fromUtf8(stored));
		const bytes = await this.#fetch(digest);
		const manifest = parseManifest(fromUtf8(bytes));
		await this.#store.transact((writer) => writer.put("manifests", digest, bytes));
		return manifest;
	}

	/** Storage that is away for a moment is asked again. */
	async #fetch(digest: Hex): Promise<Uint8Array> {
		const url = `${this.#storageUrl}${storageRoutes.getBySha256.path.replace(":sha256", digest)}`;
		for (let attempt = 1; ; attempt++) {
			try {
				const { status, body } = await fetchBytes(url, { what: "Storage", deadlineMs: DEADLINE_MS, maxBytes: limits.manifestBytes });
				if (status === 404) throw new FreeholdError("blob.notFound", { id: digest });
				if (status !== 200) throw new FreeholdError("upstream.failed", { what: "Storage", reason: `HTTP ${status}` });
				if (toHex(nativeCrypto.sha256(body)) !== digest) throw new FreeholdError("blob.corrupt", { id: digest });
				return body;
			} catch (error) {
				const passing = error instanceof FreeholdError && (error.code === "network.down" || error.code === "upstream.failed");
				if (!passing || attempt === ATTEMPTS) throw error;
				await pause(RETRY_MS);
			}
		}
	}
}
