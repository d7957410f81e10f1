/** Finding out, before anything starts, that a port is taken, and by whom. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { createServer } from "node:net";
import { FreeholdError } from "@freehold/protocol";

/** Throws `config.invalid` naming the port and, where the system tells, the process that listens on it. */
export async function requireFreePorts(host: string, ports: readonly number[]): Promise<void> {
	for (const port of ports) {
		if (await isFree(host, port)) continue;
		const owner = await portOwner(port);
		const who = owner === undefined ? "another process" : `${owner.command} (process ${owner.pid})`;
		throw new FreeholdError("config.invalid", { option: "--port-base", reason: `port ${port} is taken by ${who}. Choose another with --port-base` });
	}
}

function isFree(host: string, port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const probe = createServer();
		probe.once("error", () => resolve(false));
		probe.listen(port, host, () => probe.close(() => resolve(true)));
	});
}

interface PortOwner {
	readonly pid: number;
	readonly command: string;
}

/** Listening process of a TCP port, from the kernel's tables; undefined where these cannot be read. */
async function portOwner(port: number): Promise<PortOwner | undefined> {
	const inode = await listeningInode(port);
	if (inode === undefined) return undefined;
	const processes = await readdir("/proc").catch(() => []);
	for (const pid of processes) {
		if (!/^\d+$/.test(pid)) continue;
		const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
		for (const descriptor of descriptors) {
			const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
			if (target === `socket:[${inode}]`) {
				const command = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "a process");
				return { pid: Number(pid), command: command.trim() };
			}
		}
	}
	return undefined;
}

async function listeningInode(port: number): Promise<string | undefined> {
	const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
	for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
		const text = await readFile(table, "utf8").catch(() => "");
		for (const line of text.split("\n").slice(1)) {
			const columns = line.trim().split(/\s+/);
			const LISTEN = "0A";
			if (columns[1]?.endsWith(suffix) && columns[3] === LISTEN) return columns[9];
		}
	}
	return undefined;
}
