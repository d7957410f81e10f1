/** `freehold doctor` finds what is wrong and says what to do: each trouble is made, and found by its name. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createPort } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFolder, programVersion, type RoleName, roleNames } from "@freehold/service";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePortBase, shell } from "../cli/command.ts";

interface Finding {
	readonly check: string;
	readonly ok: boolean;
	readonly detail: string;
}

let root: string;
let data: string;
const ends: (() => unknown)[] = [];
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), "freehold-doctor-"));
	data = join(root, "network");
});
afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
	rmSync(root, { recursive: true, force: true });
});

/** What the command says, and whether its exit status agrees. */
async function examine(...options: string[]): Promise<readonly Finding[]> {
	const ran = await shell({ FREEHOLD_HOME: join(root, "home") }).run("doctor", "--json", "--data", data, ...options);
	const { ok, findings } = ran.json() as { ok: boolean; findings: readonly Finding[] };
	expect(ran.status).toBe(ok ? 0 : 1);
	return findings;
}
const wrong = (findings: readonly Finding[]): readonly string[] => findings.filter(({ ok }) => !ok).map(({ check }) => check);
const detailOf = (findings: readonly Finding[], check: string): string | undefined => findings.find((finding) => finding.check === check)?.detail;

describe("before a network runs", () => {
	it("all is well in an empty folder", async () => {
		const findings = await examine("--port-base", String(await freePortBase()));
		expect(wrong(findings)).toEqual([]);
		expect(findings.map(({ check }) => check)).toEqual(["Node", "folder", "disk", "keys", "ports", "network"]);
	});

	it("a port that is taken is named, with who has it", async () => {
		const base = await freePortBase();
		const port = createPort().listen(base + 2, "127.0.0.1");
		ends.push(() => new Promise((resolve) => port.close(resolve)));
		await new Promise((resolve) => port.once("listening", resolve));
		const findings = await examine("--port-base", String(base));
		expect(wrong(findings)).toEqual(["ports"]);
		expect(detailOf(findings, "ports")).toContain(`port ${base + 2} is taken by`);
		if (process.platform === "linux") expect(detailOf(findings, "ports")).toContain(`process ${process.pid}`);
	});

	it("a folder that cannot be written is named, and what to do", async () => {
		await writeFile(data, "a file where the folder should be");
		const findings = await examine();
		expect(wrong(findings)).toEqual(["folder"]);
		expect(detailOf(findings, "folder")).toMatch(/cannot be written \(E[A-Z]+\).*--data/);
	});

	it.skipIf(process.platform === "win32")("keys that others can read are named", async () => {
		await mkdir(join(data, "keys"), { recursive: true });
		await writeFile(join(data, "keys", "gateway.key"), "0x", { mode: 0o600 });
		await chmod(join(data, "keys", "gateway.key"), 0o644);
		const findings = await examine("--port-base", String(await freePortBase()));
		expect(wrong(findings)).toEqual(["keys"]);
		expect(detailOf(findings, "keys")).toContain("chmod 600");
	});

	it.skipIf(!mayMount())("a disk that is nearly full is named [the right to mount]", async () => {
		await mkdir(data);
		execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", data]);
		ends.push(() => execFileSync("umount", [data]));
		const findings = await examine("--port-base", String(await freePortBase()));
		expect(wrong(findings)).toEqual(["disk"]);
		expect(detailOf(findings, "disk")).toMatch(/^0\.0 GiB free.*make room/);
	});
});

/** Processes that say of themselves what a test wants to be said, in a folder that looks as if a network ran in it. */
async function pretend(said: Partial<Record<RoleName, { ready?: boolean; detail?: object; version?: string; aheadMs?: number }>>): Promise<void> {
	await mkdir(join(data, "run"), { recursive: true });
	ends.push(lockFolder(data));
	const well: Record<RoleName, object> = {
		ledger: { consensusHeight: 12, evmNumber: 6, quietMs: 1_000 },
		storage: {},
		inference: {},
		gateway: { unanchoredCalls: 0, unanchoredAgeMs: 0 },
		hub: {},
	};
	const urls = {} as Record<RoleName, string>;
	for (const role of roleNames) {
		const { ready = true, detail = well[role], version = programVersion, aheadMs = 0 } = said[role] ?? {};
		const answer = (response: ServerResponse, status: number, body: object): void => {
			response.writeHead(status, { date: new Date(Date.now() + aheadMs).toUTCString() }).end(JSON.stringify(body));
		};
		const server: Server = createServer((request, response) => {
			if (request.url === "/ready") answer(response, ready ? 200 : 503, { ready, detail });
			else if (request.url === "/health") answer(response, 200, { status: "alive", role, version });
			else answer(response, 404, {});
		});
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		ends.push(() => {
			server.closeAllConnections();
			server.close();
		});
		urls[role] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
		await writeFile(join(data, "run", `${role}.json`), JSON.stringify({ pid: process.pid, url: urls[role], startedAt: Date.now() }));
	}
	const { ledger: rpcUrl, gateway: gatewayUrl, hub: hubUrl, storage: storageUrl } = urls;
	await writeFile(join(data, "network.json"), JSON.stringify({ version: 1, chainId: 10741, rpcUrl, gatewayUrl, hubUrl, storageUrl }));
}

describe("while a network runs", () => {
	it("all is well when all say so", async () => {
		await pretend({});
		const findings = await examine();
		expect(wrong(findings)).toEqual([]);
		expect(findings.map(({ check }) => check)).toEqual(expect.arrayContaining([...roleNames, "height", "anchoring", "versions", "clock"]));
	});

	it.each<[string, Parameters<typeof pretend>[0], string, RegExp]>([
		[
			"a height that is stuck",
			{ ledger: { detail: { consensusHeight: 12, evmNumber: 6, quietMs: 95_000 } } },
			"height",
			/stuck at block 6: the last one was 95 s ago.*freehold logs ledger/,
		],
		[
			"calls that are not anchored",
			{ gateway: { detail: { unanchoredCalls: 7, unanchoredAgeMs: 300_000 } } },
			"anchoring",
			/7 calls wait, the oldest for 300 s.*freehold logs gateway/,
		],
		["a clock that is ahead", { gateway: { aheadMs: -3_600_000 } }, "clock", /36\d\d s ahead of the gateway's: set it/],
		["a clock that is behind", { hub: { aheadMs: 60_000 } }, "clock", /[56]\d s behind the hub's: set it/],
		["a process of another version", { storage: { version: "0.0.1" } }, "versions", /but storage 0\.0\.1/],
		[
			"a process that is not ready, and why",
			{ storage: { ready: false, detail: { writes: "ENOSPC" } } },
			"storage",
			/not ready: writes ENOSPC.*freehold logs storage/,
		],
	])("%s is found, and explained", async (_what, said, check, words) => {
		await pretend(said);
		const findings = await examine();
		expect(wrong(findings)).toEqual([check]);
		expect(detailOf(findings, check)).toMatch(words);
	});
});

function mayMount(): boolean {
	if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
	const folder = mkdtempSync(join(tmpdir(), "freehold-mount-"));
	try {
		execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], { stdio: "ignore" });
		execFileSync("umount", [folder]);
		return true;
	} catch {
		return false;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}
