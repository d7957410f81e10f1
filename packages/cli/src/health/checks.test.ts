import { expect, it } from "vitest";
import { checkDisk, checkHeight, checkMoney, checkNode, checkProcess, checkUnanchored } from "./checks.js";

it("asks for the least Node that works", () => {
	expect(["18.20.0", "20.18.3", "20.19.0", "20.20.2", "22.1.0"].map((version) => checkNode(version).ok)).toEqual([false, false, true, true, true]);
	expect(checkNode("18.20.0").detail).toBe("18.20.0 is too old: install 20.19 or newer");
});

it("says unknown, not well, of what nobody tells", () => {
	expect(checkHeight(undefined)).toMatchObject({ ok: false, detail: expect.stringContaining("unknown") });
	expect(checkUnanchored(undefined)).toMatchObject({ ok: false, detail: expect.stringContaining("unknown") });
});

it("warns of an operator that cannot pay for its transactions", () => {
	const operator = { role: "gateway", address: "0x01", bond: 5n * 10n ** 19n } as const;
	expect(checkMoney([{ ...operator, balance: 10n ** 18n }])[0]).toEqual({ check: "money", ok: true, detail: "gateway 0x01 has 1.00 OPG, bond 50.00 OPG" });
	expect(checkMoney([{ ...operator, balance: 10n ** 17n }])[0]).toMatchObject({ ok: false, detail: expect.stringContaining("send it OPG") });
});

it("names a process that does not answer, and one that was restarted", () => {
	const quiet = {
		role: "hub",
		pid: 1,
		url: "http://hub",
		ready: false,
		detail: undefined,
		version: undefined,
		skewMs: undefined,
		startedAt: 1,
		restarts: 0,
	} as const;
	expect(checkProcess(quiet)).toEqual({ check: "hub", ok: false, detail: "does not answer at http://hub; look at: freehold logs hub" });
	expect(checkProcess({ ...quiet, ready: true, restarts: 3 })).toEqual({ check: "hub", ok: true, detail: "http://hub, restarted 3 times: freehold logs hub" });
});

it("wants a GiB of room", () => {
	expect(checkDisk({ freeBytes: 1024 ** 3, usedBytes: 0 }).ok).toBe(true);
	expect(checkDisk({ freeBytes: 1024 ** 3 - 1, usedBytes: 0 }).ok).toBe(false);
});
