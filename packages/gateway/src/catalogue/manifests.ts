/** Manifests of releases, fetched from storage by their digest and checked; a bounded number is kept. */
import { FreeholdError, fromUtf8, type Hex, limits, type Manifest, parseManifest, toHex } from "@freehold/protocol";
import { fetchBytes, nativeCrypto } from "@freehold/service";

const KEPT = 1_000;
const DEADLINE_MS = 5_000;

export class Manifests {
	readonly #storageUrl: string;
	/** Oldest use first. Promises, so that one question serves all who wait. */
	readonly #kept = new Map<Hex, Promise<Manifest>>();

	constructor(storageUrl: string) {
		this.#storageUrl = storageUrl;
	}

	/** Throws `blob.notFound`, `blob.corrupt`, or what storage answered; a failure is not remembered. */
	get(digest: Hex): Promise<Manifest> {
		const known = this.#kept.get(digest);
		if (known !== undefined) {
			this.#kept.delete(digest);
			this.#kept.set(digest, known);
			return known;
		}
		const fetched = this.#fetch(digest);
		this.#kept.set(digest, fetched);
		fetched.catch(() => this.#kept.delete(digest));
		for (const oldest of this.#kept.keys()) {
			if (this.#kept.size <= KEPT) break;
			this.#kept.delete(oldest);
		}
		return fetched;
	}

	async #fetch(digest: Hex): Promise<Manifest> {
		const url = `${this.#storageUrl}/v1/blobs/by-sha256/${digest}`;
		const { status, body } = await fetchBytes(url, { what: "Storage", deadlineMs: DEADLINE_MS, maxBytes: limits.manifestBytes });
		if (status === 404) throw new FreeholdError("blob.notFound", { id: digest });
		if (status !== 200) throw new FreeholdError("upstream.failed", { what: "Storage", reason: `HTTP ${status}` });
		if (toHex(nativeCrypto.sha256(body)) !== digest) throw new FreeholdError("blob.corrupt", { id: digest });
		return parseManifest(fromUtf8(body));
	}
}
