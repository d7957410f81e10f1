/** What an operator owes for answers: kept on disk, paid by transactions to a real ledger. That it reaches owner and node: `testing/pipe/pipe.test.ts`. */
import { join } from "node:path";
import { contractAddresses, encodeWords, fromHex, type Hex, modelId, releaseId, toHex } from "@freehold/protocol";
import { createChainClient } from "@freehold/sdk/chain";
import { createDigestSigner, nativeCrypto, openStore } from "@freehold/service";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../../test/execution-kit.js";
import { eventually, startLocalLedger } from "../../../test/local-ledger.js";
import { LivePayments } from "./live-payments.js";
import { isNamed } from "./named-release.js";
import type { Owed } from "./presumption.js";

const hash = (byte: number): Hex => `0x${byte.toString(16).padStart(2, "0").repeat(32)}`;
const answer = (byte: number): Owed => ({ operator: `0x${"0a".repeat(20)}`, release: hash(byte), priceVersion: 1, inputUnits: "1", outputUnits: "1" });

describe("what is owed", () => {
	test("outlives the program; what cannot be paid is dropped alone, told, and not tried again", async () => {
		const ledger = await startLocalLedger();
		const folder = temporaryFolder();
		const dropped: Hex[] = [];
		const failed: unknown[] = [];
		const events = {
			liveUnpaid: () => undefined,
			liveDropped: (release: Hex) => void dropped.push(release),
			failed: (error: unknown) => void failed.push(error),
		};
		const signer = createDigestSigner(nativeCrypto.keccak256(Buffer.from("a key of this test")));
		const open = () => new LivePayments(join(folder.dir, "live"), signer, events);
		const stop = new AbortController();
		try {
			const first = open();
			for (const byte of [1, 2, 3]) await first.owe(answer(byte));
			await first.close();
			const second = open();
			expect(second.isFull).toBe(false);
			const running = second.run(createChainClient({ rpcUrl: ledger.url }), stop.signal);
			// None has a price on this network.
			await eventually(async () => (dropped.length >= 3 ? true : undefined), "three answers that nobody can pay", 30_000);
			expect(dropped).toEqual([1, 2, 3].map(hash));
			stop.abort();
			await running;
			await second.close();
			const kept = openStore(join(folder.dir, "live"), ["owed", "bundles", "intents"]);
			expect((["owed", "bundles", "intents"] as const).map((table) => [...kept.scan(table, {})].length)).toEqual([0, 0, 0]);
			await kept.close();
			const third = open();
			await third.owe(answer(4));
			await third.close();
			expect(failed).toEqual([]);
		} finally {
			stop.abort();
			await ledger.stop();
			folder.remove();
		}
	}, 60_000);

	test("is bounded: beyond 256 answers nothing more is asked", async () => {
		const folder = temporaryFolder();
		const events = { liveUnpaid: () => undefined, liveDropped: () => undefined, failed: () => undefined };
		const payments = new LivePayments(join(folder.dir, "live"), createDigestSigner(nativeCrypto.keccak256(Buffer.from("another"))), events);
		await Promise.all(Array.from({ length: 255 }, () => payments.owe(answer(1))));
		expect(payments.isFull).toBe(false);
		await payments.owe(answer(1));
		expect(payments.isFull).toBe(true);
		await payments.close();
		folder.remove();
	});
});

describe("a release is what a request names", () => {
	const model = modelId("rules", "model");
	const release = releaseId(model, { major: 1, minor: 0 });
	const other = releaseId(modelId("rules", "other"), { major: 1, minor: 0 });
	const requestOf = (text: string): Hex => {
		const bytes = Buffer.from(text);
		return toHex(Buffer.concat([encodeWords([32, 0, 96, 128, bytes.length]), bytes, new Uint8Array((32 - (bytes.length % 32)) % 32)]));
	};
	/** As the registry keeps them: which model a release is of. */
	const state = {
		storage: (address: Uint8Array, key: Uint8Array) => {
			expect(toHex(address)).toBe(contractAddresses.ModelRegistry.toLowerCase());
			expect(key).toHaveLength(32);
			return fromHex(model);
		},
	};
	test("by its model, its version or its id, and no other", () => {
		for (const text of ["rules/model", "rules/model@1.0", release]) expect(isNamed(requestOf(text), release, state), text).toBe(true);
		for (const text of ["rules/other", "rules/model@1.1", "rules/other@1.0", other, "no name", "", "x".repeat(200)])
			expect(isNamed(requestOf(text), release, state), text).toBe(false);
		const cuts: readonly Hex[] = ["0x", requestOf("rules/model").slice(0, 200) as Hex, `0x${"ff".repeat(160)}` as Hex];
		for (const cut of cuts) expect(isNamed(cut, release, state)).toBe(false);
	});
});
