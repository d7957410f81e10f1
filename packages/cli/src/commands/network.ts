/** `freehold down`, `status`: looking at a local network and stopping it, from its folder. */
import { FreeholdError } from "@freehold/protocol";
import { isProcessAlive } from "@freehold/service";
import type { Action } from "../main.js";
import { table } from "../output/output.js";
import { removeFile } from "../supervisor/data-folder.js";
import { isReady } from "../supervisor/supervisor.js";

const STOP_DEADLINE_MS = 30_000;
const POLL_MS = 50;
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
