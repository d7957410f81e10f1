/** Connections of strangers against the real programs: each abuse is bounded, and answered with the error that the surface defines. */
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { limits } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startNetwork, type TestNetwork } from "../gateway/network.js";
import { eventually } from "../journey/programs.js";

let network: TestNetwork;
let programs: readonly { readonly name: string; readonly url: string }[];

beforeAll(async () => {
	network = await startNetwork();
	programs = [
		{ name: "the gateway", url: network.gatewayUrl() },
		{ name: "the ledger", url: network.rpcUrl },
		{ name: "storage", url: network.storageUrl },
	];
});
afterAll(() => network?.stop());

interface Heard {
	readonly status: number;
	readonly code: string | undefined;
	readonly body: string;
	readonly retryAfter: string | undefined;
}

/** Opens a connection, lets `talk` write to it, and reads until the other side closes it. */
function converse(url: string, talk: (socket: Socket) => void): Promise<Heard> {
	const { hostname, port } = new URL(url);
	return new Promise((resolve, reject) => {
		const socket = connect(Number(port), hostname, () => talk(socket));
		let text = "";
		socket.setEncoding("latin1");
		socket.on("data", (chunk: string) => {
			text += chunk;
		});
		// Whoever is cut off while still sending may get a reset after the answer.
		socket.on("error", (error) => {
			if (text === "") reject(error);
		});
		socket.on("close", () => resolve(heard(text)));
	});
}

function heard(text: string): Heard {
	const [head = "", body = ""] = text.split("\r\n\r\n");
	let code: string | undefined;
	try {
		code = (JSON.parse(body) as { readonly error?: { readonly code?: string } }).error?.code;
	} catch {}
	return { status: Number(head.split(" ")[1]), code, body, retryAfter: /^retry-after: (.*)$/im.exec(head)?.[1] };
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
const post = (path: string, body: string, type = "application/json"): string =>
	`POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** Every program in turn. */
async function each(talk: (socket: Socket) => void): Promise<readonly Heard[]> {
	return Promise.all(programs.map(({ url }) => converse(url, talk)));
}

describe("a head", () => {
	it("that is too large is refused", async () => {
		const bomb = `GET /health HTTP/1.1\r\nhost: x\r\nx: ${"a".repeat(2 * limits.headerBytes)}\r\n\r\n`;
		for (const answer of await each((socket) => socket.write(bomb))) expect(answer).toMatchObject({ status: 431, code: "request.headersTooLarge" });
	});

	it("of a hundred thousand lines is refused, or the rest is not looked at", async () => {
		const lines = Array.from({ length: 100_000 }, (_, index) => `h${index}: 1`).join("\r\n");
		for (const answer of await each((socket) => socket.write(`GET /health HTTP/1.1\r\nhost: x\r\n${lines}\r\n\r\n`))) expect(answer.status).toBe(431);
	});

	it("that is no HTTP is refused", async () => {
		for (const answer of await each((socket) => socket.write("\x16\x03\x01\x02\x00\x01hello\r\n\r\n")))
			expect(answer).toMatchObject({ status: 400, code: "request.invalid" });
	});

	it("that comes letter by letter, or not at all, is given up", async () => {
		const trickle = (socket: Socket): void => {
			socket.write("GET /health HTTP/1.1\r\n");
			const timer = setInterval(() => socket.write("x: y\r\n"), 500);
			socket.once("close", () => clearInterval(timer));
		};
		const [trickled, silent] = await Promise.all([each(trickle), each(() => undefined)]);
		for (const answer of [...trickled, ...silent]) expect(answer).toMatchObject({ status: 408, code: "request.timeout" });
	});
});

describe("a body", () => {
	it("without end is refused when it passes the limit, and nothing more is read", async () => {
		const chunk = `10000\r\n${"a".repeat(0x10000)}\r\n`;
		const endless = (path: string) => (socket: Socket) => {
			socket.write(`POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`);
			const pump = (): void => {
				while (!socket.destroyed && socket.write(chunk));
			};
			socket.on("drain", pump);
			pump();
		};
		const answers = await Promise.all([converse(network.gatewayUrl(), endless("/v1/inference")), converse(network.rpcUrl, endless("/"))]);
		for (const answer of answers) expect(answer).toMatchObject({ status: 413, code: "request.tooLarge" });
	});

	it.each([
		["too deep", "[".repeat(100_000)],
		["too wide", `[${"{},".repeat(200_000)}{}]`],
		["too long a list", `[${"1,".repeat(600_000)}1]`],
	])("of JSON that is %s is refused before it is built", async (_, body) => {
		expect(await converse(network.gatewayUrl(), (socket) => socket.write(post("/v1/inference", body)))).toMatchObject({ status: 400, code: "request.invalid" });
		const answer = await converse(network.rpcUrl, (socket) => socket.write(post("/", body)));
		expect(answer.status).toBe(200);
		expect(JSON.parse(answer.body)).toMatchObject({ error: { code: -32700, message: expect.stringContaining("parse error: ") } });
	});

	it("of too many calls is refused as one", async () => {
		const batch = JSON.stringify(Array.from({ length: limits.rpcBatch + 1 }, (_, id) => ({ jsonrpc: "2.0", id, method: "eth_chainId" })));
		const answer = await converse(network.rpcUrl, (socket) => socket.write(post("/", batch)));
		expect(JSON.parse(answer.body)).toMatchObject({ error: { code: -32600, message: expect.stringContaining(String(limits.rpcBatch)) } });
	});
});

describe("a path", () => {
	const climbs = [
		"/../../../../etc/passwd",
		"/..%2f..%2f..%2fetc/passwd",
		"/%2e%2e/%2e%2e/etc/passwd",
		"/assets/../../../../etc/passwd",
		"/v1/blobs/..%2f..%2fetc%2fpasswd",
	];
	const more = [
		"/v1/blobs/by-sha256/..%2F..%2Fkey",
		"/api/storage/../../v1/calls",
		"/api/storage/..%2f..%2f..%2fetc/passwd",
		"/%00",
		"//etc/passwd",
		"/v1/calls/%2e%2e%2f%2e%2e",
	];

	it.each([...climbs, ...more])("%s leads nowhere", async (path) => {
		for (const { status, body, code } of await each((socket) => socket.write(get(path)))) {
			expect(body).not.toMatch(/root:.*:0:0:|PRIVATE/);
			// Unknown paths of the gateway are rooms of the page, where there is one.
			if (status !== 200) expect(code, `${status} ${body.slice(0, 200)}`).toMatch(/^(request|blob|call)\./);
			else expect(body).toMatch(/<!doctype html>/i);
		}
	});
});

describe("ten thousand idle connections", () => {
	const heldBy = (pid: number): { readonly files: number; readonly memory: number } => ({
		files: readdirSync(`/proc/${pid}/fd`).length,
		memory: 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
	});

	it("keep nobody else out, cost little, and leave nothing behind", async (context) => {
		if (process.platform !== "linux") context.skip("needs /proc");
		const { pid } = network.gateway();
		const { hostname, port } = new URL(network.gatewayUrl());
		const before = heldBy(pid);
		const sockets: Socket[] = [];
		const open = (): Promise<void> =>
			new Promise((resolve) => {
				const socket = connect(Number(port), hostname);
				sockets.push(socket);
				for (const event of ["connect", "error"] as const) socket.once(event, () => resolve());
				socket.on("error", () => undefined);
			});
		// More than are held: the rest pushes the oldest out.
		for (let batch = 0; batch < 21; batch++) await Promise.all(Array.from({ length: 500 }, open));
		const during = heldBy(pid);
		expect(during.files - before.files).toBeLessThanOrEqual(limits.connections + 10);
		expect(during.memory - before.memory).toBeLessThan(400 * 1024 * 1024);
		const answer = await converse(network.gatewayUrl(), (socket) => socket.write(get("/health")));
		expect(answer.status).toBe(200);
		for (const socket of sockets) socket.destroy();
		await eventually(
			async () => (heldBy(pid).files <= before.files + 10 ? true : undefined),
			() => `${heldBy(pid).files} files are held, before it were ${before.files}`,
			30_000,
		);
	});
});

describe("many at once", () => {
	it("are answered or told when to come back, and the program goes on", async () => {
		const body = JSON.stringify({ model: "nobody/nothing", inputs: {} });
		const ask = (): Promise<number> =>
			new Promise((resolve, reject) => {
				const call = request(
					`${network.gatewayUrl()}/v1/inference`,
					{ method: "POST", agent: false, headers: { "content-type": "application/json" } },
					(answer) => {
						answer.resume();
						answer.once("end", () => resolve(answer.statusCode ?? 0));
					},
				);
				call.once("error", reject);
				call.end(body);
			});
		const answers = await Promise.all(Array.from({ length: 500 }, ask));
		expect(new Set(answers)).toEqual(new Set([404]));
		expect((await fetch(`${network.gatewayUrl()}/ready`)).status).toBe(200);
	});
});
