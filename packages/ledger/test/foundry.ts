/** Foundry's programs as peers: found where `FREEHOLD_FOUNDRY` says, on the path, or where the benchmarks install them (`bench/rivals`). */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rpcClient } from "./local-ledger.js";

const rivals = fileURLToPath(new URL("../../../bench/rivals/node_modules/@foundry-rs/", import.meta.url));
const architecture = process.arch === "x64" ? "amd64" : process.arch;

/** Path of a program of Foundry's, or undefined where it is missing. */
export function foundry(name: "anvil" | "cast" | "forge"): string | undefined {
	const folders = [process.env["FREEHOLD_FOUNDRY"] ?? "", ...(process.env["PATH"] ?? "").split(delimiter)].filter((folder) => folder !== "");
	const places = [...folders.map((folder) => join(folder, name)), join(rivals, `${name}-${process.platform}-${architecture}`, "bin", name)];
	return places.find((place) => existsSync(place));
}

export interface Anvil {
	readonly url: string;
	readonly rpc: ReturnType<typeof rpcClient>;
	readonly stop: () => Promise<void>;
}

/** Anvil with the ledger's rules: Prague, its chain id, its first base fee. */
export async function startAnvil(program: string, chainId: number, timestamp: number): Promise<Anvil> {
	const port = await freePort();
	const options = [
		"--port",
		port,
		"--chain-id",
		chainId,
		"--hardfork",
		"prague",
		"--base-fee",
		1_000_000,
		"--gas-limit",
		100_000_000,
		"--timestamp",
		timestamp,
	];
	const child: ChildProcess = spawn(program, [...options.map(String), "--steps-tracing", "--silent"], { stdio: "ignore" });
	const url = `http://127.0.0.1:${port}`;
	const rpc = rpcClient(url);
	const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	const end = performance.now() + 30_000;
	for (;;) {
		const isUp = await rpc("web3_clientVersion").then(
			() => true,
			() => false,
		);
		if (isUp) break;
		if (child.exitCode !== null || performance.now() > end) throw new Error("anvil did not start");
	}
	return {
		url,
		rpc,
		stop: async () => {
			child.kill();
			await ended;
		},
	};
}

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { readonly port: number };
	await new Promise((resolve) => server.close(resolve));
	return port;
}
