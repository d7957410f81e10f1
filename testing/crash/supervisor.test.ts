/**
 * The supervisor of a local network: claims its folder, starts each role in a process group of its own, writes `network.json` last, drains on the first
 * signal, stops at once on a second, and leaves nothing behind that a next start would stumble over, even when it is killed itself.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { allGone, groupOf, isAlive, LocalNetwork, roles, type Status, type Up } from "./local-network.js";

/** Later than this a second signal is another one, and not the same one twice. */
const SAME_SIGNAL_MS = 1_000;
const SIGNAL_EVERY_MS = 250;

let local: LocalNetwork;
beforeAll(async () => {
	local = await LocalNetwork.make();
});
afterAll(() => local.remove());

const status = async (): Promise<Status> => (await local.run("status", "--json")).json();

/** All processes of the network: the supervisor, its roles, their engines. */
async function processes(up: Up): Promise<readonly number[]> {
	const pids = await Promise.all(roles.map((role) => local.pid(role)));
	return [up.child.pid ?? 0, ...pids, ...(await local.children("inference"))];
}

async function nothingIsLeft(): Promise<void> {
	for (const name of ["network.json", "run/supervisor.json", ...roles.map((role) => `run/${role}.json`)])
		expect([name, await local.read(name)]).toEqual([name, undefined]);
}

describe("a network that runs", { timeout: 120_000 }, () => {
	let up: Up;
	beforeAll(async () => {
		up = await local.up();
	}, 120_000);

	it("wrote network.json last: everything is ready, and the models are there", async () => {
		const { running, processes: all } = await status();
		expect({ running, ready: all.filter(({ ready }) => ready).map(({ role }) => role) }).toEqual({ running: true, ready: roles });
		const [written, seeded, checkpoint] = await Promise.all(
			["network.json", "seeded.json", "checkpoint.json"].map(async (name) => (await stat(join(local.data, name))).mtimeMs),
		);
		expect(written).toBeGreaterThanOrEqual(Math.max(seeded ?? 0, checkpoint ?? 0));
	});

	it("runs each role in a process group of its own", async () => {
		const pids = await Promise.all(roles.map((role) => local.pid(role)));
		if ((await groupOf(process.pid)) === undefined) return;
		expect(await Promise.all(pids.map(groupOf))).toEqual(pids);
	});

	it("starts a role again that dies, and counts it", async () => {
		await local.killRole("hub");
		const { processes: all } = await status();
		expect(all.map(({ role, restarts }) => [role, restarts])).toEqual(roles.map((role) => [role, role === "hub" ? 1 : 0]));
		expect(up.output()).toContain("hub ended (SIGKILL)");
	});

	it("refuses a second network in its folder, naming the process, and goes on", async () => {
		const second = local.begin();
		expect(await second.ended).toEqual({ code: 1, signal: null });
		expect(second.output()).toContain(`${up.child.pid}`);
		expect((await status()).processes.every(({ ready }) => ready)).toBe(true);
		expect(await local.read("network.json")).toBeDefined();
	});

	it("refuses a port that is taken, naming port and process, and leaves nothing behind", async () => {
		const other = await LocalNetwork.make(local.portBase);
		try {
			const ended = other.begin();
			expect(await ended.ended).toEqual({ code: 1, signal: null });
			expect(ended.output()).toContain(`port ${local.portBase} is taken by`);
			if ((await groupOf(process.pid)) !== undefined) expect(ended.output()).toContain(`process ${await local.pid("ledger")}`);
			expect(await other.read("run/supervisor.json")).toBeUndefined();
		} finally {
			await other.remove();
		}
	});

	it("drains when its supervisor is killed, and starts again in the same folder at once", async () => {
		const before = await processes(up);
		const { hash } = (await local.network()).checkpoint as { readonly hash: string };
		up.child.kill("SIGKILL");
		await up.ended;
		// The roles still finish their work when the next network begins.
		const next = await local.up();
		expect(before.filter(isAlive)).toEqual([]);
		expect((await local.network()).checkpoint).toMatchObject({ hash });
		expect((await status()).processes.map(({ ready, restarts }) => [ready, restarts])).toEqual(roles.map(() => [true, 0]));
		for (const role of roles) expect(await local.read(`logs/${role}.log`)).toContain("the supervisor is gone");
		up = next;
	});

	it("stops at once on a second signal, when a role does not drain", async () => {
		const all = await processes(up);
		process.kill(await local.pid("gateway"), "SIGSTOP");
		up.child.kill("SIGTERM");
		await eventually(async () => ((await local.read("network.json")) === undefined ? true : undefined), "network.json to be removed");
		// The same signal once more within a second changes nothing: terminals and supervisors often send both.
		up.child.kill("SIGTERM");
		expect(isAlive(all[1] ?? 0)).toBe(true);
		await delay(SAME_SIGNAL_MS);
		while (up.child.exitCode === null && up.child.signalCode === null) {
			up.child.kill("SIGTERM");
			await delay(SIGNAL_EVERY_MS);
		}
		expect(await up.ended).toEqual({ code: 130, signal: null });
		await allGone(all);
		expect(await local.read("network.json")).toBeUndefined();
	});

	it("drains everything on the first signal", async () => {
		up = await local.up();
		const all = await processes(up);
		up.child.kill("SIGTERM");
		expect(await up.ended).toEqual({ code: 0, signal: null });
		await allGone(all);
		await nothingIsLeft();
		expect((await status()).running).toBe(false);
	});

	it("can be told to stop while it starts", async () => {
		up = local.begin();
		await eventually(async () => ((await local.read("run/ledger.json")) === undefined ? undefined : true), "the ledger", 30_000);
		up.child.kill("SIGINT");
		expect(await up.ended).toEqual({ code: 130, signal: null });
		await nothingIsLeft();
	});
});
