/** The page as this origin serves it: the built files of `apps/web`, read once, with a policy that lets them load nothing from elsewhere. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { FreeholdError, type Route } from "@freehold/protocol";
import type { Handler, HttpRequest, HttpResponse, RouteBinding } from "@freehold/service";

/** Where a clone builds the page; a gateway that is installed alone has none, and shows its plain page. */
const CLONE_FOLDER = fileURLToPath(new URL("../../../../apps/web/dist", import.meta.url));

/** Scripts, styles, fonts, pictures and connections of this origin only; nobody may put the page into a frame. */
const POLICY = [
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"font-src 'self'",
	"img-src 'self' blob:",
	"connect-src 'self'",
	"worker-src 'self'",
	"manifest-src 'self'",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
].join("; ");

const TYPES: Readonly<Record<string, string>> = {
	".html": "text/html; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".json": "application/json; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".svg": "image/svg+xml",
	".png": "image/png",
	".ico": "image/x-icon",
	".woff2": "font/woff2",
	".txt": "text/plain; charset=utf-8",
};

const MAX_FILES = 500;
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;
/** Deepest path of the page. */
const MAX_DEPTH = 5;
/** First segments that belong to programs: an unknown path below them is a mistake, not a room of the page. */
const PROGRAM_PATHS = new Set(["v1", "api", "health", "ready", "metrics", "network.json"]);
/** The bundler names these files by their content. */
const HASHED_FOLDER = "/assets/";

interface StoredFile {
	readonly type: string;
	readonly etag: string;
	readonly plain: Uint8Array;
	readonly encoded: Readonly<Partial<Record<"br" | "gzip", Uint8Array>>>;
}

export interface WebApp {
	/** Every path of the page, the root included. */
	readonly bindings: readonly RouteBinding[];
}

/** Undefined where the page was not built. Throws when the folder is not one of a page (too many or too large files). */
export function openWebApp(folder: string = CLONE_FOLDER): WebApp | undefined {
	const files = readFolder(folder);
	const index = files?.get("/index.html");
	if (files === undefined || index === undefined) return undefined;
	const handler: Handler = (request) => {
		const file = files.get(request.path);
		if (file !== undefined && request.path !== "/index.html") return answer(request, file, request.path.startsWith(HASHED_FOLDER));
		const first = request.path.split("/", 2)[1] ?? "";
		if (PROGRAM_PATHS.has(first) || request.path.startsWith(HASHED_FOLDER)) throw new FreeholdError("request.notFound", { path: request.path.slice(0, 200) });
		return answer(request, index, false);
	};
	return { bindings: pagePaths().map((route) => ({ route, handler })) };
}

/** `/`, `/:a`, `/:a/:b`, …: rooms are the page's own business. */
function pagePaths(): readonly Route[] {
	return Array.from({ length: MAX_DEPTH + 1 }, (_, depth) => ({
		method: "GET",
		path: depth === 0 ? "/" : Array.from({ length: depth }, (_, level) => `/:level${level}`).join(""),
		summary: "The page.",
	}));
}

function answer(request: HttpRequest, file: StoredFile, immutable: boolean): HttpResponse {
	const headers = {
		"content-type": file.type,
		"cache-control": immutable ? "public, max-age=31536000, immutable" : "no-cache",
		etag: file.etag,
		vary: "accept-encoding",
		"content-security-policy": POLICY,
		"x-content-type-options": "nosniff",
		"referrer-policy": "no-referrer",
		"cross-origin-opener-policy": "same-origin",
		"permissions-policy": "camera=(), geolocation=(), microphone=()",
	};
	if (request.headers["if-none-match"] === file.etag) return { status: 304, headers };
	const encoding = chooseEncoding(request.headers["accept-encoding"], file);
	return encoding === undefined
		? { status: 200, headers, body: file.plain }
		: { status: 200, headers: { ...headers, "content-encoding": encoding }, body: file.encoded[encoding] ?? file.plain };
}

function chooseEncoding(accepted: string | string[] | undefined, file: StoredFile): "br" | "gzip" | undefined {
	const names = new Set(
		String(accepted ?? "")
			.split(",")
			.filter((part) => !/;\s*q=0(\.0+)?\s*$/.test(part))
			.map((part) => part.split(";", 1)[0]?.trim()),
	);
	return (["br", "gzip"] as const).find((name) => file.encoded[name] !== undefined && names.has(name));
}

function readFolder(folder: string): ReadonlyMap<string, StoredFile> | undefined {
	const paths = listFiles(folder);
	if (paths === undefined) return undefined;
	if (paths.length > MAX_FILES) throw new FreeholdError("config.invalid", { option: "--web-app", reason: `${folder} holds more than ${MAX_FILES} files` });
	let total = 0;
	const read = (path: string): Uint8Array => {
		const bytes = readFileSync(path);
		total += bytes.length;
		if (total > MAX_TOTAL_BYTES)
			throw new FreeholdError("config.invalid", { option: "--web-app", reason: `${folder} holds more than ${MAX_TOTAL_BYTES} bytes` });
		return bytes;
	};
	const known = new Set(paths);
	const files = new Map<string, StoredFile>();
	for (const path of paths) {
		if (/\.(br|gz)$/.test(path)) continue;
		const plain = read(path);
		files.set(`/${relative(folder, path).split(sep).join("/")}`, {
			type: TYPES[extname(path)] ?? "application/octet-stream",
			etag: `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`,
			plain,
			encoded: {
				...(known.has(`${path}.br`) ? { br: read(`${path}.br`) } : {}),
				...(known.has(`${path}.gz`) ? { gzip: read(`${path}.gz`) } : {}),
			},
		});
	}
	return files;
}

function listFiles(folder: string): string[] | undefined {
	if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
	return readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name));
}
