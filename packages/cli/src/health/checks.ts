/** What usually goes wrong, each as a question to what was seen. Pure: `freehold doctor` looks, this judges and says what to do. */
import { formatOpg } from "@freehold/protocol";
import type { ChainLook, DiskLook, MoneyLook, NetworkLook, ProcessLook } from "./look.js";

export interface Finding {
	readonly check: string;
	readonly ok: boolean;
	/** What is, and where it is not well, what to do. */
	readonly detail: string;
}

export const doctorLimits = {
	leastFreeBytes: 1024 ** 3,
	/** Signatures carry times: more than this and payments are refused as expired or not yet valid. */
	mostSkewMs: 5_000,
	/** A chain without transactions makes a block every five seconds. */
	mostBlockAgeMs: 30_000,
	/** Batches are anchored within ten seconds. */
	mostUnanchoredAgeMs: 60_000,
	/** Enough for thousands of transactions. */
	leastBalance: 10n ** 18n,
} as const;

const GIB = 1024 ** 3;

export function checkNode(version: string): Finding {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	const ok = major > 20 || (major === 20 && minor >= 19);
	return { check: "Node", ok, detail: ok ? version : `${version} is too old: install 20.19 or newer` };
}

export function checkDisk({ freeBytes, usedBytes }: DiskLook): Finding {
	const ok = freeBytes >= doctorLimits.leastFreeBytes;
	const detail = `${(freeBytes / GIB).toFixed(1)} GiB free, ${(usedBytes / GIB).toFixed(1)} GiB used here`;
	return {
		check: "disk",
		ok,
		detail: ok ? detail : `${detail}: make room, or move the folder with --data; a full disk stops the network (nothing promised is lost)`,
	};
}

export function checkVersions(processes: readonly ProcessLook[], own: string): Finding {
	const others = processes.filter(({ version }) => version !== undefined && version !== own);
	const ok = others.length === 0;
	const told = others.map(({ role, version }) => `${role} ${version}`).join(", ");
	return {
		check: "versions",
		ok,
		detail: ok ? `all ${own}` : `this command is ${own}, but ${told}: stop the network, run the set-up, and start it again`,
	};
}

export function checkClock(processes: readonly ProcessLook[]): Finding {
	const away = processes.filter(({ skewMs }) => skewMs !== undefined && Math.abs(skewMs) > doctorLimits.mostSkewMs);
	const ok = away.length === 0;
	const told = away.map(({ role, skewMs = 0 }) => `${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? "ahead of" : "behind"} the ${role}'s`).join(", ");
	return { check: "clock", ok, detail: ok ? "agrees with all processes" : `this machine's clock is ${told}: set it (signatures carry times)` };
}

export function checkProcess({ role, url, ready, detail, restarts }: ProcessLook): Finding {
	const again = restarts === 0 ? "" : `, restarted ${restarts} times: freehold logs ${role}`;
	if (ready) return { check: role, ok: true, detail: `${url}${again}` };
	const why = detail === undefined ? `does not answer${url === undefined ? "" : ` at ${url}`}` : `is not ready: ${words(detail)}`;
	return { check: role, ok: false, detail: `${why}${again || `; look at: freehold logs ${role}`}` };
}

export function checkHeight(chain: ChainLook | undefined): Finding {
	if (chain === undefined) return { check: "height", ok: false, detail: "unknown: the ledger does not say; look at: freehold logs ledger" };
	const { block, height, blockAgeMs } = chain;
	const ok = blockAgeMs <= doctorLimits.mostBlockAgeMs;
	const age = `${Math.round(blockAgeMs / 1000)} s ago`;
	return {
		check: "height",
		ok,
		detail: ok
			? `block ${block} at height ${height}, ${age}`
			: `stuck at block ${block}: the last one was ${age}, and without transactions there is one every 5 s. Look at: freehold logs ledger, and at the disk`,
	};
}

export function checkUnanchored(unanchored: NetworkLook["unanchored"]): Finding {
	if (unanchored === undefined) return { check: "anchoring", ok: false, detail: "unknown: the gateway does not say; look at: freehold logs gateway" };
	const { calls, ageMs } = unanchored;
	const ok = ageMs <= doctorLimits.mostUnanchoredAgeMs;
	if (calls === 0 && ageMs === 0) return { check: "anchoring", ok: true, detail: "nothing waits" };
	const detail = `${calls} calls wait, the oldest for ${Math.round(ageMs / 1000)} s`;
	return {
		check: "anchoring",
		ok,
		detail: ok
			? detail
			: `${detail}: their owners are not paid yet. Look for "anchoring failed" in: freehold logs gateway; the usual reasons are a ledger that is away and no OPG for the transaction`,
	};
}

export function checkMoney(money: readonly MoneyLook[]): readonly Finding[] {
	return money.map(({ role, address, balance, bond }) => {
		const known = `${role} ${address} has ${balance === undefined ? "an unknown balance" : `${formatOpg(balance)} OPG`}${bond === undefined ? "" : `, bond ${formatOpg(bond)} OPG`}`;
		const ok = balance === undefined || balance >= doctorLimits.leastBalance;
		return { check: "money", ok, detail: ok ? known : `${known}: it cannot pay for its transactions for long; send it OPG` };
	});
}

function words(detail: Readonly<Record<string, unknown>>): string {
	return Object.entries(detail)
		.map(([name, value]) => `${name} ${String(value)}`)
		.join(", ")
		.slice(0, 300);
}
