/** The whole journey on four validators, as processes: somebody publishes, asks, pays and verifies, and nobody orders blocks alone. */
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findEngine } from "@freehold/ledger";
import { describe, expect, test } from "vitest";
import { eventually } from "../journey/programs.js";
import { freePortBase, shell } from "./command.js";

const engine = await findEngine(process.env);
const SLOW_MS = 300_000;

describe.skipIf(engine === undefined)("four validators [CometBFT, or Go to build it]", () => {
	test(
		"the demo holds, its receipts are proved by two thirds of the validators, and a folder keeps its number",
		async () => {
			const dir = await mkdtemp(join(tmpdir(), "freehold-four-"));
			const { run, start } = shell({ FREEHOLD_HOME: join(dir, "home") });
			const data = join(dir, "network");
			try {
				const ran = await run("demo", "--json", "--validators", "4", "--data", data, "--port-base", String(await freePortBase(70)));
				expect(ran.err).not.toContain("✗");
				const report: {
					readonly network: { readonly validators: number };
					readonly checks: readonly { readonly name: string; readonly ok: boolean }[];
					readonly calls: readonly { readonly receiptFile: string }[];
					readonly releases: readonly { readonly name: string }[];
				} = ran.json();
				expect(ran.status).toBe(0);
				expect(report.network.validators).toBe(4);
				expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
				const receipt = report.calls[0]?.receiptFile ?? "";
				const checkpoint = join(data, "checkpoint.json");
				expect((await run("receipt", "verify", receipt, "--checkpoint", checkpoint)).status).toBe(0);
				const file = JSON.parse(await readFile(checkpoint, "utf8")) as { readonly checkpoint: object };
				const others = join(dir, "others.json");
				await writeFile(others, JSON.stringify({ ...file, checkpoint: { ...file.checkpoint, validatorsHash: `0x${"ab".repeat(32)}` } }));
				expect((await run("receipt", "verify", receipt, "--checkpoint", others)).status).toBe(1);
				const alone = await run("up", "--validators", "1", "--data", data);
				expect(alone.status).not.toBe(0);
				expect(alone.err + alone.out).toContain("has 4 validators");

				// The set changes: what is proved by the new one is reached from the old one's checkpoint.
				const base = await freePortBase(70);
				const up = start("up", "--data", data, "--port-base", String(base));
				try {
					await eventually(async () => ((await run("validator", "status", "--data", data)).status === 0 ? true : undefined), "the network", 90_000);
					const given = await run("validator", "delegate", "validator-1", "500", "--account", "dev-3", "--data", data);
					expect(given.status, given.err).toBe(0);
					const newer = join(dir, "newer.receipt.json");
					const refreshed = await eventually(
						async () => {
							expect((await run("receipt", "refresh", receipt, "--out", newer, "--data", data)).status).toBe(0);
							const made = JSON.parse(await readFile(newer, "utf8")) as {
								readonly anchor: { readonly lightPath?: readonly object[]; readonly lightBlock: { readonly header: { readonly height: number } } };
							};
							return made.anchor.lightPath === undefined ? undefined : made;
						},
						"another set",
						60_000,
					);
					expect((await run("receipt", "verify", newer, "--checkpoint", checkpoint)).status).toBe(0);
					expect((await run("receipt", "verify", receipt, "--checkpoint", checkpoint)).status).toBe(0);
					expect((await run("receipt", "verify", newer, "--checkpoint", others)).status).toBe(1);
					// A certificate carries its way as well.
					const certificate = join(dir, "model.certificate.json");
					expect((await run("model", "certificate", report.releases[0]?.name ?? "", "--out", certificate, "--data", data)).status).toBe(0);
					expect(Object.keys(JSON.parse(await readFile(certificate, "utf8")) as object)).toContain("lightPath");
					expect((await run("certificate", "verify", certificate, "--checkpoint", checkpoint)).status).toBe(0);
					expect((await run("certificate", "verify", certificate, "--checkpoint", others)).status).toBe(1);

					// A newer checkpoint, which another validator's ledger confirms: what is proved from it needs no way any more.
					const later = join(dir, "later.json");
					const update = (...words: readonly string[]) => run("checkpoint", "update", "--out", later, "--data", data, "--json", ...words);
					const made = await eventually(
						async () => {
							const updated = await update("--checkpoint", checkpoint, "--witness", `http://127.0.0.1:${base + 11}`);
							expect(updated.status, updated.err + updated.out).toBe(0);
							const { checkpoint: newest } = updated.json() as { readonly checkpoint: { readonly height: number; readonly hash: string } };
							return newest.height > refreshed.anchor.lightBlock.header.height ? newest : undefined;
						},
						"a block after the receipt's",
						60_000,
					);
					expect((await run("receipt", "verify", newer, "--checkpoint", later)).status).toBe(4);
					const again = join(dir, "again.receipt.json");
					const anew = await run("receipt", "refresh", newer, "--checkpoint", later, "--out", again, "--data", data);
					expect(anew.status, anew.err + anew.out).toBe(0);
					expect((await run("receipt", "verify", again, "--checkpoint", later)).status).toBe(0);
					// Nothing is written for a checkpoint of others, a block that is not there, or where no witness says the same.
					await rm(later);
					const [stranger, another, alone] = [
						await update("--checkpoint", others),
						await update("--trust", `${made.height}:0x${"ab".repeat(32)}`),
						await update("--checkpoint", checkpoint, "--witness", "http://127.0.0.1:1"),
					];
					expect(stranger.out).toContain("not the trusted ones");
					expect(another.out).toContain(made.hash);
					expect(alone.out).toContain("none of 1 witnesses");
					expect([stranger, another, alone].map(({ status }) => status)).toEqual([1, 1, 1]);
					await expect(readFile(later, "utf8")).rejects.toThrow("ENOENT");

					const { lightPath: _, ...anchor } = refreshed.anchor;
					await writeFile(newer, JSON.stringify({ ...refreshed, anchor }));
					expect((await run("receipt", "verify", newer, "--checkpoint", checkpoint)).status).toBe(1);
				} finally {
					const ended = once(up, "close");
					up.kill("SIGTERM");
					await ended;
				}
			} finally {
				await rm(dir, { recursive: true, force: true });
			}
		},
		SLOW_MS,
	);
});

test("operators make one genesis of their keys", async () => {
	const dir = await mkdtemp(join(tmpdir(), "freehold-genesis-"));
	const { run } = shell({ FREEHOLD_HOME: join(dir, "home") });
	try {
		const members: string[] = [];
		for (const name of ["alice", "bob"]) {
			const made = await run("validator", "init", join(dir, name), "--name", name);
			expect(made.status).toBe(0);
			const path = join(dir, `${name}.json`);
			await writeFile(path, made.out);
			members.push("--member", path);
		}
		expect((await run("validator", "init", join(dir, "bob"), "--name", "bob")).out).toBe(await readFile(join(dir, "bob.json"), "utf8"));
		const source = join(dir, "genesis.json");
		await writeFile(source, JSON.stringify({ chainId: 10741, timestamp: 1_760_000_000, balances: [] }));
		const out = join(dir, "shared.json");
		expect((await run("validator", "genesis", "--genesis", source, ...members, "--out", out)).status).toBe(0);
		const shared = JSON.parse(await readFile(out, "utf8")) as { readonly chain_id: string; readonly validators: readonly { readonly name: string }[] };
		expect(shared.chain_id).toBe("freehold-10741");
		expect(shared.validators.map(({ name }) => name)).toEqual(["alice", "bob"]);
		// Bonded as a whole or not at all, out of what the genesis gives.
		const bonded = join(dir, "carol.json");
		await writeFile(bonded, (await run("validator", "init", join(dir, "carol"), "--name", "carol", "--operator", `0x${"ab".repeat(20)}`)).out);
		const mixed = await run("validator", "genesis", "--genesis", source, ...members, "--member", bonded, "--out", out);
		expect(mixed.err + mixed.out).toContain("as a whole or not at all");
		const unfunded = await run("validator", "genesis", "--genesis", source, "--member", bonded, "--out", out);
		expect(unfunded.err + unfunded.out).toContain("less than its bond");
		const twice = await run("validator", "genesis", "--genesis", source, ...members.slice(0, 2), ...members.slice(0, 2), "--out", out);
		expect(twice.err + twice.out).toContain("twice");
	} finally {
		await rm(dir, { recursive: true, force: true });
	}
});
