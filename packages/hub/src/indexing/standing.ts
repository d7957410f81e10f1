/**
 * How models are ranked by use and by money, so that calls to oneself do not pay.
 *
 * Only money that leaves its payer for good counts: the protocol's fee always, the node's and the gateway's part where somebody else gets them. Of one day the
 * square root counts, so that twice the rank in a day costs four times the money while steady use adds up; and a day weighs half as much as one 30 days later.
 * Weights grow with time instead of shrinking: what was written stays as it was, and the order is the same whenever it is read.
 */
import type { Connection } from "../database/database.js";

const HALF_LIFE_DAYS = 30;
/** Days are counted from here: 1 January 2026. */
const FIRST_DAY = Date.UTC(2026, 0, 1) / 86_400_000;

export interface PaidLine {
	readonly owner: string;
	readonly node: string;
	readonly gateway: string;
	readonly calls: number;
	readonly nodeFee: bigint;
	readonly gatewayFee: bigint;
	/** Part of the gateway's fee. */
	readonly protocolFee: bigint;
}

/** What of a line its model's owner cannot have paid to itself. */
export function spentFor({ owner, node, gateway, nodeFee, gatewayFee, protocolFee }: PaidLine): bigint {
	return protocolFee + (node === owner ? 0n : nodeFee) + (gateway === owner ? 0n : gatewayFee - protocolFee);
}

/** `time` in Unix milliseconds. */
export function addStanding(db: Connection, model: string, line: PaidLine, time: number): void {
	const spent = spentFor(line);
	if (spent <= 0n) return;
	const day = Math.floor(time / 86_400_000);
	const key = [model, day] as const;
	const before = db.prepare("SELECT calls, spent FROM modelDay WHERE model = ? AND day = ?").get(...key) as { calls: number; spent: string } | undefined;
	const old = { calls: before?.calls ?? 0, spent: BigInt(before?.spent ?? "0") };
	const now = { calls: old.calls + line.calls, spent: old.spent + spent };
	db.prepare(
		"INSERT INTO modelDay (model, day, calls, spent) VALUES (?, ?, ?, ?) ON CONFLICT (model, day) DO UPDATE SET calls = excluded.calls, spent = excluded.spent",
	).run(...key, now.calls, now.spent.toString());
	const weight = 2 ** ((day - FIRST_DAY) / HALF_LIFE_DAYS);
	db.prepare("UPDATE model SET useRank = useRank + ?, moneyRank = moneyRank + ? WHERE id = ?").run(
		weight * (Math.sqrt(now.calls) - Math.sqrt(old.calls)),
		weight * (Math.sqrt(Number(now.spent)) - Math.sqrt(Number(old.spent))),
		model,
	);
}
