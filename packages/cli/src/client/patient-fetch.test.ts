import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { patientFetch } from "./patient-fetch.js";

let server: Server | undefined;
afterEach(() => server?.close());

/** A program that is away or starting for its first answers. */
async function program(statuses: readonly (number | "reset")[]): Promise<{ readonly url: string; readonly asked: () => number }> {
	let asked = 0;
	server = createServer((request, response) => {
		const status = statuses[asked++] ?? 200;
		if (status === "reset") request.socket.destroy();
		else response.writeHead(status).end("done");
	});
	await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked: () => asked };
}

describe("a patient request", () => {
	it("outlives a program that is killed and starts again", async () => {
		const { url, asked } = await program(["reset", 503, 503, 200]);
		expect((await patientFetch(10_000)(url, { method: "POST", body: "{}" })).status).toBe(200);
		expect(asked()).toBe(4);
	});

	it("takes a refusal as it is", async () => {
		const { url, asked } = await program([402]);
		expect((await patientFetch(10_000)(url, {})).status).toBe(402);
		expect(asked()).toBe(1);
	});

	it("ends with its patience, or with its caller", async () => {
		const { url } = await program(Array.from({ length: 100 }, () => "reset" as const));
		await expect(patientFetch(100)(url, {})).rejects.toThrow();
		const stop = new AbortController();
		const waiting = patientFetch(60_000)(url, { signal: stop.signal });
		stop.abort();
		await expect(waiting).rejects.toThrow();
	});

	it("does not send a stream twice", async () => {
		const { url, asked } = await program(["reset"]);
		const body = new ReadableStream({ start: (controller) => controller.close() });
		await expect(patientFetch(10_000)(url, { method: "PUT", body, duplex: "half" } as RequestInit)).rejects.toThrow();
		expect(asked()).toBe(1);
	});
});
