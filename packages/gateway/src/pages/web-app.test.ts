import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { startHttpServer } from "@freehold/service";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pageProxy } from "./page-proxy.js";
import { openWebApp } from "./web-app.js";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

const serve = async (bindings: Parameters<typeof startHttpServer>[0]): Promise<string> => {
	const server = await startHttpServer(bindings, { host: "127.0.0.1", port: 0, log: pino({ enabled: false }), metrics: new Registry() });
	ends.push(() => server.close(1_000));
	return server.url;
};

describe("the built page", () => {
	let folder: string;
	let url: string;
	const script = "export const answer = 42;".repeat(100);
	beforeEach(async () => {
		folder = await mkdtemp(join(tmpdir(), "freehold-web-app-"));
		ends.push(() => rm(folder, { recursive: true }));
		await mkdir(join(folder, "assets"));
		await writeFile(join(folder, "index.html"), "<!doctype html><title>Freehold</title>");
		await writeFile(join(folder, "assets", "index-abc.js"), script);
		await writeFile(join(folder, "assets", "index-abc.js.gz"), gzipSync(script));
		url = await serve(openWebApp(folder)?.bindings ?? []);
	});

	it("is served with a policy that allows nothing from elsewhere, and no frame around it", async () => {
		const policy = (await fetch(url)).headers.get("content-security-policy") ?? "";
		expect(policy).toContain("default-src 'none'");
		expect(policy).toContain("connect-src 'self'");
		expect(policy).toContain("frame-ancestors 'none'");
		expect(policy).not.toContain("unsafe");
		expect(policy).not.toContain("http");
	});

	it("answers the address of every room with the page, and no address of a program", async () => {
		for (const path of ["/", "/models/plus/digits", "/earnings?owner=0x1"]) expect(await (await fetch(url + path)).text()).toContain("Freehold");
		for (const path of ["/v1/nothing", "/api/hub/v2", "/assets/gone.js", "/metrics/x"]) expect([path, (await fetch(url + path)).status]).toEqual([path, 404]);
	});

	it("lets hashed files be kept for ever and asks for the rest anew", async () => {
		const hashed = await fetch(`${url}/assets/index-abc.js`);
		expect(hashed.headers.get("cache-control")).toContain("immutable");
		expect(hashed.headers.get("content-encoding")).toBe("gzip");
		expect(await hashed.text()).toBe(script);
		const page = await fetch(url);
		expect(page.headers.get("cache-control")).toBe("no-cache");
		expect((await fetch(url, { headers: { "if-none-match": page.headers.get("etag") ?? "" } })).status).toBe(304);
	});

	it("gives no file outside its folder", async () => {
		await writeFile(join(folder, "..", "freehold-outside.txt"), "secret");
		ends.push(() => rm(join(folder, "..", "freehold-outside.txt")));
		expect(await (await fetch(`${url}/assets/..%2f..%2ffreehold-outside.txt`)).text()).not.toContain("secret");
	});

	it("is absent where nothing was built", () => expect(openWebApp(join(folder, "nothing"))).toBeUndefined());
});

describe("the way from the page to the other programs", () => {
	it("passes on what a page needs, within bounds, and nothing else", async () => {
		const seen: { method: string | undefined; url: string | undefined; body: string; headers: IncomingHttpHeaders }[] = [];
		const peer = createServer((request, response) => {
			let body = "";
			request.on("data", (chunk) => (body += String(chunk)));
			request.on("end", () => {
				seen.push({ method: request.method, url: request.url, body, headers: request.headers });
				response.writeHead(request.url?.includes("missing") ? 404 : 200, { "content-type": "application/json", "set-cookie": "a=b" });
				response.end('{"ok":true}');
			});
		});
		await new Promise<void>((resolve) => peer.listen(0, "127.0.0.1", resolve));
		ends.push(() => new Promise((resolve) => peer.close(resolve)));
		const peerUrl = `http://127.0.0.1:${(peer.address() as AddressInfo).port}`;
		const url = await serve(pageProxy({ rpcUrl: peerUrl, storageUrl: peerUrl, hubUrl: peerUrl }));

		const models = await fetch(`${url}/api/hub/v1/models?q=a%20b&limit=5`, { headers: { cookie: "secret=1", authorization: "secret" } });
		expect(await models.json()).toEqual({ ok: true });
		expect(models.headers.get("set-cookie")).toBeNull();
		expect(seen[0]).toMatchObject({ method: "GET", url: "/v1/models?q=a+b&limit=5" });
		expect([seen[0]?.headers.cookie, seen[0]?.headers.authorization]).toEqual([undefined, undefined]);

		await fetch(`${url}/api/rpc`, { method: "POST", body: '{"method":"eth_chainId"}', headers: { "content-type": "application/json" } });
		expect(seen[1]).toMatchObject({ method: "POST", url: "/", body: '{"method":"eth_chainId"}' });
		await fetch(`${url}/api/storage/v1/blobs?sha256=00`, { method: "PUT", body: "bytes" });
		expect(seen[2]).toMatchObject({ method: "PUT", url: "/v1/blobs?sha256=00", body: "bytes" });
		expect((await fetch(`${url}/api/storage/v1/blobs/missing`)).status).toBe(404);

		expect((await fetch(`${url}/api/hub/v1/heartbeats`, { method: "POST", body: "{}" })).status).toBe(405);
		expect((await fetch(`${url}/api/rpc`)).status).toBe(405);
		const large = await fetch(`${url}/api/rpc`, { method: "POST", body: "x".repeat(17 * 1024 * 1024) }).catch(() => undefined);
		expect(large?.status ?? 413).toBe(413);
	});

	it("says in the catalogue's words when a program does not answer", async () => {
		const url = await serve(pageProxy({ rpcUrl: "http://127.0.0.1:9", storageUrl: "http://127.0.0.1:9", hubUrl: undefined }));
		const answer = await fetch(`${url}/api/storage/v1/blobs/x`);
		expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([502, "upstream.failed"]);
		expect((await fetch(`${url}/api/hub/v1/models`)).status).toBe(404);
	});
});
