/** `freehold down`: stops a local network, from its folder. */
import { FreeholdError } from "@freehold/protocol";
import { isProcessAlive } from "@freehold/service";
import type { Action } from "../main.js";
import { removeFile } from "../supervisor/data-folder.js";

const STOP_DEADLINE_MS = 30_000;
const POLL_MS = 50;

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
