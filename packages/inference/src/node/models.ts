/** From a release's manifest digest to files that an engine can run: fetched from storage, each checked against its digest. */
import { readFile } from "node:fs/promises";
import { FreeholdError, fromUtf8, type Hex, limits, type Manifest, onnxLimits, parseManifest } from "@freehold/protocol";
import type { ReleaseFiles } from "../engine/engine.js";
import type { BlobCache } from "./blob-cache.js";

export interface HeldModel {
	readonly manifest: Manifest;
	readonly files: ReleaseFiles;
	/** The files stay on disk until this is called. */
	readonly giveBack: () => void;
}

const MAX_MANIFESTS = 1_000;

export class Models {
	readonly #cache: BlobCache;
	/** Oldest use first. */
	readonly #manifests = new Map<Hex, Manifest>();

	constructor(cache: BlobCache) {
		this.#cache = cache;
	}

	/** True when the release can run without asking storage. */
	isHere(manifest: Hex): boolean {
		const model = this.#manifests.get(manifest)?.files[0];
		return model !== undefined && this.#cache.has(model.sha256);
	}

	/** Throws what storage answered, `blob.mismatch`, or `engine.modelInvalid`. */
	async hold(digest: Hex): Promise<HeldModel> {
		const manifest = await this.#manifest(digest);
		// The engines take one file; weights beside it are refused when the model is inspected.
		const [model] = manifest.files;
		if (model === undefined) throw new FreeholdError("engine.modelInvalid", { reason: "its manifest names no file" });
		const most = manifest.format === "onnx" ? onnxLimits.maxBytes : limits.blobBytes;
		if (model.bytes > most) throw new FreeholdError("engine.modelInvalid", { reason: `it is larger than ${most} bytes` });
		const { path, giveBack } = await this.#cache.hold(model.sha256, model.bytes);
		return { manifest, files: { id: model.sha256, format: manifest.format, modelPath: path }, giveBack };
	}

	async #manifest(digest: Hex): Promise<Manifest> {
		const known = this.#manifests.get(digest);
		if (known !== undefined) return this.#remember(digest, known);
		const { path, giveBack } = await this.#cache.hold(digest, limits.manifestBytes);
		try {
			return this.#remember(digest, parseManifest(fromUtf8(await readFile(path))));
		} finally {
			giveBack();
		}
	}

	#remember(digest: Hex, manifest: Manifest): Manifest {
		this.#manifests.delete(digest);
		this.#manifests.set(digest, manifest);
		for (const oldest of this.#manifests.keys()) {
			if (this.#manifests.size <= MAX_MANIFESTS) break;
			this.#manifests.delete(oldest);
		}
		return manifest;
	}
}
