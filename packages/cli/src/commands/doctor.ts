/** `freehold doctor`: looks for the things that usually go wrong, and says for each what to do. */
import { programVersion } from "@freehold/service";
import { findNetwork } from "../accounts/network.js";
import type { CommandContext } from "../context.js";
import { checkClock, checkDisk, checkHeight, checkMoney, checkNode, checkProcess, checkUnanchored, checkVersions, type Finding } from "../health/checks.js";
import { lookAtDisk, lookAtNetwork, type NetworkLook } from "../health/look.js";
import { checkFolder, checkKeys } from "../health/permissions.js";
import type { Action } from "../main.js";
import { HOST, portsFrom } from "../supervisor/local-network.js";
import { requireFreePorts } from "../supervisor/ports.js";
import { readNetworkOptions } from "./up.js";

export const doctor: Action = async (context, _args, options) => {
	const findings = [checkNode(process.versions.node), ...(context.network === undefined ? await checkHere(context, options) : await checkElsewhere(context))];
	const ok = findings.every((finding) => finding.ok);
	context.output.result({ ok, findings }, () =>
		findings.map(({ check, ok: good, detail }) => `${good ? context.output.good("✓") : context.output.bad("✗")} ${check.padEnd(10)} ${detail}`).join("\n"),
	);
	return ok ? 0 : 1;
};

/** The network of the data folder, whether it runs or not. */
async function checkHere(context: CommandContext, options: Readonly<Record<string, unknown>>): Promise<readonly Finding[]> {
	const { folder } = context;
	const writable = await checkFolder(folder);
	if (!writable.ok) return [writable];
	const before = [writable, checkDisk(await lookAtDisk(folder)), await checkKeys(folder)];
	const supervisor = await folder.livingSupervisor();
	if (supervisor === undefined) return [...before, ...(await checkPorts(readNetworkOptions(options).portBase))];
	const network = await folder.network();
	if (network === undefined)
		return [...before, { check: "network", ok: false, detail: `process ${supervisor.pid} is starting it, or stuck; look at: freehold logs ledger` }];
	return [...before, ...judge(await lookAtNetwork(context, network, Date.now))];
}

/** A network that `--network` names: what can be seen from outside. A node of another machine is seen through the hub only. */
async function checkElsewhere(context: CommandContext): Promise<readonly Finding[]> {
	const look = await lookAtNetwork(context, await findNetwork(context), Date.now);
	return judge({ ...look, processes: look.processes.filter(({ url }) => url !== undefined) });
}

function judge({ processes, chain, unanchored, money }: NetworkLook): readonly Finding[] {
	return [
		...processes.map(checkProcess),
		checkHeight(chain),
		checkUnanchored(unanchored),
		checkVersions(processes, programVersion),
		checkClock(processes),
		...checkMoney(money),
	];
}

async function checkPorts(portBase: number): Promise<readonly Finding[]> {
	try {
		await requireFreePorts(HOST, Object.values(portsFrom(portBase)));
		return [
			{ check: "ports", ok: true, detail: "free" },
			{ check: "network", ok: true, detail: "not running; start it with: npm start" },
		];
	} catch (error) {
		return [{ check: "ports", ok: false, detail: error instanceof Error ? error.message : "taken" }];
	}
}
