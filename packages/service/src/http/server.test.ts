import { connect } from "node:net";
import { Readable } from "node:stream";
import { errorBody, FreeholdError, type Route } from "@freehold/protocol";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { errorResponse, jsonResponse } from "./responses.js";
import { type Handler, type HttpServer, type HttpServerOptions, type RouteBinding, startHttpServer } from "./server.js";

const servers: HttpServer[] = [];
const lines: string[] = [];
const metrics = new Registry();
const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });

afterEach(async () => {
	lines.length = 0;
	await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

async function serve(bindings: readonly RouteBinding[], options: Partial<HttpServerOptions> = {}): Promise<HttpServer> {
	const server = await startHttpServer(bindings, { host: "127.0.0.1", port: 0, log, metrics, ...options });
	servers.push(server);
	return server;
}

const bind = (method: Route["method"], path: string, handler: Handler, rest: Partial<RouteBinding> = {}): RouteBinding => ({
	route: { method, path, summary: "" },
	handler,
	...rest,
});

const echo = bind("POST", "/echo", async (request) => jsonResponse(await request.json(200)));
const post = (body: string, type = "application/json"): RequestInit => ({ method: "POST", body, headers: { "content-type": type } });

describe("a handler", () => {
	it("gets parameters, query and body, and answers", async () => {
		const { url } = await serve([
			bind("POST", "/v1/models/:name", async (request) =>
				jsonResponse({ name: request.params["name"], q: request.query.get("q"), body: await request.json() }, 201),
			),
		]);
		const response = await fetch(`${url}/v1/models/a%2Fb?q=1%202`, post('{"x":[1]}'));
		expect(response.status).toBe(201);
		expect(await response.json()).toEqual({ name: "a/b", q: "1 2", body: { x: [1] } });
	});

	it("may answer with a stream; HEAD gets the head alone", async () => {
		const { url } = await serve([
			bind("GET", "/file", () => ({ status: 200, headers: { "content-length": "5" }, body: Readable.from([Buffer.from("he"), Buffer.from("llo")]) })),
			bind("GET", "/text", () => ({ status: 200, body: "grüß" })),
		]);
		expect(await (await fetch(`${url}/file`)).text()).toBe("hello");
		const head = await fetch(`${url}/file`, { method: "HEAD" });
		expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "5", ""]);
		expect((await fetch(`${url}/text`, { method: "HEAD" })).headers.get("content-length")).toBe("6");
	});

	it("that throws a refusal answers with the catalogue's status and body", async () => {
		const { url } = await serve([
			bind("GET", "/gone", () => {
				throw new FreeholdError("model.retired", { release: "0x1" });
			}),
			bind("GET", "/busy", () => Promise.reject(new FreeholdError("gateway.overloaded", { seconds: 3 }))),
			bind("GET", "/dialect", () => Promise.reject(new FreeholdError("gateway.overloaded", { seconds: 3 })), {
				refuse: (error) => jsonResponse({ type: "error", error: { type: error.code } }, 529),
			}),
		]);
		const gone = await fetch(`${url}/gone`);
		expect(gone.status).toBe(410);
		expect(await gone.json()).toEqual({ error: errorBody(new FreeholdError("model.retired", { release: "0x1" })) });
		expect((await fetch(`${url}/busy`)).headers.get("retry-after")).toBe("3");
		const dialect = await fetch(`${url}/dialect`);
		expect([dialect.status, await dialect.json()]).toEqual([529, { type: "error", error: { type: "gateway.overloaded" } }]);
	});

	it("that fails unexpectedly tells a reference, and only the log tells why", async () => {
		const { url } = await serve([
			bind("GET", "/bug", () => {
				throw new TypeError("secret detail");
			}),
		]);
		const response = await fetch(`${url}/bug`);
		const text = await response.text();
		expect(response.status).toBe(500);
		expect(text).not.toContain("secret detail");
		const reference = /reference ([0-9a-f]{12})/.exec(text)?.[1];
		expect(lines.some((line) => line.includes("secret detail") && line.includes(String(reference)))).toBe(true);
	});

	it("that takes too long is answered for, and told by its signal", async () => {
		let reason: unknown;
		const { url } = await serve([
			bind(
				"GET",
				"/slow",
				(request) =>
					new Promise((resolve) => {
						request.signal.addEventListener("abort", () => {
							reason = request.signal.reason;
							resolve(jsonResponse("late"));
						});
					}),
				{ deadlineMs: 10 },
			),
		]);
		const response = await fetch(`${url}/slow`);
		expect(response.status).toBe(408);
		expect(reason).toMatchObject({ code: "request.timeout" });
	});

	it("is told when the client goes away", async () => {
		const told = new Promise<unknown>((resolve) => {
			void serve([
				bind(
					"GET",
					"/wait",
					(request) =>
						new Promise(() => {
							request.signal.addEventListener("abort", () => resolve(request.signal.reason));
							controller.abort();
						}),
				),
			]).then(({ url }) => fetch(`${url}/wait`, { signal: controller.signal }).catch(() => {}));
		});
		const controller = new AbortController();
		expect(await told).toMatchObject({ code: "request.aborted" });
	});
});

describe("a body", () => {
	it("is refused beyond its limit, declared or not", async () => {
		const { url } = await serve([echo]);
		const declared = await fetch(`${url}/echo`, post(`"${"x".repeat(300)}"`));
		expect(declared.status).toBe(413);
		expect(((await declared.json()) as { error: { limit: number } }).error.limit).toBe(200);
		const streamed = await fetch(`${url}/echo`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: new Blob([`"${"x".repeat(300)}"`]).stream(),
			duplex: "half",
		} as RequestInit);
		expect(streamed.status).toBe(413);
		expect((await fetch(`${url}/echo`, post('"ok"'))).status).toBe(200);
	});

	it("must be JSON, of JSON's type, in UTF-8, and not too deep", async () => {
		const { url } = await serve([echo]);
		const status = async (init: RequestInit): Promise<number> => (await fetch(`${url}/echo`, init)).status;
		expect(await status(post("{"))).toBe(400);
		expect(await status(post("{}", "text/plain"))).toBe(415);
		expect(await status(post("{}", "application/vnd.x+json; charset=utf-8"))).toBe(200);
		expect(await status({ method: "POST", headers: { "content-type": "application/json" }, body: new Uint8Array([0x22, 0xff, 0x22]) })).toBe(400);
		expect(await status(post(`${"[".repeat(64)}${"]".repeat(64)}`))).toBe(200);
		expect(await status(post(`${"[".repeat(65)}${"]".repeat(65)}`))).toBe(400);
		expect(await status(post(`"${"[".repeat(90)}"`))).toBe(200);
		expect(await status(post(`"a\\"${"[".repeat(90)}"`))).toBe(200);
		expect(await status(post(`["\\\\",${"[".repeat(64)}${"]".repeat(64)}]`))).toBe(400);
	});
});

describe("the server", () => {
	it("refuses unknown paths and methods in words", async () => {
		const { url } = await serve([echo]);
		expect((await fetch(`${url}/none`)).status).toBe(404);
		const wrong = await fetch(`${url}/echo`);
		expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST, OPTIONS"]);
	});

	it("turns a request away when its head has come, without reading or handling it, and serves the next on the same connection", async () => {
		let open = false;
		let handled = 0;
		const server = await serve([
			bind(
				"POST",
				"/full",
				async (request) => {
					handled++;
					return jsonResponse(await request.json());
				},
				{ turnAway: () => (open ? undefined : errorResponse(new FreeholdError("gateway.overloaded", { seconds: 1 }))) },
			),
		]);
		const socket = connect(server.port, "127.0.0.1");
		let text = "";
		socket.setEncoding("utf8").on("data", (chunk: string) => {
			text += chunk;
		});
		const head = "POST /full HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n";
		socket.write(head);
		await expect.poll(() => text).toMatch(/^HTTP\/1.1 429 [\s\S]*retry-after: 1\r\n[\s\S]*gateway.overloaded/);
		expect(handled).toBe(0);
		open = true;
		socket.write(`"a"${head}"b"`);
		await expect.poll(() => text).toMatch(/HTTP\/1.1 200 [\s\S]*"b"$/);
		expect(handled).toBe(1);
		socket.destroy();
	});

	it("leaves nothing behind on a connection whose requests it refuses before they are read", async () => {
		const warnings: Error[] = [];
		const onWarning = (warning: Error): void => void warnings.push(warning);
		process.on("warning", onWarning);
		const refuse = bind("POST", "/refuse", () => {
			throw new FreeholdError("service.starting", { service: "It" });
		});
		const server = await serve([refuse]);
		const socket = connect(server.port, "127.0.0.1");
		let text = "";
		socket.setEncoding("utf8").on("data", (chunk: string) => {
			text += chunk;
		});
		for (let asked = 1; asked <= 20; asked++) {
			socket.write("POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n");
			await expect.poll(() => text.split("HTTP/1.1 503").length - 1).toBe(asked);
			// The body comes after the refusal.
			socket.write("abc");
		}
		await new Promise((resolve) => setImmediate(resolve));
		expect(warnings).toEqual([]);
		process.off("warning", onWarning);
		socket.destroy();
	});

	it("lets browsers of other origins call and see what they have to pay", async () => {
		const { url } = await serve([echo]);
		const preflight = await fetch(`${url}/echo`, {
			method: "OPTIONS",
			headers: { origin: "https://example.org", "access-control-request-method": "POST", "access-control-request-headers": "content-type,payment-signature" },
		});
		expect(preflight.status).toBe(204);
		expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
		expect(preflight.headers.get("access-control-allow-methods")).toBe("POST");
		expect(preflight.headers.get("access-control-allow-headers")).toBe("content-type,payment-signature");
		const answer = await fetch(`${url}/echo`, post("1"));
		expect(answer.headers.get("access-control-expose-headers")).toContain("PAYMENT-REQUIRED");
	});

	it("counts requests by pattern, not by path", async () => {
		const { url } = await serve([bind("GET", "/items/:id", () => jsonResponse(1))]);
		for (const id of ["a", "b", "c"]) await (await fetch(`${url}/items/${id}`)).text();
		await (await fetch(`${url}/elsewhere/9`)).text();
		await expect.poll(() => metrics.metrics()).toContain('freehold_http_request_seconds_count{route="/items/:id",method="GET",status="2xx"} 3');
		expect(await metrics.metrics()).not.toContain("elsewhere");
	});

	it("names the port that it cannot have", async () => {
		const { port } = await serve([echo]);
		await expect(serve([echo], { port })).rejects.toThrow(`Option --port: ${port} on 127.0.0.1 is in use`);
	});

	it("finishes what is in flight before it closes, and takes nothing new", async () => {
		let finish = (): void => {};
		let arrived = (): void => {};
		const waiting = new Promise<void>((resolve) => {
			arrived = resolve;
		});
		const server = await serve([
			bind(
				"GET",
				"/slow",
				() =>
					new Promise((resolve) => {
						finish = () => resolve(jsonResponse("done"));
						arrived();
					}),
			),
		]);
		const answer = fetch(`${server.url}/slow`).then((response) => response.json());
		await waiting;
		const closed = server.close(30_000);
		await expect(fetch(`${server.url}/slow`)).rejects.toThrow();
		finish();
		expect(await answer).toBe("done");
		await closed;
	});

	it("cuts what does not finish in time", async () => {
		const server = await serve([bind("GET", "/never", () => new Promise(() => {}))]);
		const answer = fetch(`${server.url}/never`).catch(() => "cut");
		await expect.poll(async () => (await metrics.metrics()).length).toBeGreaterThan(0);
		await server.close(20);
		expect(await answer).toBe("cut");
	});

	it("answers what is no HTTP and goes on", async () => {
		const { url, port } = await serve([echo]);
		const socket = connect(port, "127.0.0.1");
		socket.write("nonsense\r\n\r\n");
		let text = "";
		for await (const chunk of socket) text += String(chunk);
		expect(text).toMatch(/^HTTP\/1.1 400/);
		expect((await fetch(`${url}/echo`, post("1"))).status).toBe(200);
	});

	it("hands over connections that ask for another protocol, and ends them when it closes", async () => {
		const server = await serve([echo], { upgrade: (_, socket) => void socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\nhello") });
		const socket = connect(server.port, "127.0.0.1");
		socket.write("GET /ws HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n");
		await new Promise((resolve) => socket.once("data", resolve));
		const ended = new Promise((resolve) => socket.once("close", resolve));
		await server.close(1_000);
		await ended;
	});
});
