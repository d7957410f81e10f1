/**
 * A release as the registry holds it, as a file (`registry.json`): with its manifest and files it is all that is needed to publish the same release on another
 * network, under the same id.
 */
import {
	type Decimal,
	FreeholdError,
	type Hex,
	isHex,
	type Manifest,
	modelFormats,
	modelId,
	parseManifest,
	parseModelName,
	releaseId,
	schemaDigest,
	toHex,
	utf8,
} from "@freehold/protocol";
import { contracts } from "../chain/contracts.js";
import type { Client } from "../client/client.js";
import { readManifest } from "../models/blobs.js";
import type { SentPublication } from "../publish/publish.js";

export interface PriceFile {
	readonly perCall: Decimal;
	readonly perInputUnit: Decimal;
	readonly perOutputUnit: Decimal;
}

export interface ReleaseRecordFile {
	readonly version: 1;
	/** `namespace/name@major.minor`. */
	readonly model: string;
	readonly release: Hex;
	/** SHA-256 of the manifest's canonical text. */
	readonly manifest: Hex;
	readonly owner: Hex;
	readonly publisher: Hex;
	/** Unix milliseconds. */
	readonly publishedAt: number;
	readonly retiredAt?: number;
	/** 1 ONNX, 2 GGUF. */
	readonly format: number;
	/** Bit `1 << mode` for each promise that nodes may make. */
	readonly modes: number;
	readonly licence: string;
	/** What descendants must give at least. */
	readonly terms: { readonly leastBps: number; readonly leastPerCall: Decimal; readonly leastPerInputUnit: Decimal; readonly leastPerOutputUnit: Decimal };
	readonly parents: readonly { readonly release: Hex; readonly bps: number }[];
	/** In force now. */
	readonly price: PriceFile;
}

export interface ReadRelease {
	readonly record: ReleaseRecordFile;
	readonly manifest: Manifest;
	readonly manifestText: string;
}

/** A release with its manifest, from chain and storage. Throws `model.notFound` or `blob.mismatch`. */
export async function readRelease(client: Client, release: Hex, signal: AbortSignal | undefined): Promise<ReadRelease> {
	const { manifest, text, digest } = await readManifest(client, release, signal);
	const [stored, owner, parents, [, price]] = await Promise.all([
		client.chain.read(contracts.ModelRegistry, "releaseOf", [release], { signal }),
		client.chain.read(contracts.ModelRegistry, "releaseOwner", [release], { signal }),
		client.chain.read(contracts.ModelRegistry, "parentsOf", [release], { signal }),
		client.chain.read(contracts.ModelRegistry, "currentPrice", [release], { signal }),
	]);
	const { leastBps, leastPerCall, leastPerInputUnit, leastPerOutputUnit } = stored.terms;
	const record: ReleaseRecordFile = {
		version: 1,
		model: manifest.release,
		release,
		manifest: digest,
		owner: owner.toLowerCase() as Hex,
		publisher: stored.publisher.toLowerCase() as Hex,
		publishedAt: Number(stored.publishedAt) * 1000,
		...(stored.retiredAt === 0n ? {} : { retiredAt: Number(stored.retiredAt) * 1000 }),
		format: stored.format,
		modes: stored.modes,
		licence: stored.licence,
		terms: { leastBps, leastPerCall: String(leastPerCall), leastPerInputUnit: String(leastPerInputUnit), leastPerOutputUnit: String(leastPerOutputUnit) },
		parents: parents.map((parent) => ({ release: parent.release, bps: parent.bps })),
		price: { perCall: String(price.perCall), perInputUnit: String(price.perInputUnit), perOutputUnit: String(price.perOutputUnit) },
	};
	return { record, manifest, manifestText: text };
}

/**
 * The publication that makes the same release again. `bytesOf` gives a file of the manifest; its digest is checked. Throws `request.invalid` for a record that does
 * not belong to its manifest, `blob.mismatch` for other bytes.
 */
export async function publicationOf(
	client: Client,
	record: ReleaseRecordFile,
	manifestText: string,
	bytesOf: (path: string) => Promise<Uint8Array>,
): Promise<SentPublication> {
	const { crypto } = client;
	const manifest = parseManifest(manifestText);
	const name = parseModelName(manifest.release);
	if (name?.version === undefined) throw invalid("manifest", "names no release");
	const model = modelId(name.namespace, name.name, crypto);
	const release = releaseId(model, name.version, crypto);
	const manifestBytes = utf8(manifestText);
	const manifestDigest = toHex(crypto.sha256(manifestBytes));
	if (record.release !== release || record.manifest !== manifestDigest) throw invalid("registry.json", "belongs to another manifest");
	if (record.format !== modelFormats[manifest.format] || record.licence !== manifest.licence)
		throw invalid("registry.json", "says something else than the manifest");
	if (!Array.isArray(record.parents) || record.parents.some((parent) => !isHex(parent.release, 32)))
		throw invalid("registry.json", "parents must be release ids");
	const files = await Promise.all(
		manifest.files.map(async ({ path, sha256 }) => {
			const bytes = await bytesOf(path);
			const actual = toHex(crypto.sha256(bytes));
			if (actual !== sha256) throw new FreeholdError("blob.mismatch", { actual, expected: sha256 });
			return { path, sha256, bytes };
		}),
	);
	const { leastBps, leastPerCall, leastPerInputUnit, leastPerOutputUnit } = record.terms;
	const { perCall, perInputUnit, perOutputUnit } = record.price;
	return {
		model: `${name.namespace}/${name.name}`,
		namespace: name.namespace,
		name: name.name,
		modelId: model,
		release,
		releaseName: manifest.release,
		manifestDigest,
		blobs: [...files, { path: "manifest.json", sha256: manifestDigest, bytes: manifestBytes }],
		parents: record.parents,
		price: { perCall: amount(perCall), perInputUnit: amount(perInputUnit), perOutputUnit: amount(perOutputUnit) },
		data: {
			...name.version,
			format: record.format,
			modes: record.modes,
			manifest: manifestDigest,
			inputSchema: schemaDigest(manifest.inputs, crypto),
			outputSchema: schemaDigest(manifest.outputs, crypto),
			licence: manifest.licence,
			terms: { leastBps, leastPerCall: amount(leastPerCall), leastPerInputUnit: amount(leastPerInputUnit), leastPerOutputUnit: amount(leastPerOutputUnit) },
			parents: record.parents,
		},
	};
}

function amount(text: unknown): bigint {
	if (typeof text !== "string" || !/^(0|[1-9]\d{0,38})$/.test(text)) throw invalid("registry.json", "amounts must be decimal strings of the smallest unit");
	return BigInt(text);
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
