/** A whole local network as people start it, with the page that its gateway serves. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository: string = fileURLToPath(new URL("../..", import.meta.url));
export const pageIsBuilt: boolean = existsSync(join(repository, "apps/web/dist/index.html"));

const READY_DEADLINE_MS = 90_000;
const END_DEADLINE_MS = 30_000;

export interface LocalNetwork {
	readonly url: string;
	readonly folder: string;
	readonly stop: () => Promise<void>;
	/** Starts it again in the same folder, on the same ports. */
	readonly restart: () => Promise<void>;
	/** Stops it and removes its folder. */
	readonly end: () => Promise<void>;
}

/** `environment` is told to its programs. */
export async function startLocalNetwork(environment: NodeJS.ProcessEnv = {}): Promise<LocalNetwork> {
	const folder = await mkdtemp(join(tmpdir(), "freehold-page-"));
	const base = await freeBase();
	let child = await up(folder, base, environment);
	const stop = async (): Promise<void> => {
		if (child.exitCode !== null) return;
		const ended = once(child, "exit");
		child.kill("SIGTERM");
		const timer = setTimeout(() => child.kill("SIGKILL"), END_DEADLINE_MS);
		await ended;
		clearTimeout(timer);
	};
	return {
		url: `http://127.0.0.1:${base + 1}`,
		folder,
		stop,
		restart: async () => {
			await stop();
			child = await up(folder, base, environment);
		},
		end: async () => {
			await stop();
			await rm(folder, { recursive: true, force: true });
		},
	};
}

async function up(folder: string, base: number, environment: NodeJS.ProcessEnv): Promise<ChildProcess> {
	const child = spawn(process.execPath, [join(repository, "packages/cli/bin/freehold.js"), "up", "--data", folder, "--port-base", String(base)], {
		stdio: ["ignore", "pipe", "pipe"],
		env: { ...process.env, ...environment },
	});
	let output = "";
	child.stdout.on("data", (chunk) => (output += String(chunk)));
	child.stderr.on("data", (chunk) => (output += String(chunk)));
	const deadline = Date.now() + READY_DEADLINE_MS;
	for (;;) {
		if (child.exitCode !== null) throw new Error(`the network ended at once:\n${output}`);
		if ((await readFile(join(folder, "network.json"), "utf8").catch(() => undefined)) !== undefined) return child;
		if (Date.now() > deadline) {
			child.kill("SIGKILL");
			throw new Error(`the network was not ready in time:\n${output}`);
		}
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}

/** A base with free ports behind it. */
async function freeBase(): Promise<number> {
	for (let attempt = 0; attempt < 50; attempt++) {
		const base = 20_000 + Math.floor(Math.random() * 20_000);
		const free = await Promise.all(Array.from({ length: 6 }, (_, offset) => isFree(base + offset)));
		if (free.every(Boolean)) return base;
	}
	throw new Error("no free ports");
}

function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", () => resolve(false));
		server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
	});
}
