/** `freehold doctor`: looks for the things that usually go wrong, and says for each what to do. */
import { access, constants, statfs } from "node:fs/promises";
import type { CommandContext } from "../context.js";
import type { Action } from "../main.js";
import { DEFAULT_PORT_BASE, HOST, portsFrom } from "../supervisor/local-network.js";
import { requireFreePorts } from "../supervisor/ports.js";
import { isReady } from "../supervisor/supervisor.js";

interface Finding {
	readonly check: string;
	readonly ok: boolean;
	readonly detail: string;
}

const LEAST_DISK_BYTES = 1024 ** 3;
const MOST_CLOCK_SKEW_MS = 5_000;

export const doctor: Action = async (context) => {
	const findings = [checkNode(), await checkFolder(context), await checkDisk(context), ...(await checkNetwork(context))];
	const ok = findings.every((finding) => finding.ok);
	context.output.result({ ok, findings }, () =>
		findings.map(({ check, ok: good, detail }) => `${good ? context.output.good("✓") : context.output.bad("✗")} ${check.padEnd(10)} ${detail}`).join("\n"),
	);
	return ok ? 0 : 1;
};

function checkNode(): Finding {
	const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
	const ok = major > 20 || (major === 20 && minor >= 19);
	return { check: "Node", ok, detail: ok ? process.versions.node : `${process.versions.node} is too old: install 20.19 or newer` };
}

async function checkFolder({ folder }: CommandContext): Promise<Finding> {
	try {
		await folder.make();
		await access(folder.root, constants.R_OK | constants.W_OK);
		return { check: "folder", ok: true, detail: folder.root };
	} catch (error) {
		return {
			check: "folder",
			ok: false,
			detail: `${folder.root} cannot be written (${error instanceof Error ? error.message : "unknown"}); choose another with --data`,
		};
	}
}

async function checkDisk({ folder }: CommandContext): Promise<Finding> {
	const { bavail, bsize } = await statfs(folder.root);
	const free = bavail * bsize;
	const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
	return { check: "disk", ok: free >= LEAST_DISK_BYTES, detail: free >= LEAST_DISK_BYTES ? detail : `${detail}: make room, a full disk stops the network` };
}

async function checkNetwork(context: CommandContext): Promise<readonly Finding[]> {
	const { folder } = context;
	const supervisor = await folder.livingSupervisor();
	if (supervisor === undefined) {
		try {
			await requireFreePorts(HOST, Object.values(portsFrom(DEFAULT_PORT_BASE)));
			return [
				{ check: "ports", ok: true, detail: "free" },
				{ check: "network", ok: true, detail: "not running; start it with: npm start" },
			];
		} catch (error) {
			return [{ check: "ports", ok: false, detail: error instanceof Error ? error.message : "taken" }];
		}
	}
	const network = await folder.network();
	if (network === undefined)
		return [{ check: "network", ok: false, detail: `process ${supervisor.pid} is starting it, or stuck; look at: freehold logs ledger` }];
	const services = { ledger: network.rpcUrl, gateway: network.gatewayUrl, hub: network.hubUrl, storage: network.storageUrl };
	const findings = await Promise.all(
		Object.entries(services).map(async ([name, url]): Promise<Finding> => {
			const ok = await isReady(url);
			const restarts = supervisor.restarts[name] ?? 0;
			return {
				check: name,
				ok,
				detail: ok
					? `${url}${restarts === 0 ? "" : `, restarted ${restarts} times: freehold logs ${name}`}`
					: `does not say that it is ready; look at: freehold logs ${name}`,
			};
		}),
	);
	return [...findings, await checkClock(network.gatewayUrl)];
}

/** Signatures carry times, so this machine and the network must agree on what time it is. */
async function checkClock(url: string): Promise<Finding> {
	try {
		const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
		await response.arrayBuffer();
		const skewMs = Math.abs(Date.now() - Date.parse(response.headers.get("date") ?? ""));
		const ok = skewMs < MOST_CLOCK_SKEW_MS;
		return { check: "clock", ok, detail: ok ? "agrees with the gateway" : `is ${Math.round(skewMs / 1000)} s away from the gateway's: set it` };
	} catch (error) {
		return { check: "clock", ok: false, detail: error instanceof Error ? error.message : "the gateway did not answer" };
	}
}
