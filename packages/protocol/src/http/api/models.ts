/** Models and their releases, as a hub shows them. */
import type { Hex } from "../../bytes/bytes.js";
import type { ManifestFile, TextAbilities } from "../../manifest/manifest.js";
import type { TensorSpec } from "../../tensor/tensor.js";
import type { Decimal } from "./values.js";

/** `GET /v1/models/{namespace}/{name}`; the list route gives these without `releases`, `files` and `card`. */
export interface ModelBody {
	readonly model: string;
	readonly id: Hex;
	readonly owner: Hex;
	/** The newest release that is served, with the price that counts now. */
	readonly latest?: {
		readonly release: Hex;
		readonly version: string;
		readonly perCall: Decimal;
		readonly perInputUnit: Decimal;
		readonly perOutputUnit: Decimal;
	};
	readonly title?: string;
	readonly task?: string;
	readonly tags: readonly string[];
	readonly licence?: string;
	readonly format?: string;
	readonly calls: number;
	readonly gross: Decimal;
	readonly updatedAt: number;
	readonly releases?: readonly ReleaseSummary[];
	/** `blobId`: the file's name on Walrus, once the storage has computed it. */
	readonly files?: readonly (ManifestFile & { readonly blobId?: string })[];
	readonly inputs?: readonly TensorSpec[];
	readonly outputs?: readonly TensorSpec[];
	/** What a language model can be asked. */
	readonly text?: TextAbilities;
	readonly card?: string;
}

export interface ReleaseSummary {
	readonly release: Hex;
	readonly version: string;
	readonly publishedAt: number;
	readonly retiredAt?: number;
	readonly manifest: Hex;
	readonly format: string;
	readonly licence: string;
	readonly parents: readonly { readonly release: Hex; readonly model: string; readonly bps: number }[];
	readonly prices: readonly {
		readonly version: number;
		readonly perCall: Decimal;
		readonly perInputUnit: Decimal;
		readonly perOutputUnit: Decimal;
		readonly from: number;
		readonly until?: number;
	}[];
	readonly calls: number;
	readonly gross: Decimal;
}

/**
 * `GET /v1/models?q=&sort=&limit=&cursor=`, narrowed by `owner`, `namespace`, `task`, `licence`, `format`, `evidence`, `tag` (repeatable), `minBytes`, `maxBytes`
 * (size of the model file) and `maxPrice` (per call, smallest unit). Sorted by `calls` or `earnings`, calls to oneself do not pay: only money that left its
 * payer counts, the square root of each day, halved every 30 days.
 */
export interface ModelListBody {
	readonly models: readonly ModelBody[];
	readonly total: number;
	readonly cursor?: string;
	/** Words of `q` that stand nowhere, with the words that were looked for instead. */
	readonly corrected?: Readonly<Record<string, readonly string[]>>;
}

interface FacetBody {
	readonly value: string;
	readonly models: number;
}

/** `GET /v1/facets` */
export interface FacetsBody {
	readonly task: readonly FacetBody[];
	readonly licence: readonly FacetBody[];
	readonly format: readonly FacetBody[];
	readonly tag: readonly FacetBody[];
}

interface Changed<T> {
	readonly added: readonly T[];
	readonly removed: readonly T[];
}

/** `GET /v1/releases/{release}/diff?from={release}` */
export interface ReleaseDiffBody {
	readonly from: { readonly release: Hex; readonly model: string };
	readonly to: { readonly release: Hex; readonly model: string };
	readonly files: readonly {
		readonly path: string;
		readonly change: "added" | "removed" | "changed";
		readonly from?: ManifestFile;
		readonly to?: ManifestFile;
	}[];
	readonly inputs: Changed<TensorSpec>;
	readonly outputs: Changed<TensorSpec>;
	readonly licence?: { readonly from: string; readonly to: string };
	readonly parents: Changed<{ readonly release: Hex; readonly bps: number }>;
	/** Unified diff of the cards; absent where they are equal, or differ in too much to say how. */
	readonly card?: string;
}

/** `GET /v1/namespaces/{namespace}` */
export interface NamespaceBody {
	readonly namespace: string;
	/** Absent while it is free. */
	readonly owner?: Hex;
	/** Namespaces that could be taken for it, the most used first. */
	readonly alike: readonly { readonly namespace: string; readonly owner: Hex; readonly models: number; readonly calls: number }[];
}
