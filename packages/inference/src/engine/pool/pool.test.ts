import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, readlink } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { FreeholdError, type Tensor, type Tensors, tensorElements, tensorFromElements } from "@freehold/protocol";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { allocationBomb, endlessLoop, linear } from "../../../../../testing/onnx/models.js";
import { codeOf, describeEngine, modelFolder } from "../../../test/engine-compliance.js";
import type { Engine, EngineMode, EnginePool } from "../engine.js";
import { canIsolateNetwork } from "../isolation/confinement.js";
import { runOnceMore } from "./once-more.js";
import { createEnginePool, type EnginePoolOptions } from "./pool.js";

const one: Tensors = { X: tensorFromElements("float32", [1], [1]) };
const pair: Tensors = { X: tensorFromElements("float32", [1, 2], [1, 1]) };
const size = (elements: number): Tensors => ({ X: tensorFromElements("int64", [1], [elements]) });

/** The pool seen as an engine, so that the same suite holds for it. */
async function pooled(mode: EngineMode): Promise<Engine> {
	const pool = await createEnginePool({ fastProcesses: 1 });
	const description = await pool.describe(mode);
	return {
		describe: () => description,
		load: async (files) => ({
			schema: await pool.load(files, mode),
			run: async (inputs, signal) => (await pool.run(files, mode, inputs, signal)).outputs,
			dispose: async () => {},
		}),
		dispose: () => pool.close(),
	};
}

describeEngine("The fast lane", () => pooled("fast"));
describeEngine("The bit-exact lane", () => pooled("bit-exact"));

const models = modelFolder();
const pools: EnginePool[] = [];
afterEach(async () => {
	await Promise.all(pools.splice(0).map((pool) => pool.close()));
});
afterAll(() => models.remove());

/** Longer than any call needs that ends by itself. */
const PATIENCE_MS = 30_000;

async function open(options: EnginePoolOptions = {}): Promise<EnginePool> {
	const pool = await createEnginePool({ fastProcesses: 1, runTimeoutMs: 1500, memoryBytes: 400 * 1024 * 1024, ...options });
	pools.push(pool);
	return pool;
}

async function waitFor(condition: () => boolean): Promise<void> {
	const deadline = Date.now() + 10_000;
	while (!condition()) {
		if (Date.now() > deadline) throw new Error("the condition did not come true in 10 s");
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}

/** A zombie that nobody has collected counts as ended. */
function isRunning(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return !existsSync("/proc/self/stat") || readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.startsWith("Z") === false;
	} catch {
		return false;
	}
}

describe.each(["fast", "bit-exact"] as const)("a hostile file in the %s lane costs its own call only", (mode) => {
	it.each([
		["a loop that never ends", endlessLoop(), one, "engine.timeout"],
		// 32-bit WebAssembly refuses the shape before it allocates.
		["a tensor of 40 GB", allocationBomb(), size(1e10), mode === "fast" ? "engine.outOfMemory" : "engine.failed"],
		["a tensor over the memory limit", allocationBomb(), size(250e6), "engine.outOfMemory"],
	])("%s", async (_what, bytes, inputs, code) => {
		// On a busy machine 400 MB take longer to fill than a loop has.
		const pool = await open(code === "engine.timeout" ? {} : { runTimeoutMs: PATIENCE_MS });
		const [honest, hostile] = [await models.write(linear()), await models.write(bytes)];
		await pool.run(honest, mode, pair);
		const [bad, good] = await Promise.all([codeOf(pool.run(hostile, mode, inputs)), pool.run(honest, mode, pair)]);
		expect(bad).toBe(code);
		expect(tensorElements(good.outputs.Y as Tensor)).toEqual([4.5, 5.5]);
	});

	it("a tensor of 40 GB folded while the model loads", async () => {
		const pool = await open({ runTimeoutMs: PATIENCE_MS });
		const hostile = await models.write(allocationBomb(1e10));
		expect(await codeOf(pool.run(hostile, mode, size(1)))).toMatch(/^engine\.(outOfMemory|modelInvalid|failed)$/);
		expect(await codeOf(pool.run(await models.write(linear()), mode, pair))).toBe("no error");
	});

	it("a process that dies in the middle of a call", async () => {
		const pool = await open({ runTimeoutMs: 20_000 });
		const [honest, hostile] = [await models.write(linear()), await models.write(endlessLoop())];
		await pool.load(hostile, mode);
		const broken = codeOf(pool.run(hostile, mode, one));
		const next = pool.run(honest, mode, pair);
		await waitFor(() => pool.depth.running === 1 && pool.depth.waiting === 1);
		process.kill(pool.pids[0] as number, "SIGKILL");
		expect(await broken).toBe("engine.crashed");
		expect((await next).outputs.Y?.shape).toEqual([1, 2]);
	});
});

describe("a run whose process somebody else kills", () => {
	const runningProcess = async (pool: EnginePool, not?: number): Promise<number> => {
		await waitFor(() => pool.depth.running === 1 && pool.pids[0] !== undefined && pool.pids[0] !== not);
		return pool.pids[0] as number;
	};

	it("is made once more in another process, and not a third time", async () => {
		const pool = await open({ runTimeoutMs: 20_000 });
		const slow = await models.write(endlessLoop());
		await pool.load(slow, "fast");
		const call = codeOf(runOnceMore(pool, slow, "fast", one));
		const first = await runningProcess(pool);
		process.kill(first, "SIGKILL");
		process.kill(await runningProcess(pool, first), "SIGKILL");
		expect(await call).toBe("engine.crashed");
	});

	it("is not repeated when the pool ended it, or the caller gave up", async () => {
		const pool = await open({ runTimeoutMs: 300, abortGraceMs: 10 });
		const slow = await models.write(endlessLoop());
		let runs = 0;
		const counting: EnginePool = {
			...pool,
			run: (...call) => {
				runs++;
				return pool.run(...call);
			},
		};
		expect(await codeOf(runOnceMore(counting, slow, "fast", one))).toBe("engine.timeout");
		const killed = new FreeholdError("engine.crashed", { reason: "signal SIGKILL", signal: "SIGKILL" });
		const dying: EnginePool = {
			...counting,
			run: () => {
				runs++;
				return Promise.reject(killed);
			},
		};
		expect(await codeOf(runOnceMore(dying, slow, "fast", one, AbortSignal.abort()))).toBe("engine.crashed");
		expect(runs).toBe(2);
	});
});

describe("the pool", () => {
	it("refuses what does not fit in its queue", async () => {
		const pool = await open({ maxWaiting: 1, runTimeoutMs: 1000 });
		const slow = await models.write(endlessLoop());
		const calls = [pool.run(slow, "fast", one), pool.run(slow, "fast", one), pool.run(slow, "fast", one)].map(codeOf);
		expect(await calls[2]).toBe("engine.busy");
		expect(await Promise.all(calls)).toEqual(["engine.timeout", "engine.timeout", "engine.busy"]);
	});

	it("does not let others wait behind a call that hangs, and starts no second process before it must", async () => {
		const pool = await open({ fastProcesses: 2, runTimeoutMs: 30_000, abortGraceMs: 10 });
		const [slow, first, second] = [await models.write(endlessLoop()), await models.write(linear()), await models.write(linear())];
		await pool.run(first, "fast", pair);
		await pool.run(second, "fast", pair);
		expect(pool.pids).toHaveLength(1);
		const giveUp = new AbortController();
		const hanging = codeOf(pool.run(slow, "fast", one, giveUp.signal)).catch((error: Error) => error.message);
		expect(await codeOf(pool.run(first, "fast", pair))).toBe("no error");
		expect(pool.depth.running).toBe(1);
		giveUp.abort(new Error("enough"));
		expect(await hanging).toBe("enough");
	});

	it("lets a caller give up at once, waiting or running", async () => {
		const pool = await open({ runTimeoutMs: 20_000, abortGraceMs: 50 });
		const slow = await models.write(endlessLoop());
		const [first, second] = [new AbortController(), new AbortController()];
		const running = pool.run(slow, "fast", one, first.signal);
		const waiting = pool.run(slow, "fast", one, second.signal);
		second.abort(new Error("not needed"));
		await expect(waiting).rejects.toThrow("not needed");
		await waitFor(() => pool.pids.length === 1);
		first.abort(new Error("enough"));
		await expect(running).rejects.toThrow("enough");
		expect(await codeOf(pool.run(await models.write(linear()), "fast", pair))).toBe("no error");
	});

	it("keeps a release away after it brought its engine down three times, and lets it return", async () => {
		let now = 0;
		const pool = await open({ now: () => now, runTimeoutMs: 800 });
		const hostile = await models.write(endlessLoop());
		for (let time = 0; time < 3; time++) expect(await codeOf(pool.run(hostile, "fast", one))).toBe("engine.timeout");
		expect(await codeOf(pool.run(hostile, "fast", one))).toBe("engine.quarantined");
		expect(await codeOf(pool.run(await models.write(linear()), "fast", pair))).toBe("no error");
		now += 60_000;
		expect(await codeOf(pool.run(hostile, "fast", one))).toBe("engine.timeout");
	});

	it("replaces a worn process without failing a call", async () => {
		const pool = await open({ recycleAfter: 3 });
		const honest = await models.write(linear());
		await pool.run(honest, "fast", pair);
		const first = pool.pids[0];
		const deadline = Date.now() + 10_000;
		while (pool.pids[0] === first && Date.now() < deadline) expect(await codeOf(pool.run(honest, "fast", pair))).toBe("no error");
		expect(pool.pids[0]).not.toBe(first);
	});

	it("makes room for more releases than it keeps loaded", async () => {
		const pool = await open({ maxSessions: 2 });
		const releases = await Promise.all([1, 2, 3].map((weight) => models.write(linear([weight, 0, 0, weight], [0, 0]))));
		for (const round of [0, 1]) {
			for (const [index, release] of releases.entries()) {
				const { outputs } = await pool.run(release, "fast", pair);
				expect([round, ...tensorElements(outputs.Y as Tensor)]).toEqual([round, index + 1, index + 1]);
			}
		}
	});

	it("gives its processes nothing of its own environment, and an empty folder", async () => {
		if (!existsSync("/proc/self/environ")) return;
		const pool = await open();
		await pool.describe("fast");
		const pid = pool.pids[0] as number;
		const names = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0").map((line) => line.split("=")[0]);
		expect(names.filter((name) => name !== "" && name !== "LC_ALL" && name !== "PWD" && name !== "OLDPWD" && name !== "_" && name !== "SHLVL")).toEqual([]);
		expect(await readdir(`/proc/${pid}/cwd`)).toEqual([]);
	});

	it("gives its processes no network and no rights, where the system allows that", async () => {
		if (!(await canIsolateNetwork())) return;
		const pool = await open();
		await pool.describe("fast");
		const pid = pool.pids[0] as number;
		expect(await readlink(`/proc/${pid}/ns/net`)).not.toBe(await readlink("/proc/self/ns/net"));
		expect(await readFile(`/proc/${pid}/status`, "utf8")).toMatch(/CapEff:\t0+\n/);
	});

	it("leaves no process behind when its own is killed, even in a call that never ends", async () => {
		const { modelPath } = await models.write(endlessLoop());
		const script = fileURLToPath(new URL("../../../test/pool-and-hang.mjs", import.meta.url));
		const parent = spawn(process.execPath, [script, modelPath], { stdio: ["ignore", "pipe", "ignore"] });
		const [line] = (await once(parent.stdout, "data")) as [Buffer];
		const pid = Number(line.toString());
		expect(process.kill(pid, 0)).toBe(true);
		parent.kill("SIGKILL");
		await waitFor(() => !isRunning(pid));
	});

	it("ends its processes when it closes, and refuses what comes after", async () => {
		const pool = await open();
		await pool.describe("fast");
		const pid = pool.pids[0] as number;
		await pool.close();
		expect(() => process.kill(pid, 0)).toThrow();
		await expect(pool.run(await models.write(linear()), "fast", pair)).rejects.toThrow(FreeholdError);
	});
});
