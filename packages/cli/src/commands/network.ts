/** `freehold down`, `status`, `logs`: looking at a local network and stopping it, from its folder. */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import { isProcessAlive } from "@freehold/service";
import type { Action } from "../main.js";
import { table } from "../output/output.js";
import { removeFile } from "../supervisor/data-folder.js";
import { isReady } from "../supervisor/supervisor.js";

const STOP_DEADLINE_MS = 30_000;
const POLL_MS = 50;
const LOG_TAIL_BYTES = 256 * 1024;
const ROLES = ["ledger", "storage", "inference", "gateway", "hub"] as const;

export const down: Action = async ({ output, folder }) => {
	const supervisor = await folder.livingSupervisor();
	if (supervisor === undefined) {
		await removeFile(folder.networkFile);
		output.result({ stopped: false }, () => "No network runs in this folder.");
		return 0;
	}
	process.kill(supervisor.pid, "SIGTERM");
	const deadline = performance.now() + STOP_DEADLINE_MS;
	while (isProcessAlive(supervisor.pid)) {
		if (performance.now() > deadline)
			throw new FreeholdError("upstream.timeout", { what: `The supervisor (process ${supervisor.pid})`, seconds: STOP_DEADLINE_MS / 1000 });
		await new Promise((resolve) => setTimeout(resolve, POLL_MS));
	}
	output.result({ stopped: true }, () => "Stopped.");
	return 0;
};

export const status: Action = async ({ output, folder }) => {
	const supervisor = await folder.livingSupervisor();
	const processes = await Promise.all(
		ROLES.map(async (role) => {
			const run = await folder.run(role);
			const alive = run !== undefined && isProcessAlive(run.pid);
			return {
				role,
				pid: alive ? run.pid : undefined,
				url: run?.url,
				ready: alive && (await isReady(run.url)),
				startedAt: alive ? run.startedAt : undefined,
				restarts: supervisor?.restarts[role] ?? 0,
			};
		}),
	);
	const network = await folder.network();
	output.result({ running: supervisor !== undefined, network, processes }, () =>
		supervisor === undefined
			? "No network runs in this folder. Start one with: npm start"
			: table([
					["process", "state", "pid", "restarts", "address"],
					...processes.map((it) => [
						it.role,
						it.ready ? "ready" : it.pid === undefined ? "stopped" : "not ready",
						String(it.pid ?? "–"),
						String(it.restarts),
						it.url ?? "–",
					]),
				]),
	);
	return supervisor !== undefined && processes.every((it) => it.ready) ? 0 : 1;
};

export const logs: Action = async ({ output, folder }, [name], options) => {
	const files = (await readdir(join(folder.root, "logs")).catch(() => [])).filter((file) => file.endsWith(".log"));
	if (name === undefined) {
		output.result({ logs: files.map((file) => join(folder.root, "logs", file)) }, () =>
			files.length === 0 ? "No logs yet." : files.map((file) => file.slice(0, -4)).join("\n"),
		);
		return 0;
	}
	if (!files.includes(`${name}.log`))
		throw new FreeholdError("request.invalid", {
			field: "process",
			reason: `there is no log of ${name}; there are: ${files.map((file) => file.slice(0, -4)).join(", ") || "none"}`,
		});
	const count = Number(options["lines"]);
	if (!Number.isInteger(count) || count < 1) throw new FreeholdError("config.invalid", { option: "--lines", reason: "must be a whole number above zero" });
	const lines = (await tail(folder.logFile(name))).slice(-count);
	output.result({ process: name, lines }, () => lines.join("\n"));
	return 0;
};

async function tail(path: string): Promise<readonly string[]> {
	const file = await open(path, "r");
	try {
		const { size } = await file.stat();
		const length = Math.min(size, LOG_TAIL_BYTES);
		const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
		const lines = buffer.toString("utf8").split("\n");
		if (length < size) lines.shift();
		return lines.filter((line) => line !== "");
	} finally {
		await file.close();
	}
}
