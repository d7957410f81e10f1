import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hex } from "@freehold/protocol";
import type { Lane } from "@freehold/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LaneFolder } from "./lane-folder.js";

const ACCOUNT: Hex = `0x${"aa".repeat(20)}`;
const lane = (byte: string, charged: bigint): Lane => ({
	channelId: `0x${byte.repeat(32)}`,
	config: {
		payer: ACCOUNT,
		payerAuthorizer: ACCOUNT,
		receiver: `0x${"bb".repeat(20)}`,
		receiverAuthorizer: `0x${"cc".repeat(20)}`,
		token: `0x${"dd".repeat(20)}`,
		withdrawDelay: 900,
		salt: `0x${"00".repeat(32)}`,
	},
	balance: 10n ** 20n,
	charged,
	signed: charged,
});

let home: string;
beforeEach(async () => {
	home = await mkdtemp(join(tmpdir(), "freehold-lanes-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

describe("remembered channels", () => {
	it("are there for the next command, readable by their owner alone", async () => {
		await new LaneFolder(home, 10741, ACCOUNT).put(lane("11", 5n));
		await new LaneFolder(home, 10741, ACCOUNT).put(lane("22", 7n));
		const next = new LaneFolder(home, 10741, ACCOUNT);
		expect(await next.get(lane("11", 0n).channelId)).toEqual(lane("11", 5n));
		expect(await next.list()).toEqual([lane("11", 5n), lane("22", 7n)]);
		const folder = join(home, "channels", `10741-${ACCOUNT}`);
		for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
		await next.delete(lane("11", 0n).channelId);
		expect(await next.list()).toEqual([lane("22", 7n)]);
	});

	it("are those of one account on one chain", async () => {
		await new LaneFolder(home, 10741, ACCOUNT).put(lane("11", 5n));
		expect(await new LaneFolder(home, 10740, ACCOUNT).list()).toEqual([]);
		expect(await new LaneFolder(home, 10741, `0x${"ab".repeat(20)}`).list()).toEqual([]);
	});

	it("are forgotten when their file is damaged: chain and gateway know them", async () => {
		const lanes = new LaneFolder(home, 10741, ACCOUNT);
		await lanes.put(lane("11", 5n));
		await writeFile(join(home, "channels", `10741-${ACCOUNT}`, `${lane("11", 0n).channelId}.json`), '{"channelId":');
		expect(await lanes.get(lane("11", 0n).channelId)).toBeUndefined();
		expect(await lanes.list()).toEqual([]);
	});
});

describe("two commands at once", () => {
	it("use the channels one after the other", async () => {
		const signal = new AbortController().signal;
		const id = lane("11", 0n).channelId;
		await new LaneFolder(home, 10741, ACCOUNT).put(lane("11", 0n));
		const pay = (): Promise<void> => {
			const lanes = new LaneFolder(home, 10741, ACCOUNT);
			return lanes.alone(signal, async () => {
				const before = (await lanes.get(id))?.charged ?? 0n;
				await lanes.put(lane("11", before + 1n));
			});
		};
		await Promise.all(Array.from({ length: 8 }, pay));
		expect((await new LaneFolder(home, 10741, ACCOUNT).get(id))?.charged).toBe(8n);
	});

	it("do not block each other for ever when one fails", async () => {
		const signal = new AbortController().signal;
		const lanes = new LaneFolder(home, 10741, ACCOUNT);
		await expect(lanes.alone(signal, () => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
		await expect(lanes.alone(signal, () => Promise.resolve("paid"))).resolves.toBe("paid");
	});

	it("can be stopped while they wait", async () => {
		const stop = new AbortController();
		const lanes = new LaneFolder(home, 10741, ACCOUNT);
		let release = (): void => {};
		let holding = Promise.resolve();
		await new Promise<void>((held) => {
			holding = lanes.alone(stop.signal, () => {
				held();
				return new Promise<void>((resolve) => {
					release = resolve;
				});
			});
		});
		const waiting = new LaneFolder(home, 10741, ACCOUNT).alone(stop.signal, () => Promise.resolve());
		stop.abort();
		await expect(waiting).rejects.toMatchObject({ code: "request.aborted" });
		release();
		await holding;
	});
});
