import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createContext } from "../context.js";
import { addressOf, openAccount } from "./accounts.js";

let folder: string;
const context = () =>
	createContext({ data: join(folder, "local"), network: "http://127.0.0.1:1" }, { FREEHOLD_HOME: join(folder, "home") }, new AbortController().signal);
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-accounts-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("says where a development account's key is looked for when a network elsewhere is asked", async () => {
	const reason = `--account: dev-5 is a development account, and ${join(folder, "local")} holds none: name the folder of the development network with --data`;
	await expect(openAccount(context(), "dev-5")).rejects.toThrow(reason);
	await expect(addressOf(context(), "dev-5")).rejects.toThrow(reason);
});

it("offers to make an account of any other name", async () => {
	await expect(openAccount(context(), "ann")).rejects.toThrow("There is no account named ann. Make one with: freehold wallet create ann");
});
