/**
 * Runs many damaged inputs against one reader of outside data and asks the same of each: an answer or a refusal in the reader's own words, in time, without keeping
 * memory; and that what is accepted is spelt as it would be written.
 *
 *     FREEHOLD_FUZZ_SEED=123        the seed that a failure printed; by default another one in each run
 *     FREEHOLD_FUZZ_RUNS=1000000    inputs for each reader; default 100,000, and 10,000,000 with FREEHOLD_DEEP=1
 *     FREEHOLD_FUZZ_SHARD=3/16      the third of sixteen equal parts, so that several machines can share the work
 */
import { inspect } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Random } from "./random.ts";

/** A reader of outside data, and how to attack it. */
export interface Target<I> {
	readonly name: string;
	/** Real captures and generated values, as the reader's friends would send them. All must be accepted. */
	seeds(random: Random): readonly I[] | Promise<readonly I[]>;
	mutate(input: I, random: Random, seeds: readonly I[]): I;
	/** Reads the input; true when it was accepted. Throws what the reader throws, or an error of its own about what was accepted wrongly. */
	read(input: I): boolean;
	/** True for the errors that the reader promises. */
	isRefusal(error: unknown): boolean;
	/** Share of the usual number of inputs, for readers that are slow by nature. Default 1. */
	readonly share?: number;
}

const deep = process.env["FREEHOLD_DEEP"] === "1";
const settings = {
	seed: Number(process.env["FREEHOLD_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 32)) >>> 0,
	runs: Number(process.env["FREEHOLD_FUZZ_RUNS"] ?? (deep ? 10_000_000 : 100_000)),
	shard: (process.env["FREEHOLD_FUZZ_SHARD"] ?? "1/1").split("/").map(Number) as [number, number],
};
/** For tests that run their own inputs. */
export const fuzzSettings = { seed: settings.seed, runs: settings.runs, parts: settings.shard[1] } as const;
/** Inputs of one test, so that each ends well within its time. */
const RUNS_PER_TEST = 500_000;
/** Every so often an input is sent unharmed: it must be accepted, also after a thousand that were not. */
const UNHARMED_SHARE = 0.02;
const HANG_MS = 1_000;
const MAX_KEPT_BYTES = 48 * 1024 * 1024;
const SHRINK_STEPS = 400;

/** Declares the tests of some readers. */
export function fuzz(...targets: readonly Target<unknown>[]): void {
	describe(`damaged input (FREEHOLD_FUZZ_SEED=${settings.seed})`, () => {
		for (const target of targets) {
			const [part, parts] = settings.shard;
			const runs = Math.ceil((settings.runs * (target.share ?? 1)) / parts);
			const tests = Math.ceil(runs / RUNS_PER_TEST);
			for (let index = 0; index < tests; index++) {
				const here = Math.min(RUNS_PER_TEST, runs - index * RUNS_PER_TEST);
				const label = tests === 1 ? "" : `, part ${index + 1} of ${tests}`;
				it(
					`${target.name}: ${here.toLocaleString("en")} inputs${label}`,
					() => attack(target, mixed(settings.seed, (part - 1) * tests + index), here),
					600_000,
				);
			}
		}
	});
}

async function attack<I>(target: Target<I>, seed: number, runs: number): Promise<void> {
	const random = new Random(seed);
	const seeds = await target.seeds(random);
	for (const input of seeds) expect(verdict(target, input), `${target.name} refuses an honest input: ${show(input)}`).toBe("accepted");
	// Whatever is cached once is cached now.
	for (let index = 0; index < Math.min(2_000, runs); index++) verdict(target, target.mutate(random.pick(seeds), random, seeds));
	const before = memory();
	let accepted = 0;
	for (let index = 0; index < runs; index++) {
		const honest = random.pick(seeds);
		const unharmed = random.chance(UNHARMED_SHARE);
		const input = unharmed ? honest : target.mutate(honest, random, seeds);
		const startedAt = performance.now();
		const found = verdict(target, input);
		if (found === "accepted") accepted++;
		else if (found !== "refused" || unharmed) fail(target, input, unharmed ? `an honest input was ${found}` : found, seed, index);
		if (performance.now() - startedAt > HANG_MS && isSlow(target, input)) fail(target, input, `it took more than ${HANG_MS} ms, each time`, seed, index);
	}
	expect(accepted, "the mutations leave nothing that is accepted, or the reader refuses everything").toBeGreaterThan(0);
	expect(memory() - before, `${target.name} keeps memory`).toBeLessThan(MAX_KEPT_BYTES);
}

function verdict<I>(target: Target<I>, input: I): string {
	try {
		return target.read(input) ? "accepted" : "refused";
	} catch (error) {
		if (target.isRefusal(error)) return "refused";
		return error instanceof Error
			? `${error.name}: ${error.message}\n${error.stack?.split("\n").slice(1, 5).join("\n")}`
			: `something thrown: ${String(error)}`;
	}
}

/** A machine that is busy with others makes one run slow, not three. */
function isSlow<I>(target: Target<I>, input: I): boolean {
	return [1, 2, 3].every(() => {
		const startedAt = performance.now();
		verdict(target, input);
		return performance.now() - startedAt > HANG_MS;
	});
}

function fail<I>(target: Target<I>, input: I, what: string, seed: number, index: number): never {
	const smaller = shrunk(target, input);
	throw new Error(
		`${target.name}, input ${index} of seed ${seed} (FREEHOLD_FUZZ_SEED=${settings.seed}): ${what}\nMake it a plain test in testing/hostile/finds.test.ts:\n${show(smaller)}`,
	);
}

/** A smaller input that fails in any unforeseen way, found by leaving pieces out. Texts and bytes only. */
function shrunk<I>(target: Target<I>, input: I): I {
	if (typeof input !== "string" && !(input instanceof Uint8Array)) return input;
	let best: string | Uint8Array = input;
	for (let step = 0, size = Math.ceil(best.length / 2); step < SHRINK_STEPS && size >= 1; size = Math.floor(size / 2)) {
		for (let at = 0; at < best.length && step < SHRINK_STEPS; step++) {
			const tried: string | Uint8Array =
				typeof best === "string" ? best.slice(0, at) + best.slice(at + size) : Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + size)]);
			if (["accepted", "refused"].includes(verdict(target, tried as I))) at += size;
			else best = tried;
		}
	}
	return best as I;
}

const show = (input: unknown): string =>
	input instanceof Uint8Array
		? `0x${Buffer.from(input).toString("hex").slice(0, 4_000)}`
		: typeof input === "string"
			? JSON.stringify(input.slice(0, 4_000))
			: inspect(input, { depth: 8, maxStringLength: 500 });

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function memory(): number {
	collect();
	collect();
	const { heapUsed, arrayBuffers } = process.memoryUsage();
	return heapUsed + arrayBuffers;
}

function mixed(seed: number, part: number): number {
	return (seed ^ Math.imul(part + 1, 0x85ebca6b)) >>> 0;
}
