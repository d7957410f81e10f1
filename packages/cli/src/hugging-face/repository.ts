/** A model repository of a Hugging Face Hub, or of any server that speaks its HTTP API: which files it holds at one commit, under which licence. */
import { FreeholdError, onnxLimits } from "@freehold/protocol";
import { fetchJson } from "@freehold/service";
import { followRedirects } from "./follow.js";

export interface HubFile {
	readonly path: string;
	readonly sizeBytes: number;
	/** What its bytes must hash to: SHA-256 for large files, the object id of Git (SHA-1) for those that lie in the repository itself. */
	readonly digest: { readonly kind: "sha256" | "git"; readonly hex: string };
}

export interface HubRepository {
	/** `OWNER/NAME`. */
	readonly name: string;
	/** Commit that all of this was read from; downloads name it, so that a push in between changes nothing. */
	readonly commit: string;
	/** As the repository's card says it; undefined where it says nothing. */
	readonly licence: string | undefined;
	readonly files: readonly HubFile[];
}

export interface HubAccess {
	/** `HF_ENDPOINT`, else the public hub. */
	readonly endpoint: string;
	/** `HF_TOKEN`, for repositories that are private or gated. Sent to the endpoint only. */
	readonly token: string | undefined;
	readonly signal: AbortSignal;
}

const PUBLIC_HUB = "https://huggingface.co";
const NAME = /^[\w-][\w.-]{0,95}\/[\w-][\w.-]{0,95}$/;
const REVISION = /^[\w-][\w./-]{0,199}$/;
const COMMIT = /^[0-9a-f]{40}$/;
const LOOK_UP_MS = 30_000;
const SMALL_TEXT_BYTES = 1024 * 1024;

export function hubAccess(env: NodeJS.ProcessEnv, signal: AbortSignal): HubAccess {
	const endpoint = (env["HF_ENDPOINT"] ?? PUBLIC_HUB).replace(/\/+$/, "");
	if (!URL.canParse(endpoint) || !/^https?:$/.test(new URL(endpoint).protocol))
		throw new FreeholdError("config.invalid", { option: "HF_ENDPOINT", reason: "must be a URL" });
	const token = env["HF_TOKEN"];
	if (token !== undefined && !endpoint.startsWith("https:") && !isLoopback(new URL(endpoint).hostname))
		throw new FreeholdError("config.invalid", { option: "HF_ENDPOINT", reason: "must begin with https: where a token is sent" });
	return { endpoint, token, signal };
}

function isLoopback(host: string): boolean {
	return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** Headers for the endpoint itself. */
export function accessHeaders({ token }: HubAccess): Readonly<Record<string, string>> {
	return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

/** Throws `request.invalid` for names that cannot be, or a repository that is not there for this token. */
export async function lookUp(name: string, revision: string, access: HubAccess): Promise<HubRepository> {
	if (!NAME.test(name) || name.includes("..")) throw invalid("--hf", `${name} must be OWNER/NAME`);
	if (!REVISION.test(revision) || revision.includes("..")) throw invalid("--revision", `${revision} cannot name a revision`);
	const url = `${access.endpoint}/api/models/${name}/revision/${encodeURIComponent(revision)}?blobs=true`;
	const body = await fetchJson(url, { what: "The hub of models", headers: accessHeaders(access), deadlineMs: LOOK_UP_MS, signal: access.signal }).catch(
		(error: unknown) => {
			const reason = error instanceof FreeholdError && error.code === "upstream.failed" ? String(error.detail["reason"]) : "";
			if (/HTTP 40[134]/.test(reason))
				throw invalid("--hf", `${access.endpoint} shows no ${name} at ${revision}; a private or gated repository needs a token in HF_TOKEN`);
			throw error;
		},
	);
	return readRepository(name, body);
}

function readRepository(name: string, body: unknown): HubRepository {
	const { sha, siblings, cardData, tags } = (body ?? {}) as Readonly<Record<string, unknown>>;
	if (typeof sha !== "string" || !COMMIT.test(sha) || !Array.isArray(siblings)) throw strange("no commit and no list of files");
	const said = (cardData as { readonly license?: unknown } | undefined)?.license;
	const tag = Array.isArray(tags) ? tags.find((each): each is string => typeof each === "string" && each.startsWith("license:")) : undefined;
	const licence = typeof said === "string" ? said : tag?.slice("license:".length);
	return { name, commit: sha, licence, files: siblings.map(readFile) };
}

function readFile(sibling: unknown): HubFile {
	const { rfilename, size, blobId, lfs } = (sibling ?? {}) as Readonly<Record<string, unknown>>;
	if (typeof rfilename !== "string" || typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) throw strange("a file without name or size");
	const sha256 = (lfs as { readonly sha256?: unknown } | undefined)?.sha256;
	if (typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256)) return { path: rfilename, sizeBytes: size, digest: { kind: "sha256", hex: sha256 } };
	if (typeof blobId === "string" && COMMIT.test(blobId)) return { path: rfilename, sizeBytes: size, digest: { kind: "git", hex: blobId } };
	throw strange(`no digest of ${rfilename}`);
}

/** The file to publish: the one that is named, else the only one that could be meant. */
export function chooseFile({ name, files }: HubRepository, wanted: string | undefined): HubFile {
	const models = files.filter(({ path }) => /\.(onnx|gguf)$/i.test(path));
	const list = models.map(({ path, sizeBytes }) => `${path} (${sizeBytes} bytes)`).join(", ");
	if (models.length === 0) throw invalid("--hf", `${name} holds no .onnx and no .gguf file`);
	const found = wanted === undefined ? (models.length === 1 ? models[0] : undefined) : models.find(({ path }) => path === wanted);
	if (found === undefined) throw invalid("--hf-file", wanted === undefined ? `${name} holds several models, say which: ${list}` : `${name} holds ${list}`);
	if (found.sizeBytes === 0) throw invalid("--hf", `${found.path} is empty`);
	if (found.sizeBytes > onnxLimits.maxBytes) throw new FreeholdError("request.tooLarge", { field: found.path, limit: onnxLimits.maxBytes });
	return found;
}

/** A text of the repository; undefined where it has none under this path, or a longer one than anybody reads. */
export async function readText(repository: HubRepository, path: string, access: HubAccess): Promise<string | undefined> {
	const file = repository.files.find((each) => each.path === path);
	if (file === undefined || file.sizeBytes > SMALL_TEXT_BYTES) return undefined;
	const { status, body } = await followRedirects(fileUrl(repository, file, access), access, { deadlineMs: LOOK_UP_MS, maxBytes: SMALL_TEXT_BYTES });
	if (status !== 200) {
		body.destroy();
		throw strange(`HTTP ${status} for ${path}`);
	}
	const chunks: Buffer[] = [];
	for await (const chunk of body) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString("utf8");
}

export function fileUrl({ name, commit }: HubRepository, { path }: HubFile, { endpoint }: HubAccess): string {
	return `${endpoint}/${name}/resolve/${commit}/${path.split("/").map(encodeURIComponent).join("/")}`;
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}

function strange(reason: string): FreeholdError {
	return new FreeholdError("upstream.failed", { what: "The hub of models", reason });
}
