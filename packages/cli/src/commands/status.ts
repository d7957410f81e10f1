/** `freehold status`: the whole network at a glance. */
import { formatOpg } from "@freehold/protocol";
import { findNetwork } from "../accounts/network.js";
import { type DiskLook, lookAtDisk, lookAtNetwork, type NetworkLook } from "../health/look.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

const GIB = 1024 ** 3;

export const status: Action = async (context) => {
	const { output, folder } = context;
	const elsewhere = context.network !== undefined;
	const network = elsewhere ? await findNetwork(context) : await folder.network();
	const look = await lookAtNetwork(context, network, Date.now);
	const disk = elsewhere ? undefined : await lookAtDisk(folder).catch(() => undefined);
	const processes = elsewhere ? look.processes.filter(({ url }) => url !== undefined) : look.processes;
	const running = elsewhere || look.supervisor !== undefined;
	const told = {
		running,
		network,
		processes: processes.map(({ detail: _, skewMs: __, ...process }) => process),
		chain: look.chain,
		unanchored: look.unanchored,
		money: look.money,
		disk,
	};
	output.result(told, () => (running ? words({ ...look, processes }, disk) : "No network runs in this folder. Start one with: npm start"));
	return running && processes.every(({ ready }) => ready) ? 0 : 1;
};

function words({ processes, chain, unanchored, money }: NetworkLook, disk: DiskLook | undefined): string {
	const rows = processes.map(({ role, ready, pid, url, restarts, version }) => [
		role,
		ready ? "ready" : pid === undefined && url === undefined ? "stopped" : "not ready",
		String(pid ?? "–"),
		String(restarts),
		version ?? "–",
		url ?? "–",
	]);
	const facts = [
		["chain", chain === undefined ? "unknown" : `block ${chain.block} at height ${chain.height}, ${seconds(chain.blockAgeMs)} ago`],
		[
			"calls",
			unanchored === undefined
				? "unknown"
				: unanchored.calls === 0
					? "all anchored"
					: `${unanchored.calls} wait for anchoring, the oldest for ${seconds(unanchored.ageMs)}`,
		],
		...money.map(({ role, address, balance, bond }) => [
			role,
			`${address}  ${balance === undefined ? "?" : short(balance)} OPG${bond === undefined ? "" : `, bond ${short(bond)} OPG`}`,
		]),
		...(disk === undefined ? [] : [["disk", `${(disk.freeBytes / GIB).toFixed(1)} GiB free, ${(disk.usedBytes / GIB).toFixed(2)} GiB used`]]),
	];
	return `${table([["process", "state", "pid", "restarts", "version", "address"], ...rows])}\n\n${table(facts)}`;
}

/** Two decimals, cut: what there is at least. */
function short(amount: bigint): string {
	return formatOpg(amount).replace(/(\.\d\d)\d+$/, "$1");
}

function seconds(ms: number): string {
	return `${Math.round(ms / 1000)} s`;
}
