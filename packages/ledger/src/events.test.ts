import { createLog } from "@freehold/service";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { ledgerEvents } from "./events.js";

test("the ledger is healthy while its height advances, says for how long it has not, and recovers", async () => {
	let now = 0;
	const registry = new Registry();
	const faults: unknown[] = [];
	const events = ledgerEvents(
		createLog({ role: "ledger", level: "fatal", destination: { write() {} } }),
		registry,
		() => now,
		(error) => faults.push(error),
	);
	now = 29_999;
	expect(events.healthy()).toBe(true);
	now = 30_000;
	expect(events.healthy()).toBe(false);
	expect(await registry.metrics()).toContain("freehold_ledger_block_age_seconds 30");
	events.blockMade({ height: 7n, transactions: 3, hashes: [], tookMs: 1 });
	expect(events.healthy()).toBe(true);
	expect(await registry.metrics()).toMatch(
		/freehold_ledger_height_blocks 7\n[\s\S]*freehold_ledger_block_age_seconds 0\n[\s\S]*freehold_ledger_transactions_total 3\n/,
	);
	events.stopped(new Error("the disk is gone"));
	expect(events.healthy()).toBe(false);
	expect(faults).toHaveLength(1);
});
