/**
 * `kill -9` of any one process, at any moment, loses nothing: two clients go on asking and paying while the ledger, the storage, the node, its engine, the
 * gateway and the hub die one after another. Afterwards every answer is proved, and all books agree to the unit.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { JsonTensor, NetworkFile } from "@freehold/protocol";
import { type Inference, verifyReceipt } from "@freehold/sdk";
import { nativeCrypto } from "@freehold/service";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../journey/programs.js";
import { audit, type Paid } from "./audit.js";
import { watchHead } from "./head-watch.js";
import { allGone, LocalNetwork, type Role, roles, type Status } from "./local-network.js";
import { type Chance, seeded } from "./seeded.js";

const deep = process.env["FREEHOLD_DEEP"] === "1";
/** Another seed gives other moments and another order. */
const SEED = Number(process.env["FREEHOLD_SEED"] ?? 20_261);
const ROUNDS = deep ? 8 : 1;
const DEMOS = deep ? 10 : 1;
/** A call that meets a dead process waits for it. */
const CALL_DEADLINE_MS = 60_000;
const PROOF_DEADLINE_MS = 30_000;
/** Models that the clients ask in turn: one owes the other a share. */
const MODELS = ["base/digits", "plus/digits"] as const;

const victims = [...roles, "engine"] as const;
type Victim = (typeof victims)[number];

let local: LocalNetwork;
let network: NetworkFile;
let question: Readonly<Record<string, JsonTensor>>;
const seen: number[] = [];

beforeAll(async () => {
	question = JSON.parse(await readFile(fileURLToPath(new URL("../../models/plus-digits/examples/seven.json", import.meta.url)), "utf8"));
	local = await LocalNetwork.make();
	await local.up();
	network = await local.network();
}, 120_000);
afterAll(() => local.remove());

/** Kills one process; a role is ready again afterwards. */
async function kill(victim: Victim, chance: Chance): Promise<void> {
	if (victim !== "engine") {
		seen.push(...(victim === "inference" ? await local.children("inference") : []), await local.killRole(victim));
		return;
	}
	const engines = await local.children("inference");
	const [engine] = chance.shuffled(engines);
	if (engine === undefined) return;
	seen.push(engine);
	process.kill(engine, "SIGKILL");
}

/** A client that asks until it is told to stop. What it is refused with ends the test. */
interface Asking extends Paid {
	readonly answers: Inference[];
	readonly done: Promise<void>;
	readonly stop: () => void;
	failure: unknown;
}

async function startAsking(account: string, chance: Chance): Promise<Asking> {
	const freehold = await local.account(account, { parallelCalls: 1 });
	const answers: Inference[] = [];
	let stopped = false;
	const ask = async (): Promise<void> => {
		while (!stopped) {
			const model = MODELS[answers.length % MODELS.length] ?? MODELS[0];
			answers.push(await freehold.infer(model, { inputs: question, timeoutMs: CALL_DEADLINE_MS }));
			await delay(chance.between(0, 60));
		}
	};
	const asking: Asking = {
		freehold,
		answers,
		failure: undefined,
		done: ask().catch((error: unknown) => {
			asking.failure = error;
		}),
		stop: () => {
			stopped = true;
		},
	};
	return asking;
}

/** Until each client has so many answers more. */
function answered(clients: readonly Asking[], more: number): Promise<true> {
	const goals = clients.map(({ answers }) => answers.length + more);
	return eventually(
		async () => {
			for (const { failure } of clients) if (failure !== undefined) throw failure;
			return clients.every(({ answers }, index) => answers.length >= (goals[index] ?? 0)) ? true : undefined;
		},
		"answers",
		CALL_DEADLINE_MS,
	);
}

it("keeps every promise to two clients that pay while each process is killed", { timeout: deep ? 900_000 : 100_000 }, async () => {
	const chance = seeded(SEED);
	const head = watchHead(network.rpcUrl);
	const clients = await Promise.all([startAsking("dev-5", chance), startAsking("dev-6", chance)]);
	await answered(clients, 2);
	for (let round = 0; round < ROUNDS; round++) {
		for (const victim of chance.shuffled<Victim>(victims)) {
			await delay(chance.between(0, 400));
			await kill(victim, chance);
			await answered(clients, 1);
		}
	}
	for (const client of clients) client.stop();
	await Promise.all(clients.map(({ done }) => done));
	for (const { failure } of clients) if (failure !== undefined) throw failure;

	// Every answer is proved, by a file that stands alone.
	const { checkpoint, chainId } = await local.checkpoint();
	for (const { freehold, answers } of clients) {
		for (const { callId, charge } of answers) {
			const { state, file } = await freehold.receipts.wait(callId, { timeoutMs: PROOF_DEADLINE_MS });
			expect([callId, state]).toEqual([callId, "final"]);
			expect(file.receipt.charge).toBe(charge);
			expect(verifyReceipt(file, { checkpoint, chainId, crypto: nativeCrypto }).outcome).toBe("meets");
		}
	}
	const { releases } = await local.json<{
		readonly releases: readonly { readonly model: string; readonly release: `0x${string}`; readonly owner: `0x${string}` }[];
	}>("seeded.json");
	await audit({
		network,
		payers: clients,
		owners: [...new Set(releases.map(({ owner }) => owner))],
		models: MODELS.map((name) => {
			const release = releases.find(({ model }) => model.startsWith(`${name}@`))?.release;
			if (release === undefined) throw new Error(`${name} is not there`);
			return { name, release };
		}),
	});
	expect(await head.stop()).toBeGreaterThan(2);

	// Each role died once a round and came back; no engine outlives its node.
	const status = (await local.run("status", "--json")).json() as Status;
	expect(status.processes.map(({ role, ready, restarts }) => ({ role, ready, restarts }))).toEqual(
		roles.map((role) => ({ role, ready: true, restarts: ROUNDS })),
	);
	await allGone(seen);
});

it("plays the demo to its end although every role is killed during it", { timeout: deep ? 900_000 : 100_000 }, async () => {
	const chance = seeded(SEED + 1);
	for (let play = 0; play < DEMOS; play++) {
		let over = false;
		const playing = local.run("demo", "--json").finally(() => {
			over = true;
		});
		const killed: Role[] = [];
		for (const role of chance.shuffled(roles)) {
			await delay(chance.between(100, 900));
			if (over) break;
			await local.killRole(role);
			killed.push(role);
		}
		const { status, out, err } = await playing;
		expect([status, err], `after ${killed.join(", ")}: ${out}`).toEqual([0, ""]);
		const { checks } = JSON.parse(out) as { readonly checks: readonly { readonly name: string; readonly ok: boolean }[] };
		expect(checks.filter(({ ok }) => !ok)).toEqual([]);
		expect(killed.length).toBeGreaterThan(0);
	}
	await expect(readFile(join(local.data, "network.json"), "utf8")).resolves.toContain(network.rpcUrl);
});
