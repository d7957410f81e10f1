import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExactPayload } from "@freehold/payments/server";
import { openStore } from "@freehold/service";
import { afterEach, beforeEach, expect, it } from "vitest";
import { tidy } from "./retention.js";
import { type GatewayStore, type PaymentState, pack, tables } from "./tables.js";

const DAY_S = 86_400;
const NOW_S = 1_800_000_000;
let dir: string;
let store: GatewayStore;
beforeEach(async () => {
	dir = await mkdtemp(join(tmpdir(), "freehold-retention-"));
	store = openStore(dir, tables);
});
afterEach(async () => {
	await store.close();
	await rm(dir, { recursive: true });
});

const keys = (table: "payments" | "intents" | "answers"): readonly string[] => [...store.scan(table, {})].map(({ key }) => key);

it("forgets payments that are over and can never be used again, with their transactions, and no others", async () => {
	const payment = (id: string, state: PaymentState, validBefore: number, intent: "signed" | "included" = "included"): Promise<void> =>
		store.transact((writer) => {
			writer.put("payments", id, pack({ payment: { validBefore: BigInt(validBefore) } as ExactPayload, state, since: 1n }));
			writer.put("intents", `exact:${id}`, pack({ key: `exact:${id}`, state: intent }));
		});
	await payment("spent long ago", "spent", NOW_S - 3 * DAY_S);
	await payment("refunded long ago", "refunded", NOW_S - 3 * DAY_S);
	await payment("void long ago", "void", NOW_S - 3 * DAY_S, "signed");
	await payment("open long ago", "settled", NOW_S - 3 * DAY_S);
	await payment("intended long ago", "intended", NOW_S - 3 * DAY_S);
	await payment("spent yesterday", "spent", NOW_S - DAY_S);
	await store.transact((writer) => writer.put("intents", "anchor:1", pack({ key: "anchor:1", state: "included" })));
	await tidy(store, NOW_S * 1_000);
	expect(keys("payments")).toEqual(["intended long ago", "open long ago", "spent yesterday"]);
	// What is signed and in no block may still be sent.
	expect(keys("intents")).toEqual(["anchor:1", "exact:intended long ago", "exact:open long ago", "exact:spent yesterday", "exact:void long ago"]);
});

it("forgets the keys of answers after a day", async () => {
	const answer = (key: string, answeredAt: number): Promise<void> =>
		store.transact((writer) => writer.put("answers", key, pack({ requestDigest: "0x", callId: "0x", answeredAt })));
	await answer("old", (NOW_S - DAY_S - 1) * 1_000);
	await answer("new", (NOW_S - DAY_S + 1) * 1_000);
	await tidy(store, NOW_S * 1_000);
	expect(keys("answers")).toEqual(["new"]);
});
