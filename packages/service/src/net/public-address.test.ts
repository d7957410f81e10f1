/** Addresses that strangers name lead into the public internet or nowhere. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { fetchBytes } from "./http-client.js";
import { isPrivateAddress, isPrivateHost } from "./public-address.js";

describe("an address", () => {
	it.each([
		"127.0.0.1",
		"127.9.9.9",
		"0.0.0.0",
		"10.1.2.3",
		"172.31.255.255",
		"192.168.0.1",
		"169.254.169.254",
		"100.64.0.1",
		"224.0.0.1",
		"255.255.255.255",
		"::1",
		"::",
		"fe80::1",
		"fc00::1",
		"::ffff:127.0.0.1",
		"::ffff:a00:1",
		"64:ff9b::7f00:1",
		"2002:7f00:1::",
		"not an address",
	])("%s is not public", (address) => expect(isPrivateAddress(address)).toBe(true));

	it.each(["8.8.8.8", "172.32.0.1", "1.1.1.1", "2606:4700::1111"])("%s is public", (address) => expect(isPrivateAddress(address)).toBe(false));

	it("in a URL is judged in every spelling that a URL has", () => {
		for (const url of ["http://127.1", "http://2130706433", "http://0x7f.1", "http://0177.0.0.1", "http://[::1]", "http://[::ffff:127.0.0.1]"])
			expect(isPrivateHost(new URL(url).hostname), url).toBe(true);
		expect(isPrivateHost("example.org")).toBe(false);
	});
});

describe("a call to an address that a stranger named", () => {
	const usual = { deadlineMs: 5_000, what: "The node", onlyPublic: true } as const;

	it("does not reach this machine, by number or by name", async () => {
		let asked = 0;
		const server = createServer((_, response) => {
			asked++;
			response.end("secret");
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		const { port } = server.address() as AddressInfo;
		for (const host of ["127.0.0.1", "127.1", "localhost"]) {
			await expect(fetchBytes(`http://${host}:${port}/`, usual)).rejects.toMatchObject({
				code: "upstream.failed",
				message: expect.stringContaining("not a public one"),
			});
		}
		expect(asked).toBe(0);
		expect((await fetchBytes(`http://127.0.0.1:${port}/`, { ...usual, onlyPublic: false })).body.toString()).toBe("secret");
		server.close();
	});

	it.each(["ftp://8.8.8.8/", "file:///etc/passwd", "not a url", "gopher://x", ""])("%s is refused in our words", async (url) => {
		await expect(fetchBytes(url, { ...usual, onlyPublic: false })).rejects.toMatchObject({ code: "upstream.failed" });
	});
});
