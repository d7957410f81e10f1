/** A network that anybody may join with a bond, by the validator's guide: real programs, real engines, the commands that operators type. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findEngine, prepareHome } from "@freehold/ledger";
import { contractAddresses, equalBytes, fromHex, type Hex, type LightBlock, lightBlockShape, toHex, validatorAddress } from "@freehold/protocol";
import { mnemonicToAccount } from "viem/accounts";
import { describe, expect, test } from "vitest";
import { eventually } from "../journey/programs.js";
import { freePortBase, shell } from "./command.js";

const engine = await findEngine(process.env);
const SLOW_MS = 300_000;
const WAIT_MS = 90_000;
const OPG = "0".repeat(18);
const CHAIN_ID = 10741;
const RECIPIENT = "0x00000000000000000000000000000000000000aa";

interface Head {
	readonly hash: string;
	readonly number: Hex;
	readonly timestamp: Hex;
}

describe.skipIf(engine === undefined)("a network that anybody may join with a bond [CometBFT, or Go to build it]", () => {
	test(
		"two make it by the guide; a third begins from a snapshot, bonds and votes; it is away, loses its place, and comes back; what cannot be is refused in words",
		async () => {
			const dir = await mkdtemp(join(tmpdir(), "freehold-bond-"));
			const { run, start } = shell({ FREEHOLD_HOME: join(dir, "home") });
			const developers = [0, 1, 2, 3].map((addressIndex) => mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex }));
			const accounts = developers.map(({ address, getHdKey }, index) => {
				return { name: `dev-${index}`, address: address.toLowerCase() as Hex, privateKey: toHex(getHdKey().privateKey ?? new Uint8Array(32)) };
			});
			const [alice, bob, carol, dora] = accounts.map(({ address }) => address) as [Hex, Hex, Hex, Hex];
			const data = join(dir, "network");
			await mkdir(data);
			await writeFile(join(data, "accounts.json"), JSON.stringify(accounts));

			// Two make the genesis.
			const source = join(dir, "genesis.json");
			const balances = accounts.map(({ address }) => ({ address, amount: `100000${OPG}` }));
			const staking = { epochSeconds: 5, jailSeconds: 5, attendanceBlocks: 10 };
			await writeFile(source, JSON.stringify({ chainId: CHAIN_ID, timestamp: Math.floor(Date.now() / 1000), balances, staking }));
			const homes = ["alice", "dora", "bob"].map((name) => join(dir, name)) as [string, string, string];
			const [one, two, third] = homes;
			// Settings of engines on one machine: `init` keeps what is there.
			for (const home of homes) {
				await prepareHome(home, "local");
				// Time for the votes of those who are not needed: one that is slow is not one that is away.
				const config = join(home, "config", "config.toml");
				await writeFile(config, (await readFile(config, "utf8")).replace('timeout_commit = "50ms"', 'timeout_commit = "600ms"'));
			}
			const init = async (home: string, name: string, ...words: readonly string[]) => {
				const made = await run("validator", "init", home, "--name", name, ...words);
				await writeFile(`${home}.json`, made.out);
				return made.json() as { readonly publicKey: Hex; readonly nodeId: string };
			};
			const members = [await init(one, "alice", "--operator", alice), await init(two, "dora", "--operator", dora), await init(third, "bob")];
			const shared = join(one, "config", "genesis.json");
			const args = ["--genesis", source, "--member", `${one}.json`, "--member", `${two}.json`, "--out", shared];
			expect((await run("validator", "genesis", ...args)).status).toBe(0);
			for (const home of [two, third]) await copyFile(shared, join(home, "config", "genesis.json"));

			const port = await freePortBase(3 * homes.length);
			const urlOf = (index: number): string => `http://127.0.0.1:${port + 3 * index}`;
			const engineUrlOf = (index: number): string => `http://127.0.0.1:${port + 3 * index + 2}`;
			const p2pOf = (index: number): string => `127.0.0.1:${port + 3 * index + 1}`;
			const optionsOf = (index: number): string[] => {
				const peers = members.flatMap(({ nodeId }, other) => (other === index ? [] : [`${nodeId}@${p2pOf(other)}`])).join(",");
				const options = {
					"validator-home": homes[index],
					p2p: p2pOf(index),
					"engine-port": port + 3 * index + 2,
					cometbft: engine,
					peers,
					"snapshot-blocks": 5,
				};
				return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
			};
			const alive = new Map<number, ChildProcess>();
			let said = "";
			const begin = (index: number): void => {
				const child = start("node", "run", "ledger", "--data", join(dir, `chain-${index}`), "--port", String(port + 3 * index), ...optionsOf(index));
				for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (said += chunk.toString()));
				alive.set(index, child);
			};
			const end = async (index: number): Promise<void> => {
				const child = alive.get(index);
				if (child === undefined) return;
				alive.delete(index);
				const ended = once(child, "close");
				child.kill("SIGTERM");
				await ended;
			};

			const ask = async <T>(index: number, method: string, ...params: readonly unknown[]): Promise<T> => {
				const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
				const answer = await fetch(urlOf(index), { method: "POST", headers: { "content-type": "application/json" }, body });
				const { result, error } = (await answer.json()) as { readonly result: T; readonly error?: { readonly message: string } };
				if (error !== undefined) throw new Error(error.message);
				return result;
			};
			const status = (index: number) =>
				ask<{ readonly consensusHeight: number; readonly genesis: { readonly height: number; readonly hash: Hex } }>(index, "freehold_status");
			const head = (index: number, number = "latest") => ask<Head | null>(index, "eth_getBlockByNumber", number, false);
			/** The newest block that has a later one: its commit is as the chain keeps it. */
			const sealed = async (index: number): Promise<LightBlock> => {
				const height = (await status(index)).consensusHeight - 1;
				return lightBlockShape.read(await ask(index, "freehold_getLightBlock", String(height)), "lightBlock") as LightBlock;
			};
			const key = fromHex((members[2] as { readonly publicKey: Hex }).publicKey);
			const inSet = ({ validators }: LightBlock): boolean => validators.some(({ publicKey }) => equalBytes(publicKey, key));
			const votes = ({ commit }: LightBlock): boolean =>
				commit.signatures.some(({ flag, validatorAddress: who }) => flag === 2 && equalBytes(who, validatorAddress(key)));
			const untilSealed = (what: string, is: (block: LightBlock) => boolean, before: () => Promise<unknown> = async () => undefined) =>
				eventually(
					async () => {
						await before();
						const block = await sealed(0);
						return is(block) ? block : undefined;
					},
					what,
					WAIT_MS,
				);
			const inStep = (late: number) =>
				eventually(
					async () => {
						const newest = await head(0);
						const same = newest === null ? null : await head(late, newest.number).catch(() => null);
						return same !== null && same.hash === newest?.hash ? newest : undefined;
					},
					"the same head",
					WAIT_MS,
				);
			let nonce = 0;
			const pay = async (index: number): Promise<Hex> => {
				const fees = { gas: 21_000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 1n };
				const payer = developers[3] as (typeof developers)[number];
				const raw = await payer.signTransaction({ type: "eip1559", chainId: CHAIN_ID, nonce: nonce++, to: RECIPIENT, value: 1n, ...fees });
				return (await ask<{ readonly blockNumber: Hex }>(index, "eth_sendRawTransactionSync", raw, 20_000)).blockNumber;
			};
			const rpc = ["--rpc-url", urlOf(0), "--data", data, "--json"];
			const as = (name: string, ...words: readonly string[]) => run("validator", ...words, ...rpc, "--account", name);
			const set = async () =>
				(await run("validator", "status", ...rpc)).json() as {
					readonly validators: readonly { readonly operator: string; readonly power: string; readonly stake: string }[];
				};
			const powerOf = async (operator: string) => (await set()).validators.find((validator) => validator.operator === operator)?.power;
			const bobNow = async () =>
				(await run("validator", "status", bob, ...rpc)).json() as { readonly operator: Hex; readonly commissionBps: number; readonly jailedUntil: number };

			try {
				begin(0);
				begin(1);
				await eventually(async () => (await status(0).catch(() => undefined))?.consensusHeight, "the ledger", WAIT_MS);
				expect(new Map((await set()).validators.map(({ operator, power }) => [operator, power]))).toEqual(
					new Map([
						[alice, "10000"],
						[dora, "10000"],
					]),
				);
				// The operator of the second validator pays from its account: its nonces after the bond of block 0.
				nonce = Number(await ask<Hex>(0, "eth_getTransactionCount", dora, "latest"));
				const paidIn = await pay(0);
				for (let payments = 1; payments < 6; payments++) await pay(0);

				// The third begins from a snapshot, which two engines' headers prove.
				const { genesis } = await status(0);
				const joined = await run("validator", "join", third, "--snapshot-from", `${engineUrlOf(0)},${engineUrlOf(1)}`, "--trust", `1:${genesis.hash}`);
				expect(joined.status, joined.err).toBe(0);
				await eventually(async () => ((await status(0)).consensusHeight > 8 ? true : undefined), "a snapshot", WAIT_MS);
				begin(2);
				const poor = await as("dev-1", "bond", third, "--amount", "999");
				const stolen = await as("dev-1", "bond", one, "--amount", "3000");
				const missing = await as("dev-1", "bond", join(dir, "nowhere"), "--amount", "3000");
				expect([poor.status, poor.err + poor.out]).toEqual([1, expect.stringContaining("SelfBondTooSmall")]);
				expect(stolen.err + stolen.out).toContain("KeyTaken");
				expect(missing.status).not.toBe(0);
				await eventually(async () => (await status(2).catch(() => undefined))?.consensusHeight || undefined, "the newcomer", WAIT_MS);
				const { number } = await inStep(2);
				expect(said).toContain("taken from a snapshot");
				// What it names as fit for a checkpoint is a block that it has.
				const { genesis: earliest } = await status(2);
				expect(earliest.height).toBeGreaterThan(1);
				expect(await ask(2, "freehold_getLightBlock", String(earliest.height))).toEqual(await ask(0, "freehold_getLightBlock", String(earliest.height)));
				// It never had the payments' blocks, and knows its genesis and its state all the same.
				expect(await head(2, paidIn)).toBeNull();
				expect((await head(2, "0x0"))?.hash).toBe((await head(0, "0x0"))?.hash);
				expect(await ask(2, "eth_getBalance", RECIPIENT, "latest")).toBe("0x6");
				for (const subject of [RECIPIENT, dora, contractAddresses.ValidatorSet])
					expect(await ask(2, "eth_getProof", subject, [], number)).toEqual(await ask(0, "eth_getProof", subject, [], number));

				// It bonds through its own ledger, and its key votes.
				const bonded = await run("validator", "bond", third, "--amount", "3000", "--rpc-url", urlOf(2), ...rpc.slice(2), "--account", "dev-1");
				expect(bonded.json()).toMatchObject({ operator: bob, bond: `3000${OPG}` });
				expect((await as("dev-2", "delegate", bob, "250")).status).toBe(0);
				expect((await as("dev-2", "unbond", "250.5", "--from", bob)).out).toContain("at most the stake");
				await untilSealed("a vote of the newcomer", (block) => inSet(block) && votes(block));
				await eventually(async () => ((await powerOf(bob)) === "3250" ? true : undefined), "power", WAIT_MS);
				await pay(2);
				const [unbonded, notJailed, claimed, nobody] = await Promise.all([
					as("dev-2", "unbond", "--from", bob),
					as("dev-1", "unjail"),
					as("dev-0", "claim", alice),
					run("validator", "status", carol, ...rpc),
				]);
				const left = unbonded.json() as { readonly amount: string; readonly freeAt: number };
				expect(left.amount).toBe(`250${OPG}`);
				expect(left.freeAt).toBeGreaterThan(Date.now() + 20 * 86_400_000);
				const early = await as("dev-2", "withdraw");
				expect([early.status, early.err + early.out]).toEqual([1, expect.stringContaining("NothingToWithdraw")]);
				expect(notJailed.out).toContain("NotJailed");
				expect(claimed.status).toBe(0);
				expect(await bobNow()).toMatchObject({ operator: bob, commissionBps: 500, jailedUntil: 0 });
				expect(nobody.err + nobody.out).toContain("has bonded no validator");

				// It goes away: the others go on without its votes, and its place is lost.
				await end(2);
				await untilSealed(
					"a commit without its vote",
					(block) => inSet(block) && !votes(block),
					() => pay(0),
				);
				await untilSealed(
					"a set without it",
					(block) => !inSet(block),
					() => pay(0),
				);
				const { jailedUntil } = await bobNow();
				expect(jailedUntil).toBeGreaterThan(0);
				expect(await powerOf(bob)).toBeUndefined();
				expect((await set()).validators.map(({ power }) => power)).toEqual(["10000", "10000"]);

				// It comes back with what it has, is let in again when its time has passed, and votes.
				begin(2);
				await eventually(async () => (await status(2).catch(() => undefined))?.consensusHeight, "the newcomer again", WAIT_MS);
				await inStep(2);
				await eventually(
					async () => {
						await pay(2);
						const newest = await head(0);
						return newest !== null && Number(newest.timestamp) * 1000 >= jailedUntil ? true : undefined;
					},
					"the end of its jail",
					WAIT_MS,
				);
				const freed = await as("dev-1", "unjail");
				expect(freed.status, freed.err + freed.out).toBe(0);
				await untilSealed("its vote again", (block) => inSet(block) && votes(block));
				expect(await bobNow()).toMatchObject({ jailedUntil: 0 });
				await inStep(2);

				// The same keys in a second process: refused before anything is signed.
				const second = await run("node", "run", "ledger", "--data", join(dir, "second"), ...optionsOf(0), "--port", "0");
				expect([second.status, second.err + second.out]).toEqual([expect.any(Number), expect.stringContaining(one)]);
				expect(second.status).not.toBe(0);
			} catch (error) {
				throw new Error(`${error instanceof Error ? error.message : String(error)}\n${said.slice(-4_000)}`, { cause: error });
			} finally {
				await Promise.all([...alive.keys()].map(end));
				await rm(dir, { recursive: true, force: true });
			}
		},
		SLOW_MS,
	);
});
