/**
 * What is not a kill: a disk that is full at any moment, a sync that fails, a file that was cut off, a clock that jumps by a day, a folder that two programs want,
 * a folder of another time. A program refuses with a clear error or goes on; it never has a wrong state.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Hex, JsonTensor } from "@freehold/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryModel } from "../journey/network.js";
import { type Ending, eventually } from "../journey/programs.js";
import { compareBooks, type Parties } from "./books.js";
import type { VictimRole } from "./killer.js";
import { type ChannelClient, channelClient, type Question } from "./parties/channel-client.js";
import { exactClient } from "./parties/exact-client.js";
import { keeper } from "./parties/keeper.js";
import { seeded } from "./seeded.js";
import { OPG, World, worldRoles } from "./world.js";

const DAY_MS = 86_400_000;
/** Roles whose folders lie on a small file system each. */
const onSmallDisks = ["ledger", "storage", "inference", "gateway"] as const;
const SMALL_DISK = "96m";
const PAGE = 4096;

let world: World;
let question: Question;
let models: readonly { readonly name: string; readonly release: Hex }[];
let parties: Parties;
let small = false;
const clockFile = join(mkdtempSync(join(tmpdir(), "freehold-clock-")), "ahead");

const inputsOf = async (): Promise<Readonly<Record<string, JsonTensor>>> =>
	JSON.parse(readFileSync(fileURLToPath(new URL("../../models/plus-digits/examples/seven.json", import.meta.url)), "utf8"));

beforeAll(async () => {
	writeFileSync(clockFile, "0");
	world = await World.make({ clockFile });
	small = onSmallDisks.every((role) => mount(world.path(role)));
	await Promise.all([world.start("ledger"), world.start("storage")]);
	await world.describe();
	await Promise.all([world.start("hub"), world.start("inference"), world.start("gateway")]);
	const base = await repositoryModel("base-digits");
	const published = await world.person(10).publish({ name: "base/digits", model: base.model, price: { perCall: OPG } });
	models = [{ name: "base/digits", release: published.release }];
	question = { models: ["base/digits"], inputs: await inputsOf() };
	const chance = seeded(7);
	const { gatewayUrl, storageUrl } = world.network;
	// Enough in the channel for all of it: while the chain's clock is ahead of its clients' nobody can pay in.
	const client = channelClient("client", world.person(1, { parallelCalls: 1, deposit: 20_000n * OPG }), question, chance, { closing: false, tolerant: true });
	const payer = exactClient("payer", world.personAccount(4), gatewayUrl, { ...question }, chance, { keyed: true, eip3009Only: true, tolerant: true });
	parties = {
		channels: [client],
		publishers: [],
		exact: [payer],
		keyless: [],
		keepers: [keeper("keeper", storageUrl, chance, { tolerant: true })],
		gifts: [],
		balances: new Map([[payer.address, 100_000n * OPG]]),
		models,
	};
	await progress(1);
}, 180_000);
afterAll(async () => {
	for (const { stop } of everybody()) stop();
	await world.stopAll();
	if (small) for (const role of onSmallDisks) execFileSync("umount", ["--lazy", world.path(role)]);
	await world.remove();
});

const everybody = () => [...parties.channels, ...parties.exact, ...parties.keepers];
const client = (): ChannelClient => parties.channels[0] as ChannelClient;

/** Until the client has been answered so often again. A party that gave up ends the test. */
async function progress(more: number): Promise<void> {
	const goal = client().done() + more;
	let fault: unknown;
	for (const { ended } of everybody())
		ended.catch((error: unknown) => {
			fault = error;
		});
	await eventually(
		async () => {
			if (fault !== undefined) throw fault;
			return client().done() >= goal ? true : undefined;
		},
		() => `answers\n${world.lastWords()}`,
		120_000,
	);
}

function canMount(): boolean {
	const folder = mkdtempSync(join(tmpdir(), "freehold-mount-"));
	const can = mount(folder);
	if (can) execFileSync("umount", ["--lazy", folder]);
	rmSync(folder, { recursive: true });
	return can;
}

function mount(folder: string): boolean {
	try {
		mkdirSync(folder, { recursive: true });
		execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SMALL_DISK}`, "tmpfs", folder], { stdio: "ignore" });
		return true;
	} catch {
		return false;
	}
}

/** Starts a role again where it has ended by itself, as a supervisor would. */
async function supervise(role: VictimRole): Promise<Ending | undefined> {
	const ending = world.process(role).ending();
	if (ending !== undefined) world.begin(role);
	await world.ready(role);
	return ending;
}

describe("a folder", () => {
	it("that a gateway has is refused to a second one, which names the first", async () => {
		const { pid } = world.process("gateway");
		const second = world.another("gateway");
		expect((await second.ended).code).toBe(1);
		expect(second.output()).toContain(`is in use by process ${pid}`);
		await progress(1);
	});
});

describe("a disk that is full", () => {
	it.skipIf(!canMount()).each(onSmallDisks)("for the %s costs calls, and nothing else (needs the right to mount)", { timeout: 240_000 }, async (role) => {
		const ballast = join(world.path(role), "ballast");
		fill(ballast);
		// Whatever is written now is refused; the disk stays full until something has been.
		await delay(2_500);
		rmSync(ballast);
		const ending = await supervise(role);
		expect([ending?.signal ?? null, ending === undefined ? "" : world.earlierWords(role)]).toEqual([null, expect.any(String)]);
		await progress(2);
	});
});

/** Takes what is left of a small disk, to the last page. */
function fill(path: string): void {
	for (const bytes of [1024 * 1024, PAGE]) {
		try {
			for (;;) writeFileSync(path, new Uint8Array(bytes), { flag: "a" });
		} catch {
			// Full.
		}
	}
}

describe("a sync that fails", () => {
	it.skipIf(!hasStrace()).each(onSmallDisks)("in the %s costs calls, and nothing else (needs strace)", { timeout: 240_000 }, async (role) => {
		const { pid } = world.process(role);
		const inject = "inject=fsync,fdatasync,msync:error=EIO";
		const tracer = spawn("strace", ["-f", "-qq", "-p", String(pid), "-o", "/dev/null", "-e", "trace=fsync,fdatasync,msync", "-e", inject], { stdio: "ignore" });
		const over = once(tracer, "exit");
		await delay(2_000);
		tracer.kill("SIGINT");
		await over;
		await supervise(role);
		await progress(2);
	});
});

function hasStrace(): boolean {
	try {
		execFileSync("strace", ["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "true"], { stdio: "ignore" });
		return true;
	} catch {
		return false;
	}
}

describe("a clock that jumps", () => {
	it("a day ahead, and back: calls go on", { timeout: 240_000 }, async () => {
		for (const ahead of [DAY_MS, 0]) {
			writeFileSync(clockFile, String(ahead));
			await delay(300);
			await progress(3);
		}
		nobodyFell();
	});

	it("a day behind the chain: what is not in force by that clock is refused, and all goes on when it is right again", { timeout: 240_000 }, async () => {
		writeFileSync(clockFile, String(-DAY_MS));
		await delay(2_000);
		writeFileSync(clockFile, "0");
		await delay(300);
		await progress(3);
		nobodyFell();
	});

	const nobodyFell = (): void => {
		for (const role of worldRoles) expect([role, world.process(role).ending()]).toEqual([role, undefined]);
	};
});

it("leaves all books equal to the unit", { timeout: 240_000 }, async () => {
	for (const { stop } of everybody()) stop();
	await Promise.all(everybody().map(({ ended }) => ended));
	const { calls } = await compareBooks(world, parties);
	expect(calls).toBeGreaterThan(10);
});

describe("a store", () => {
	const copyOf = (role: VictimRole): string => {
		const copy = mkdtempSync(join(tmpdir(), "freehold-torn-"));
		cpSync(world.path(role), join(copy, role), { recursive: true });
		return join(copy, role);
	};
	const dataOf = (role: VictimRole, folder: string): string => join(folder, role === "ledger" ? "state" : "store", "data.mdb");

	it.each(["ledger", "inference", "gateway"] as const)(
		"of the %s whose last pages are gone is refused by name, or whole",
		{ timeout: 240_000 },
		async (role) => {
			await world.process(role).stop();
			const folder = copyOf(role);
			const data = dataOf(role, folder);
			truncateSync(data, statSync(data).size - 6 * PAGE);
			const torn = world.another(role, { data: folder });
			const ended = await Promise.race([torn.ended, torn.ready.then(() => undefined)]);
			if (ended === undefined) await torn.stop();
			else {
				expect([ended, torn.output().includes("the store is damaged")]).toEqual([{ code: 1, signal: null }, true]);
			}
			await world.start(role);
		},
	);

	it.each(["ledger", "inference", "gateway"] as const)("of the %s in another format is refused and left as it was", { timeout: 240_000 }, async (role) => {
		await world.process(role).stop();
		const folder = copyOf(role);
		const data = dataOf(role, folder);
		const before = readFileSync(data);
		writeFileSync(join(data, "..", "format"), "freehold-of-tomorrow 9\n");
		const other = world.another(role, { data: folder });
		expect(await other.ended).toEqual({ code: 1, signal: null });
		expect(other.output()).toContain("holds data of format freehold-of-tomorrow 9");
		expect(readFileSync(data).equals(before)).toBe(true);
		await world.start(role);
	});

	it("of the hub with a torn page is made anew from chain and storage", { timeout: 240_000 }, async () => {
		await world.process("hub").stop();
		const data = join(world.path("hub"), "index.db");
		const bytes = readFileSync(data);
		bytes.fill(0xff, Math.floor(bytes.length / PAGE / 2) * PAGE, bytes.length);
		writeFileSync(data, bytes);
		rmSync(`${data}-wal`, { force: true });
		await world.start("hub");
		expect(world.process("hub").output()).toContain("the index is damaged");
		const answer = await fetch(`${world.network.hubUrl}/v1/models`);
		expect(((await answer.json()) as { readonly models: readonly unknown[] }).models).toHaveLength(1);
	});
});
