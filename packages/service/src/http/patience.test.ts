/** Clients that take their time: what a server waits for, and what it gives up. Real sockets, short windows. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { FreeholdError } from "@freehold/protocol";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { type HttpServer, type HttpServerOptions, type RouteBinding, startHttpServer } from "./server.js";

const servers: HttpServer[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
	for (const socket of sockets.splice(0)) socket.destroy();
	for (const server of servers.splice(0)) await server.close(0);
});

/** Long enough for a busy machine to move something in it. */
const WINDOW_MS = 1_500;

async function serve(bindings: readonly RouteBinding[], options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
	const server = await startHttpServer(bindings, {
		host: "127.0.0.1",
		port: 0,
		log: pino({ level: "silent" }),
		metrics: new Registry(),
		slowWindowMs: WINDOW_MS,
		...options,
	});
	servers.push(server);
	return server;
}

async function open(server: HttpServer, text = ""): Promise<{ readonly socket: Socket; readonly text: () => string; readonly closed: Promise<unknown> }> {
	const socket = connect(server.port, "127.0.0.1");
	sockets.push(socket);
	let heard = "";
	socket.setEncoding("latin1").on("data", (chunk: string) => {
		heard += chunk;
	});
	socket.on("error", () => undefined);
	const closed = new Promise((resolve) => socket.once("close", resolve));
	await once(socket, "connect");
	if (text !== "") socket.write(text);
	return { socket, text: () => heard, closed };
}

/** An upload, without a deadline of its own. */
const upload: RouteBinding = {
	route: { method: "PUT", path: "/upload", summary: "" },
	deadlineMs: Number.POSITIVE_INFINITY,
	handler: async ({ stream }) => {
		let size = 0;
		for await (const chunk of stream) size += (chunk as Buffer).length;
		return { status: 200, body: String(size) };
	},
};

describe("an upload", () => {
	it("that drips is given up with the error of the surface, and its handler is told", async () => {
		const server = await serve([upload]);
		const { socket, text, closed } = await open(server, "PUT /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n");
		const drip = setInterval(() => socket.write("."), 50);
		await closed;
		clearInterval(drip);
		expect(text()).toContain("408 Request Timeout");
		expect(text()).toContain('"code":"request.timeout"');
	});

	it("that goes on, slowly but well, takes as long as it takes", async () => {
		const server = await serve([upload]);
		const { socket, text, closed } = await open(server, "PUT /upload HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 60000\r\n\r\n");
		for (let left = 60; left > 0; left--) {
			socket.write("a".repeat(1_000));
			await new Promise((resolve) => setTimeout(resolve, 75));
		}
		await closed;
		expect(text()).toMatch(/^HTTP\/1.1 200[\s\S]*60000$/);
	});

	it("waits for a handler that is slow itself", async () => {
		let release = (): void => undefined;
		const held = new Promise<void>((resolve) => {
			release = resolve;
		});
		const server = await serve([
			{
				...upload,
				handler: async ({ stream }) => {
					await held;
					stream.resume();
					await once(stream, "end");
					return { status: 200, body: "done" };
				},
			},
		]);
		const { text, closed } = await open(server, `PUT /upload HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3000\r\n\r\n${"a".repeat(3_000)}`);
		setTimeout(release, 3 * WINDOW_MS);
		await closed;
		expect(text()).toMatch(/^HTTP\/1.1 200[\s\S]*done$/);
	});
});

it("an answer that nobody takes is given up, and lets its memory go", async () => {
	const server = await serve([
		{ route: { method: "GET", path: "/large", summary: "" }, handler: () => ({ status: 200, body: Buffer.alloc(64 * 1024 * 1024) }) },
	]);
	const { socket } = await open(server);
	socket.pause();
	socket.write("GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
	// What the system holds of it is still read; then the connection ends early.
	await new Promise((resolve) => setTimeout(resolve, 3 * WINDOW_MS));
	let taken = 0;
	socket.on("data", (chunk) => {
		taken += chunk.length;
	});
	socket.resume();
	await once(socket, "close");
	expect(taken).toBeLessThan(64 * 1024 * 1024);
});

describe("connections", () => {
	const health: RouteBinding = { route: { method: "GET", path: "/health", summary: "" }, handler: () => ({ status: 200, body: "well" }) };
	const ask = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

	it("beyond the bound push out whoever has been idle longest", async () => {
		const server = await serve([health], { maxConnections: 5 });
		const idle = [];
		for (let left = 5; left > 0; left--) idle.push(await open(server));
		const { text, closed } = await open(server, ask);
		await closed;
		expect(text()).toContain("well");
		await idle[0]?.closed;
		expect(idle[4]?.socket.destroyed).toBe(false);
	});

	it("with a request under way are never pushed out; then the new one is turned away", async () => {
		const ends: (() => void)[] = [];
		const slow: RouteBinding = {
			route: { method: "GET", path: "/slow", summary: "" },
			handler: () => new Promise((resolve) => ends.push(() => resolve({ status: 200, body: "slow" }))),
		};
		const server = await serve([health, slow], { maxConnections: 3 });
		const busy = [];
		for (let left = 3; left > 0; left--) busy.push(await open(server, "GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"));
		await expect.poll(() => ends.length).toBe(3);
		const turnedAway = await open(server, ask);
		await turnedAway.closed;
		expect(turnedAway.text()).toBe("");
		for (const end of ends) end();
		for (const { text, closed } of busy) {
			await closed;
			expect(text()).toContain("slow");
		}
	});
});

it("bodies that together exceed what one program holds are told to come again, and room comes back", async () => {
	const ends: (() => void)[] = [];
	const part = 100_000;
	const hold: RouteBinding = {
		route: { method: "POST", path: "/hold", summary: "" },
		handler: async (request) => {
			await request.bytes();
			await new Promise<void>((resolve) => ends.push(resolve));
			return { status: 200, body: "held" };
		},
	};
	const fitting = 3;
	const server = await serve([hold], { bodiesBytes: fitting * part + 1_000 });
	const post = `POST /hold HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${part}\r\n\r\n`;
	const body = Buffer.alloc(part);
	const send = async (): Promise<Awaited<ReturnType<typeof open>>> => {
		const client = await open(server, post);
		client.socket.write(body);
		return client;
	};
	const held = [];
	for (let left = fitting; left > 0; left--) held.push(await send());
	await expect.poll(() => ends.length, { timeout: 20_000 }).toBe(fitting);
	const refused = await send();
	await refused.closed;
	expect(refused.text()).toMatch(/^HTTP\/1.1 503[\s\S]*retry-after: 1[\s\S]*"code":"service.busy"/i);
	for (const end of ends.splice(0)) end();
	await Promise.all(held.map(({ closed }) => closed));
	const again = await send();
	await expect.poll(() => ends.length).toBe(1);
	for (const end of ends) end();
	await again.closed;
	expect(again.text()).toContain("held");
});

it("what is refused keeps its class", () => {
	expect(new FreeholdError("service.busy", { seconds: 1 }).entry).toMatchObject({ status: 503, retryable: true });
});
