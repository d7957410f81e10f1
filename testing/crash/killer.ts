/**
 * Kills the processes of a world by SIGKILL: each at its crash points, and all of them at moments of chance. Roles die independently of each other, so that two
 * are often away at one time.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type BegunProgram, eventually } from "../journey/programs.js";
import type { Chance } from "./seeded.js";
import { childrenOf, type World, worldRoles } from "./world.js";

export type VictimRole = (typeof worldRoles)[number];

export interface Killed {
	/** Processes that ended by SIGKILL. */
	kills: number;
	/** Crash points at which one ended. */
	readonly reached: Set<string>;
	/** Engine processes among them. */
	engines: number;
	/** Crash points that were not reached in all the time that they were given. */
	readonly missed: string[];
	/** Processes that ended by themselves: none should. */
	readonly fallen: string[];
	readonly pids: number[];
}

export interface KillPlan {
	/** By role, in any order. */
	readonly points: Readonly<Record<VictimRole, readonly string[]>>;
	/** Those of them that are reached only when another program dies too. */
	readonly rare: readonly string[];
	/** Kills at moments of chance, over all roles. */
	readonly random: number;
	/** Names the place of a kill that is about to come, for somebody who watches. */
	readonly tell?: (text: string) => void;
	/** Ends the killing: somebody has found a fault. */
	readonly signal: AbortSignal;
	/** Pieces of work that went well so far: where nothing goes well any more, kills show nothing. */
	readonly progress: () => number;
}

/** Time in which the load has to reach a crash point before another one is tried first: a point that was missed stays armed beside all that follow, and has longer. */
const REACH_MS = 5_000;
const LONG_REACH_MS = 12_000;
const ATTEMPTS = 4;
/** Longest life after its start of a process that is killed at a moment of chance. */
const LONGEST_LIFE_MS = 1_500;
/** Part of the kills of chance that come while the process still starts. */
const DURING_START = 0.3;
/** A role whose kills let less than this through lives until so much has gone well, or for a while: books of which nobody wrote anything always agree. */
const MEANWHILE = 15;
const LONGEST_REST_MS = 20_000;
const POLL_MS = 25;

/** Kills as planned; every role runs and is ready afterwards. */
export async function killAll(world: World, plan: KillPlan, chance: Chance): Promise<Killed> {
	const killed: Killed = { kills: 0, reached: new Set(), engines: 0, missed: [], fallen: [], pids: [] };
	// Drawn before anything runs: the same seed gives every role the same plan, whoever is faster.
	const share = Math.ceil(plan.random / worldRoles.length);
	const lanes = worldRoles.map((role) => {
		const random = Array.from({ length: share }, (): Step => ({ moment: chance.next(), starting: chance.next() < DURING_START, engine: chance.next() < 0.5 }));
		const points = plan.points[role].map((point): Step => ({ point, nth: chance.between(1, 3), attempts: ATTEMPTS }));
		return { role, steps: [...chance.shuffled<Step>([...points, ...random])] };
	});
	await Promise.all(lanes.map(({ role, steps }) => killOne(world, role, steps, killed, chance, plan)));
	return killed;
}

type Step =
	| { readonly point: string; readonly nth: number; readonly attempts: number }
	| { readonly moment: number; readonly starting: boolean; readonly engine: boolean };

async function killOne(
	world: World,
	role: VictimRole,
	steps: Step[],
	killed: Killed,
	chance: Chance,
	{ rare, tell = () => undefined, signal, progress }: KillPlan,
): Promise<void> {
	const fell = (process: BegunProgram): void => {
		killed.fallen.push(`${role} ended with code ${process.ending()?.code}:\n${process.output().split("\n").slice(-15).join("\n")}`);
		tell(killed.fallen.at(-1) ?? "");
	};
	await world.process(role).kill();
	killed.kills += 1;
	let seen = progress();
	/** Points that were given their time and not reached; those that need the death of another program are armed from the beginning. */
	const missed = new Set(rare.filter((point) => steps.some((step) => "point" in step && step.point === point)));
	/** How long the role took to start, last time: a busy machine takes longer. */
	let startMs = 1_000;
	for (let step = steps.shift(); step !== undefined && !signal.aborted; step = steps.shift()) {
		if ("point" in step && killed.reached.has(step.point)) continue;
		const began = performance.now();
		const armed = new Map([...missed].map((point) => [point, 1]));
		if ("point" in step) armed.set(step.point, step.nth);
		const process = world.begin(role, [...armed].map(([point, nth]) => `${point}:${nth}`).join(","));
		killed.pids.push(process.pid);
		const started = process.ready.then(
			() => {
				startMs = performance.now() - began;
			},
			() => undefined,
		);
		if ("point" in step) {
			const reachMs = missed.has(step.point) ? LONG_REACH_MS : REACH_MS;
			const ended = await Promise.race([process.ended, started.then(() => delay(reachMs))]);
			tell(`${role} ${step.point}:${step.nth} ${ended === undefined ? "not reached" : (ended.signal ?? ended.code)}`);
		} else {
			const until = step.starting ? delay(step.moment * startMs) : started.then(() => delay(step.moment * LONGEST_LIFE_MS));
			await Promise.race([process.ended, until]);
			if (role === "inference" && step.engine && !step.starting) killed.engines += await killEngines(process.pid, chance);
			tell(`${role} after ${Math.round(performance.now() - began)} ms`);
		}
		const ending = process.ending();
		if (ending === undefined) await process.kill();
		else if (ending.signal !== "SIGKILL") fell(process);
		const point = await crashPointOf(process, ending?.signal === "SIGKILL");
		if (point !== undefined) {
			killed.reached.add(point);
			missed.delete(point);
			if (!("point" in step && step.point === point)) tell(`${role} ${point}, which was missed before`);
		}
		if ("point" in step && !killed.reached.has(step.point)) {
			missed.add(step.point);
			if (step.attempts > 1) steps.push({ point: step.point, nth: 1, attempts: step.attempts - 1 });
			else killed.missed.push(step.point);
		}
		killed.kills += 1;
		if (steps.length === 0 || progress() >= seen + MEANWHILE) {
			seen = progress();
			continue;
		}
		const alive = world.begin(role);
		await Promise.race([alive.ended, alive.ready.catch(() => undefined)]);
		for (const end = performance.now() + LONGEST_REST_MS; progress() < seen + MEANWHILE && performance.now() < end && !signal.aborted; ) await delay(POLL_MS);
		seen = progress();
		if (alive.ending() === undefined) await alive.kill();
		else fell(alive);
		killed.kills += 1;
	}
	world.begin(role);
}

/** The crash point at which a process ended, by its last words, which may come after its end. */
async function crashPointOf(process: BegunProgram, ended: boolean): Promise<string | undefined> {
	const point = (): string | undefined => /^crash point (\S+)$/m.exec(process.output())?.[1];
	return ended ? eventually(async () => point(), "the last words of a process") : point();
}

async function killEngines(parent: number, chance: Chance): Promise<number> {
	const [engine] = chance.shuffled(await childrenOf(parent));
	if (engine === undefined) return 0;
	try {
		process.kill(engine, "SIGKILL");
	} catch {
		return 0;
	}
	// The node has a moment to notice.
	await delay(chance.between(0, 300));
	return 1;
}
