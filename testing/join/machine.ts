/** Another machine in the world: a home of its own, and nothing of the network but its gateway's address. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ran, type Shell, shell } from "../cli/command.js";
import { eventually } from "../journey/programs.js";

const READY_DEADLINE_MS = 60_000;

export interface Machine {
	path(name: string): string;
	readonly env: Readonly<Record<string, string>>;
	readonly freehold: Shell;
	/** A command on the network that must succeed. */
	good(...args: string[]): Promise<Ran>;
	/** Makes an account with money from the faucet; gives its address. */
	account(name: string, opg: string): Promise<`0x${string}`>;
	/** Starts a role and waits until it says that it is ready. `joins`: it is told of the network. */
	role(role: string, args: readonly string[], env?: Readonly<Record<string, string>>, joins?: boolean): Promise<Role>;
	remove(): Promise<void>;
}

export interface Role {
	readonly url: string;
	readonly port: number;
	readonly child: ChildProcess;
	readonly output: () => string;
	stop(): Promise<void>;
}

export async function machine(networkUrl: string): Promise<Machine> {
	const folder = await mkdtemp(join(tmpdir(), "freehold-machine-"));
	const path = (name: string): string => join(folder, name);
	await writeFile(path("password"), "another horse\n");
	const env = { FREEHOLD_HOME: path("home"), FREEHOLD_PASSWORD_FILE: path("password") };
	const freehold = shell(env);
	const running: Role[] = [];
	const good = async (...args: string[]): Promise<Ran> => {
		const ran = await freehold.run("--network", networkUrl, ...args);
		if (ran.status !== 0) throw new Error(`freehold ${args.join(" ")} ended with ${ran.status}: ${ran.out}${ran.err}`);
		return ran;
	};
	return {
		path,
		env,
		freehold,
		good,
		async account(name, opg) {
			const { address } = (await good("wallet", "create", name, "--json")).json() as { address: `0x${string}` };
			await good("faucet", "--account", name, "--amount", opg);
			return address;
		},
		async role(role, args, more = {}, joins = true) {
			const port = Number(args[args.indexOf("--port") + 1]);
			const child = shell({ ...env, ...more }).start("node", "run", role, ...(joins ? ["--network", networkUrl] : []), ...args);
			let output = "";
			for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
			const ended = once(child, "exit");
			const url = `http://127.0.0.1:${port}`;
			const started: Role = {
				url,
				port,
				child,
				output: () => output,
				async stop() {
					if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
					await ended;
				},
			};
			running.push(started);
			await eventually(
				async () => {
					if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${role} ended while it started:\n${output}`);
					return (await fetch(`${url}/ready`).catch(() => undefined))?.ok === true ? true : undefined;
				},
				() => `${role} is not ready:\n${output}`,
				READY_DEADLINE_MS,
			);
			return started;
		},
		async remove() {
			for (const role of running.reverse()) await role.stop();
			await rm(folder, { recursive: true, force: true });
		},
	};
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
	const probe = createServer();
	probe.listen(0, "127.0.0.1");
	await once(probe, "listening");
	const { port } = probe.address() as AddressInfo;
	probe.close();
	await once(probe, "close");
	return port;
}
