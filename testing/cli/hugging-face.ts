/** A server that speaks the part of the Hub's HTTP API that downloads use: look-up by revision, files by commit, large ones behind a redirect, ranges. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { eventually } from "../journey/programs.ts";

export interface HubContent {
	readonly licence?: string;
	readonly files: Readonly<Record<string, Uint8Array>>;
	/** Paths that are kept outside of Git, as large files are. */
	readonly large: readonly string[];
	/** Needed to see anything. */
	readonly token?: string;
}

export interface TestHub {
	readonly endpoint: string;
	/** Requests so far: method, path, range, and whether a token came with it. */
	readonly asked: { readonly path: string; readonly range: string | undefined; readonly token: boolean; readonly host: string }[];
	/** The next large answers end after so many bytes, one each. */
	readonly breakAfter: number[];
	/** Bytes that are sent instead of the right ones. */
	spoil: boolean;
	close(): void;
}

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** `keptBytes`: what the client has on its disk of a download under way. */
export async function startHub(repositories: Readonly<Record<string, HubContent>>, keptBytes: () => Promise<number>): Promise<TestHub> {
	const asked: TestHub["asked"] = [];
	const breakAfter: number[] = [];
	const servers: Server[] = [];
	const state = { spoil: false };
	const note = (request: IncomingMessage): void => {
		const { authorization, range, host = "" } = request.headers;
		asked.push({ path: request.url ?? "", range, token: authorization !== undefined, host });
	};
	const listen = async (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> => {
		const server = createServer((request, response) => {
			note(request);
			answer(request, response);
		}).listen(0, "127.0.0.1");
		await once(server, "listening");
		servers.push(server);
		return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	};
	const large = await listen((request, response) => {
		const [, owner, name, path = ""] = (request.url ?? "").split("?")[0]?.split("/").map(decodeURIComponent) ?? [];
		const bytes = Buffer.from(repositories[`${owner}/${name}`]?.files[path] ?? new Uint8Array());
		if (state.spoil) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
		const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
		const range = from === 0 ? {} : { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
		response.writeHead(from === 0 ? 200 : 206, { "content-length": bytes.length - from, ...range });
		const most = breakAfter.shift();
		if (most === undefined) response.end(bytes.subarray(from));
		else {
			response.write(bytes.subarray(from, from + most));
			// The line breaks once all of it is on the client's disk: what is still on its way when a line breaks is lost, and asked for again.
			void eventually(async () => ((await keptBytes()) >= from + most ? true : undefined), "the part on disk").finally(() => response.socket?.end());
		}
	});
	const endpoint = await listen((request, response) => {
		const url = new URL(request.url ?? "", "http://hub");
		const found = /^\/(?:api\/models\/)?([^/]+\/[^/]+)\/(?:revision|resolve)\/([^/]+)(?:\/(.*))?$/.exec(url.pathname);
		const repository = repositories[found?.[1] ?? ""];
		const refused = repository?.token !== undefined && request.headers.authorization !== `Bearer ${repository.token}`;
		if (repository === undefined || refused) {
			response.writeHead(401, { "content-type": "application/json" }).end('{"error":"Invalid username or password."}');
			return;
		}
		if (url.pathname.startsWith("/api/")) {
			const siblings = Object.entries(repository.files).map(([rfilename, bytes]) => ({
				rfilename,
				size: bytes.length,
				blobId: createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex"),
				...(repository.large.includes(rfilename)
					? { lfs: { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length, pointerSize: 134 } }
					: {}),
			}));
			const cardData = repository.licence === undefined ? {} : { license: repository.licence };
			response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: found?.[1], sha: COMMIT, siblings, cardData }));
			return;
		}
		const path = decodeURIComponent(found?.[3] ?? "");
		const bytes = repository.files[path];
		if (bytes === undefined) response.writeHead(404).end();
		else if (repository.large.includes(path)) response.writeHead(302, { location: `${large}/${found?.[1]}/${encodeURIComponent(path)}?signature=x` }).end();
		else response.writeHead(200, { "content-length": bytes.length }).end(bytes);
	});
	return {
		endpoint,
		asked,
		breakAfter,
		get spoil() {
			return state.spoil;
		},
		set spoil(value) {
			state.spoil = value;
		},
		close: () => {
			for (const server of servers) {
				server.closeAllConnections();
				server.close();
			}
		},
	};
}
