/** The manifest of a release: what its files are, by digest. Its own digest (SHA-256 of the canonical text) stands in the registry. */
import { type Hex, isHex, toHex, utf8 } from "../bytes/bytes.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import { FreeholdError } from "../errors/freehold-error.js";
import { canonicalJson } from "../json/canonical.js";
import { parseJson } from "../json/parse.js";
import { limits } from "../limits.js";
import { parseModelName } from "../names/model-name.js";
import { dtypes, isDtype } from "../tensor/dtype.js";
import type { TensorSpec } from "../tensor/tensor.js";
import { type TextTask, textTasks } from "../text/request.js";

/** As the registry numbers them. `upstream`: a model that an outside provider runs; its file only names the two. */
export const modelFormats = { onnx: 1, gguf: 2, upstream: 3 } as const;
export type ModelFormat = keyof typeof modelFormats;

/** Name of a format by its number. */
export function formatName(format: number): ModelFormat | undefined {
	return (Object.keys(modelFormats) as ModelFormat[]).find((name) => modelFormats[name] === format);
}

/** Whether releases of the format are language models: they take texts and count tokens. */
export function isTextFormat(format: ModelFormat | undefined): boolean {
	return format === "gguf" || format === "upstream";
}

export interface ManifestFile {
	/** Relative, forward slashes, no `.` or `..` part. */
	readonly path: string;
	readonly sha256: Hex;
	readonly bytes: number;
}

/** What a language model can be asked, as its file says. */
export interface TextAbilities {
	/** Tokens of prompt and answer together. */
	readonly contextTokens: number;
	readonly tasks: readonly TextTask[];
	/** Its chat template offers tools. */
	readonly tools: boolean;
}

export interface Manifest {
	readonly version: 1;
	/** `namespace/name@major.minor`. */
	readonly release: string;
	readonly format: ModelFormat;
	/** The model file is first; a card, where there is one, is `card.md`. */
	readonly files: readonly ManifestFile[];
	/** Tensors that an ONNX model takes and gives; empty for language models. */
	readonly inputs: readonly TensorSpec[];
	readonly outputs: readonly TensorSpec[];
	/** Of a language model. */
	readonly text?: TextAbilities;
	/** SPDX expression, or `LicenseRef-` and the path of a file of the manifest. */
	readonly licence: string;
	readonly title?: string;
	readonly task?: string;
	readonly tags?: readonly string[];
}

export function manifestText(manifest: Manifest): string {
	return canonicalJson(manifest);
}

export function manifestDigest(manifest: Manifest, hashes: Hashes = defaultHashes): Hex {
	return toHex(hashes.sha256(utf8(manifestText(manifest))));
}

/** Digest of a list of tensor specifications, as the registry holds it for inputs and outputs. */
export function schemaDigest(specs: readonly TensorSpec[], hashes: Hashes = defaultHashes): Hex {
	return toHex(hashes.sha256(utf8(canonicalJson(specs))));
}

const PATH_PART = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

export function isManifestPath(path: string): boolean {
	return path.length <= 200 && path.split("/").every((part) => PATH_PART.test(part) && !part.includes(".."));
}

/** Manifest of its canonical text. Throws `FreeholdError` naming the field that is wrong; other spellings than the canonical one are refused. */
export function parseManifest(text: string): Manifest {
	if (text.length > limits.manifestBytes) throw invalid("manifest", `longer than ${limits.manifestBytes} bytes`);
	const { value, canonical } = readJson(text);
	const manifest = record(value, "manifest", ["version", "release", "format", "files", "inputs", "outputs", "text", "licence", "title", "task", "tags"]);
	if (manifest["version"] !== 1) throw invalid("version", "must be 1");
	if (typeof manifest["release"] !== "string" || parseModelName(manifest["release"])?.version === undefined)
		throw invalid("release", "must be namespace/name@major.minor");
	if (typeof manifest["format"] !== "string" || !Object.hasOwn(modelFormats, manifest["format"]))
		throw invalid("format", `must be one of ${Object.keys(modelFormats).join(", ")}`);
	checkFiles(manifest["files"]);
	checkSpecs(manifest["inputs"], "inputs");
	checkSpecs(manifest["outputs"], "outputs");
	checkText(manifest["text"], manifest["format"]);
	if (typeof manifest["licence"] !== "string" || manifest["licence"] === "" || manifest["licence"].length > 200)
		throw invalid("licence", "must be a short text");
	for (const key of ["title", "task"] as const) {
		const text = manifest[key];
		if (text !== undefined && (typeof text !== "string" || text.length > 200)) throw invalid(key, "must be a text of at most 200 characters");
	}
	const tags = manifest["tags"];
	if (tags !== undefined && (!Array.isArray(tags) || tags.length > 32 || tags.some((tag) => typeof tag !== "string" || !/^[a-z0-9][a-z0-9-]{0,31}$/.test(tag))))
		throw invalid("tags", "must be at most 32 lower-case words");
	if (canonical !== text) throw invalid("manifest", "not in canonical form");
	return value as Manifest;
}

/** Text that parses may still have no canonical form, for a lone surrogate say. */
function readJson(text: string): { readonly value: unknown; readonly canonical: string } {
	try {
		const value = parseJson(text);
		return { value, canonical: canonicalJson(value) };
	} catch (error) {
		throw invalid("manifest", `not JSON: ${error instanceof Error ? error.message.slice(0, 100) : "unreadable"}`);
	}
}

function checkFiles(files: unknown): void {
	if (!Array.isArray(files) || files.length === 0 || files.length > limits.manifestFiles)
		throw invalid("files", `must be a list of 1 to ${limits.manifestFiles}`);
	const seen = new Set<string>();
	files.forEach((item: unknown, index) => {
		const file = record(item, `files[${index}]`, ["path", "sha256", "bytes"]);
		const { path, sha256, bytes } = file as { path?: unknown; sha256?: unknown; bytes?: unknown };
		if (typeof path !== "string" || !isManifestPath(path) || seen.has(path)) throw invalid(`files[${index}].path`, "must be a plain relative path, used once");
		if (!isHex(sha256, 32)) throw invalid(`files[${index}].sha256`, "must be 32 bytes of lower-case hex");
		if (typeof bytes !== "number" || !Number.isSafeInteger(bytes) || bytes < 0 || bytes > limits.blobBytes)
			throw invalid(`files[${index}].bytes`, `must be 0 to ${limits.blobBytes}`);
		seen.add(path);
	});
}

function checkSpecs(specs: unknown, field: string): void {
	if (!Array.isArray(specs) || specs.length > limits.tensorsPerCall) throw invalid(field, `must be a list of at most ${limits.tensorsPerCall}`);
	const names = new Set<string>();
	specs.forEach((item: unknown, index) => {
		const { name, dtype, shape } = record(item, `${field}[${index}]`, ["name", "dtype", "shape"]) as { name?: unknown; dtype?: unknown; shape?: unknown };
		if (typeof name !== "string" || name === "" || name.length > 200) throw invalid(`${field}[${index}].name`, "must be a short text");
		if (names.has(name)) throw invalid(`${field}[${index}].name`, "must be used once");
		names.add(name);
		if (!isDtype(dtype)) throw invalid(`${field}[${index}].dtype`, `must be one of ${dtypes.join(", ")}`);
		const isDimension = (dimension: unknown): boolean =>
			dimension === null ||
			(typeof dimension === "string" && dimension.length <= 100) ||
			(typeof dimension === "number" && Number.isSafeInteger(dimension) && dimension >= 0);
		if (shape !== null && (!Array.isArray(shape) || shape.length > limits.tensorRank || !shape.every(isDimension)))
			throw invalid(`${field}[${index}].shape`, "must be a list of sizes or symbols");
	});
}

function checkText(abilities: unknown, format: string): void {
	const isText = isTextFormat(format as ModelFormat);
	if (abilities === undefined) {
		if (isText) throw invalid("text", "must say what a language model can be asked");
		return;
	}
	if (!isText) throw invalid("text", "belongs to language models only");
	checkAbilities(abilities);
}

/** Throws `request.invalid` naming the field. */
export function checkAbilities(abilities: unknown): asserts abilities is TextAbilities {
	const { contextTokens, tasks, tools } = record(abilities, "text", ["contextTokens", "tasks", "tools"]);
	if (typeof contextTokens !== "number" || !Number.isSafeInteger(contextTokens) || contextTokens < 1)
		throw invalid("text.contextTokens", "must be a whole number");
	if (!Array.isArray(tasks) || tasks.length === 0 || tasks.some((task, index) => !textTasks.includes(task as TextTask) || tasks.indexOf(task) !== index))
		throw invalid("text.tasks", `must be some of ${textTasks.join(", ")}`);
	if (typeof tools !== "boolean") throw invalid("text.tools", "must be true or false");
}

function record(value: unknown, field: string, keys: readonly string[]): Readonly<Record<string, unknown>> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(field, "must be an object");
	for (const key of Object.keys(value)) if (!keys.includes(key)) throw invalid(`${field}.${key}`, "is not known");
	return value as Readonly<Record<string, unknown>>;
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
