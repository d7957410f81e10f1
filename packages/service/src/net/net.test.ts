import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { atomicWriteFile } from "./atomic-file.js";
import { fetchBytes, fetchJson, fetchStream } from "./http-client.js";
import { createLimiter } from "./limiter.js";
import { pause } from "./pause.js";

const servers: Server[] = [];
async function serve(listener: RequestListener): Promise<string> {
	const server = createServer(listener);
	servers.push(server);
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(async () => {
	for (const server of servers.splice(0)) {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	}
});

const usual = { deadlineMs: 5_000, what: "The hub" } as const;

describe("a call to another program", () => {
	it("sends and reads JSON", async () => {
		const url = await serve((request, response) => {
			request.setEncoding("utf8");
			let body = "";
			request.on("data", (chunk: string) => {
				body += chunk;
			});
			request.on("end", () => response.end(JSON.stringify({ method: request.method, type: request.headers["content-type"], body: JSON.parse(body) })));
		});
		expect(await fetchJson(url, { ...usual, json: { a: [1, "ü"] } })).toEqual({ method: "POST", type: "application/json", body: { a: [1, "ü"] } });
	});

	it("throws the error that an error body of ours describes", async () => {
		const url = await serve((_, response) =>
			response.writeHead(404).end(JSON.stringify({ error: { code: "blob.notFound", message: "There is no blob x here." } })),
		);
		await expect(fetchJson(url, usual)).rejects.toMatchObject({ code: "blob.notFound", message: "There is no blob x here." });
	});

	it("names what failed otherwise", async () => {
		const odd = await serve((_, response) => response.writeHead(502).end("<html>"));
		await expect(fetchJson(odd, usual)).rejects.toThrow("The hub answered with an error: HTTP 502");
		const text = await serve((_, response) => response.end("hello"));
		await expect(fetchJson(text, usual)).rejects.toThrow(/not JSON/);
		await expect(fetchJson("http://127.0.0.1:1", usual)).rejects.toMatchObject({ code: "network.down" });
	});

	it("reads no more than it allows", async () => {
		const url = await serve((_, response) => response.end(Buffer.alloc(100_000)));
		await expect(fetchBytes(url, { ...usual, maxBytes: 99_999 })).rejects.toMatchObject({ code: "upstream.failed" });
		expect((await fetchBytes(url, { ...usual, maxBytes: 100_000 })).body.length).toBe(100_000);
	});

	it("may be left unread, even past its limit", async () => {
		const url = await serve((_, response) => response.writeHead(404).end(Buffer.alloc(1_000)));
		const { status, body } = await fetchStream(url, { ...usual, maxBytes: 1 });
		expect(status).toBe(404);
		await expect.poll(() => body.destroyed).toBe(true);
		await expect(body.toArray()).rejects.toMatchObject({ code: "upstream.failed" });
	});

	it("ends at its deadline, before and within the answer", async () => {
		const silent = await serve(() => {});
		await expect(fetchJson(silent, { ...usual, deadlineMs: 50 })).rejects.toMatchObject({ code: "upstream.timeout" });
		const stuck = await serve((_, response) => void response.writeHead(200).write("half"));
		await expect(fetchBytes(stuck, { ...usual, deadlineMs: 200 })).rejects.toMatchObject({ code: "upstream.timeout" });
	});

	it("ends with the caller's signal", async () => {
		const stuck = await serve((_, response) => void response.writeHead(200).write("half"));
		const controller = new AbortController();
		const { body } = await fetchStream(stuck, { ...usual, signal: controller.signal });
		const reading = (async () => {
			for await (const _ of body) controller.abort();
		})();
		await expect(reading).rejects.toMatchObject({ code: "request.aborted" });
	});

	it("tells when the other side breaks off", async () => {
		const url = await serve((_, response) => {
			response.writeHead(200, { "content-length": "100" }).write("half");
			setImmediate(() => response.destroy());
		});
		await expect(fetchBytes(url, usual)).rejects.toMatchObject({ code: "upstream.failed" });
	});
});

describe("a limiter", () => {
	const refuse = (waiting: number): FreeholdError => new FreeholdError("engine.busy", { waiting });

	it("runs so many at once in order and refuses what has no place", async () => {
		const limiter = createLimiter({ concurrency: 2, maxWaiting: 1, refuse });
		const ends: (() => void)[] = [];
		const started: number[] = [];
		const start = (id: number): Promise<number> =>
			limiter.run(async () => {
				started.push(id);
				await new Promise<void>((resolve) => ends.push(resolve));
				return id;
			});
		const calls = [start(1), start(2), start(3)];
		await expect(start(4)).rejects.toMatchObject({ code: "engine.busy" });
		expect(limiter.depth).toEqual({ waiting: 1, running: 2 });
		ends[0]?.();
		expect(await calls[0]).toBe(1);
		await expect.poll(() => started).toEqual([1, 2, 3]);
		for (const end of ends) end();
		expect(await Promise.all(calls)).toEqual([1, 2, 3]);
		await limiter.idle();
		expect(limiter.depth).toEqual({ waiting: 0, running: 0 });
	});

	it("gives back the place of one who leaves", async () => {
		const limiter = createLimiter({ concurrency: 1, maxWaiting: 1, refuse });
		let end = (): void => {};
		const first = limiter.run(
			() =>
				new Promise<void>((resolve) => {
					end = resolve;
				}),
		);
		const controller = new AbortController();
		const second = limiter.run(async () => "second", controller.signal);
		controller.abort();
		await expect(second).rejects.toMatchObject({ code: "request.aborted" });
		const third = limiter.run(async () => "third");
		end();
		await first;
		expect(await third).toBe("third");
	});

	it("goes on after work that fails", async () => {
		const limiter = createLimiter({ concurrency: 1, maxWaiting: 0, refuse });
		await expect(limiter.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
		expect(await limiter.run(async () => 1)).toBe(1);
	});
});

it("a pause ends with its signal", async () => {
	const controller = new AbortController();
	const waiting = pause(3_600_000, controller.signal);
	controller.abort(new FreeholdError("request.timeout", { seconds: 1 }));
	await expect(waiting).rejects.toMatchObject({ code: "request.timeout" });
});

it("a file is replaced whole, with the mode asked for, and leaves no draft", async () => {
	const folder = await mkdtemp(join(tmpdir(), "freehold-file-"));
	try {
		const path = join(folder, "run", "hub.json");
		await atomicWriteFile(path, "old");
		await atomicWriteFile(path, "new", 0o600);
		expect(await readFile(path, "utf8")).toBe("new");
		expect((await stat(path)).mode & 0o777).toBe(0o600);
		expect(await readdir(join(folder, "run"))).toEqual(["hub.json"]);
	} finally {
		await rm(folder, { recursive: true });
	}
});
