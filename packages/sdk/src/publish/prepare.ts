/** What is to be published, worked out before anything is sent: the manifest, the blobs it names, and what the registry is to hold. Pure. */
import {
	type Crypto,
	FreeholdError,
	formatModelName,
	type Hex,
	isHex,
	licencePath,
	limits,
	type Manifest,
	type ManifestFile,
	manifestDigest,
	manifestText,
	modelFormats,
	modelId,
	type Price,
	parseManifest,
	parseModelName,
	parseVersion,
	releaseId,
	schemaDigest,
	toHex,
	utf8,
} from "@freehold/protocol";
import { factsOf, type InspectedModel, inspectModel } from "./inspect.js";
import { type FileSource, faultOfSource, type ModelSource, sizeOf } from "./source.js";

/** The least that releases made from this one must give it. Amounts in the smallest unit. */
export interface DescendantTerms {
	/** Basis points. */
	readonly leastBps?: number;
	readonly leastPerCall?: bigint;
	readonly leastPerInputUnit?: bigint;
	readonly leastPerOutputUnit?: bigint;
}

export interface ParentShare {
	/** `namespace/name@major.minor`, or a release id. */
	readonly release: string;
	/** Share of this release's income, in basis points. */
	readonly bps: number;
}

export interface PublishParameters {
	/** `namespace/name`; a namespace that is free becomes the publisher's. */
	readonly name: string;
	/** `major.minor`; default 1.0. */
	readonly version?: string;
	/** An ONNX or GGUF file, or the JSON of an `UpstreamModel`; of a large GGUF file its source. */
	readonly model: Uint8Array | ModelSource;
	/** Markdown. */
	readonly card?: string;
	/** In the smallest unit. */
	readonly price: Partial<Price> & Pick<Price, "perCall">;
	readonly parents?: readonly ParentShare[];
	readonly terms?: DescendantTerms;
	/** SPDX expression; default Apache-2.0, or `LicenseRef-LICENSE` where the text is given. */
	readonly licence?: string;
	/** A licence of one's own, kept with the release as its file `LICENSE`. */
	readonly licenceText?: string;
	readonly title?: string;
	readonly task?: string;
	readonly tags?: readonly string[];
}

/** Bytes that storage must hold for a release. */
export interface Blob {
	readonly path: string;
	readonly sha256: Hex;
	readonly bytes: Uint8Array | FileSource;
}

export interface Publication {
	/** `namespace/name`. */
	readonly model: string;
	readonly namespace: string;
	readonly name: string;
	readonly modelId: Hex;
	readonly release: Hex;
	/** `namespace/name@major.minor`. */
	readonly releaseName: string;
	readonly inspected: InspectedModel;
	readonly manifest: Manifest;
	readonly manifestDigest: Hex;
	readonly blobs: readonly Blob[];
	readonly parents: readonly { readonly release: Hex; readonly bps: number }[];
	readonly price: Price;
	/** As `ModelRegistry.publish` takes it. */
	readonly data: {
		readonly major: number;
		readonly minor: number;
		readonly format: number;
		readonly modes: number;
		readonly manifest: Hex;
		readonly inputSchema: Hex;
		readonly outputSchema: Hex;
		readonly licence: string;
		readonly terms: { readonly leastPerCall: bigint; readonly leastPerInputUnit: bigint; readonly leastPerOutputUnit: bigint; readonly leastBps: number };
		readonly parents: readonly { readonly release: Hex; readonly bps: number }[];
	};
}

const WHOLE_BPS = 10_000;
/** Path of a licence of one's own among the release's files. */
const LICENCE_FILE = "LICENSE";
const AMOUNT_BITS = 128n;

/** Throws `request.invalid` naming the field, or `engine.modelInvalid`. */
export function preparePublication(parameters: PublishParameters, crypto: Crypto): Publication {
	const parsed = parseModelName(parameters.name);
	if (parsed === undefined) throw invalid("name", "must be namespace/name of lower-case letters, digits and hyphens, such as ada/digits");
	if (parsed.version !== undefined) throw invalid("name", "names the model without a version; say the release apart");
	const version = parseVersion(parameters.version ?? "1.0");
	if (version === undefined) throw invalid("release", "must be major.minor, such as 1.0");
	const { namespace, name } = parsed;
	const price = checkPrice(parameters.price);
	const parents = checkParents(parameters.parents ?? [], crypto);
	const terms = checkTerms(parameters.terms ?? {});
	const { model: given } = parameters;
	const fault = given instanceof Uint8Array ? undefined : faultOfSource(given);
	if (fault !== undefined) throw invalid("model", fault);
	const inspected = given instanceof Uint8Array ? inspectModel(given) : inspectModel(given.head, given.sizeBytes);
	const facts = factsOf(inspected);
	const card = parameters.card === undefined ? undefined : checkText("card", parameters.card);
	const licence = parameters.licenceText === undefined ? undefined : checkText("licence", parameters.licenceText);
	const modelFile: Blob = { path: facts.path, sha256: given instanceof Uint8Array ? toHex(crypto.sha256(given)) : given.sha256, bytes: given };
	const named = (path: string, bytes: Uint8Array | undefined): readonly Blob[] =>
		bytes === undefined ? [] : [{ path, sha256: toHex(crypto.sha256(bytes)), bytes }];
	const files = [modelFile, ...named("card.md", card), ...named(LICENCE_FILE, licence)];
	const releaseName = formatModelName({ namespace, name, version });
	const manifest: Manifest = {
		version: 1,
		release: releaseName,
		format: facts.format,
		files: files.map(({ path, sha256, bytes }): ManifestFile => ({ path, sha256, bytes: sizeOf(bytes) })),
		inputs: facts.inputs,
		outputs: facts.outputs,
		...(facts.text === undefined ? {} : { text: facts.text }),
		licence: licenceOf(parameters, files),
		...(parameters.title === undefined ? {} : { title: parameters.title }),
		...(parameters.task === undefined ? {} : { task: parameters.task }),
		...(parameters.tags === undefined || parameters.tags.length === 0 ? {} : { tags: parameters.tags }),
	};
	const text = manifestText(manifest);
	// Reading it back applies every rule that its readers will.
	parseManifest(text);
	const digest = manifestDigest(manifest, crypto);
	const model = modelId(namespace, name, crypto);
	return {
		model: `${namespace}/${name}`,
		namespace,
		name,
		modelId: model,
		release: releaseId(model, version, crypto),
		releaseName,
		inspected,
		manifest,
		manifestDigest: digest,
		blobs: [...files, { path: "manifest.json", sha256: digest, bytes: utf8(text) }],
		parents,
		price,
		data: {
			...version,
			format: modelFormats[facts.format],
			modes: facts.modes,
			manifest: digest,
			inputSchema: schemaDigest(facts.inputs, crypto),
			outputSchema: schemaDigest(facts.outputs, crypto),
			licence: manifest.licence,
			terms,
			parents,
		},
	};
}

function checkPrice({ perCall, perInputUnit = 0n, perOutputUnit = 0n }: PublishParameters["price"]): Price {
	return {
		perCall: amount("price", perCall),
		perInputUnit: amount("price per input unit", perInputUnit),
		perOutputUnit: amount("price per output unit", perOutputUnit),
	};
}

function checkTerms({ leastBps = 0, leastPerCall = 0n, leastPerInputUnit = 0n, leastPerOutputUnit = 0n }: DescendantTerms): Publication["data"]["terms"] {
	return {
		leastBps: basisPoints("least share of descendants", leastBps),
		leastPerCall: amount("least amount of descendants", leastPerCall),
		leastPerInputUnit: amount("least amount per input unit", leastPerInputUnit),
		leastPerOutputUnit: amount("least amount per output unit", leastPerOutputUnit),
	};
}

function checkParents(parents: readonly ParentShare[], crypto: Crypto): { readonly release: Hex; readonly bps: number }[] {
	if (parents.length > limits.modelParents) throw invalid("parents", `must be at most ${limits.modelParents}`);
	const checked = parents.map(({ release, bps }) => ({ release: releaseOf(release, crypto), bps: basisPoints(`share of ${release}`, bps) }));
	if (new Set(checked.map(({ release }) => release)).size !== checked.length) throw invalid("parents", "name a release twice");
	const whole = checked.reduce((sum, { bps }) => sum + bps, 0);
	if (whole > WHOLE_BPS) throw invalid("parents", `ask for ${whole} basis points together; the whole is ${WHOLE_BPS}`);
	return checked;
}

/** Id of a release by its full name, or the id itself. Throws `request.invalid`. */
export function releaseOf(text: string, crypto: Crypto): Hex {
	if (isHex(text, 32)) return text;
	const parsed = parseModelName(text);
	if (parsed?.version === undefined) throw invalid("release", `${text} must name a release, such as base/digits@1.0, or be its id`);
	return releaseId(modelId(parsed.namespace, parsed.name, crypto), parsed.version, crypto);
}

/** The licence that the manifest names. Throws `request.invalid` when it names a file that is not there. */
function licenceOf({ licence, licenceText }: PublishParameters, files: readonly Blob[]): string {
	const name = licence ?? (licenceText === undefined ? "Apache-2.0" : `LicenseRef-${LICENCE_FILE}`);
	const path = licencePath(name);
	if (path !== undefined && !files.some((file) => file.path === path)) throw invalid("licence", `${name} names a file that the release does not have`);
	return name;
}

function checkText(field: string, text: string): Uint8Array {
	const bytes = utf8(text);
	if (bytes.length === 0 || bytes.length > limits.cardBytes) throw invalid(field, `must be a text of at most ${limits.cardBytes} bytes`);
	return bytes;
}

function amount(field: string, value: bigint): bigint {
	if (value < 0n || value >> AMOUNT_BITS !== 0n) throw invalid(field, "must be zero or more, below 2^128 of the smallest unit");
	return value;
}

function basisPoints(field: string, value: number): number {
	if (!Number.isInteger(value) || value < 0 || value > WHOLE_BPS) throw invalid(field, `must be a whole number of basis points from 0 to ${WHOLE_BPS}`);
	return value;
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
