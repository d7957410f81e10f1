/** `kill -9` of any one process while the demo runs: the supervisor starts it again, and nothing is lost. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestNetwork, type TestNetwork, UP_DEADLINE_MS } from "./network.ts";

let network: TestNetwork;

beforeAll(async () => {
	network = await startTestNetwork("--batch-age", "500");
}, UP_DEADLINE_MS);
afterAll(() => network.remove());

/** Lines of the demo after which a process is killed: the models are looked up, or the buyer has been answered. */
const BEFORE_ASKING = "The first owner";
const ANSWERED = "A buyer asks";

describe("the demo ends well when a process is killed", () => {
	it.each([
		["ledger", BEFORE_ASKING],
		["storage", BEFORE_ASKING],
		["inference", BEFORE_ASKING],
		["hub", ANSWERED],
		["gateway", ANSWERED],
	])("%s, after %s …", async (role, line) => {
		const demo = network.freehold.start("demo");
		if (demo.stdout === null) throw new Error("no output");
		const lines: string[] = [];
		const killed: number[] = [];
		const reader = createInterface({ input: demo.stdout });
		reader.on("line", (text) => {
			lines.push(text);
			if (text.includes(line) && killed.length === 0) killed.push(1);
			if (killed.length === 1) {
				killed.push(2);
				void readFile(join(network.data, "run", `${role}.json`), "utf8").then((file) => process.kill((JSON.parse(file) as { pid: number }).pid, "SIGKILL"));
			}
		});
		const [status] = (await once(demo, "close")) as [number];
		expect(killed).toEqual([1, 2]);
		expect(lines.filter((text) => text.includes("refused"))).toHaveLength(1);
		expect({ status, lines: status === 0 ? [] : lines }).toEqual({ status: 0, lines: [] });
	});

	it("and every one of them was started again", async () => {
		const { processes } = (await network.good("status", "--json")).json() as { processes: { role: string; restarts: number; ready: boolean }[] };
		expect(processes.map(({ restarts, ready }) => [restarts, ready])).toEqual(Array.from({ length: 5 }, () => [1, true]));
	});
});
