import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { toHex } from "@freehold/protocol";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { contract, openCrashChain, prepareBlock, rowOf, users } from "../../test/crash-chain.js";
import { address, temporaryFolder, word } from "../../test/execution-kit.js";
import { budget, Random } from "../../test/random.js";
import type { StateMachine } from "../execution/types.js";
import { keccak256 } from "./keccak.js";

/** The child beside `dist`, from where it finds the engine as the built package does. */
const child = fileURLToPath(new URL(`../../dist/crash-test-${process.pid}/child.mjs`, import.meta.url));

beforeAll(async () => {
	const entry = fileURLToPath(new URL("../../test/crash-child.ts", import.meta.url));
	await build({
		entryPoints: [entry],
		outfile: child,
		bundle: true,
		platform: "node",
		format: "esm",
		target: "node20",
		packages: "external",
		logLevel: "error",
	});
});
afterAll(() => rmSync(fileURLToPath(new URL(".", `file://${child}`)), { recursive: true, force: true }));

interface Progress {
	readonly process: ChildProcess;
	committing: number;
	committed: number;
}

function start(dir: string): Progress {
	const progress: Progress = { process: fork(child, [dir], { stdio: ["ignore", "ignore", "inherit", "ipc"] }), committing: -1, committed: -1 };
	progress.process.on("message", (message: Partial<Progress>) => Object.assign(progress, message));
	return progress;
}

/** Kills the child some blocks later, mostly in the middle of a commit. */
async function killAfter(progress: Progress, blocks: number, delayMs: number): Promise<void> {
	const from = progress.committed;
	while (progress.committed < from + blocks) {
		if (progress.process.exitCode !== null) throw new Error("the child ended by itself");
		await once(progress.process, "message");
	}
	// Not a wait for anything: the moment of the kill is what varies.
	await new Promise((resolve) => setTimeout(resolve, delayMs));
	progress.process.kill("SIGKILL");
	await once(progress.process, "exit");
}

/** Everything that can be seen of the state, to compare with a chain that was never interrupted. */
function appearance(machine: StateMachine): string {
	const owners = [...users, ...Array.from({ length: 800 }, (_, index) => address(0x70000 + index)), contract];
	const accounts = owners.map((owner) => {
		const account = machine.account(owner);
		return account === undefined ? "-" : `${account.nonce} ${account.balance} ${toHex(account.storageRoot)}`;
	});
	return [...accounts, ...Array.from({ length: 50 }, (_, slot) => toHex(machine.storage(contract, word(slot))))].join("\n");
}

test("killed at any moment, the store is at the last block or the one before, whole, and goes on", async () => {
	const random = new Random(11);
	const [crashed, intact] = [temporaryFolder(), temporaryFolder()];
	const reference = openCrashChain(intact.dir);
	const roots = [reference.head()?.stateRoot ?? word(0n)];
	for (let round = 0; round < budget(8, 60); round++) {
		const progress = start(crashed.dir);
		await killAfter(progress, 1 + random.below(6), random.below(4));
		const machine = openCrashChain(crashed.dir);
		const head = machine.head();
		if (head === undefined) throw new Error("the store lost its head");
		expect(Number(head.number)).toBeGreaterThanOrEqual(progress.committed);
		expect(Number(head.number)).toBeLessThanOrEqual(Math.max(progress.committing, progress.committed) + 1);
		while ((reference.head()?.number ?? 0n) < head.number) {
			const { root, row } = prepareBlock(reference);
			await reference.commit([row]);
			roots.push(root);
		}
		expect(toHex(head.stateRoot)).toBe(toHex(roots[Number(head.number)] ?? word(0n)));
		expect(appearance(machine)).toBe(appearance(reference));
		const rows = [...machine.scan("block", word(0n), word(1n << 200n))];
		expect(rows).toHaveLength(Number(head.number) + 1);
		expect(rows.at(-1)).toEqual({ key: rowOf(head.number).key, value: rowOf(head.number).value });
		// The stored trie is the one whose root the head names, now and within the history.
		for (const at of [head.number, head.number - 1n]) {
			const { accountProof } = machine.prove(contract, [], at);
			expect(toHex(keccak256(accountProof[0] ?? new Uint8Array(0)))).toBe(toHex(roots[Number(at)] ?? word(0n)));
		}
		await machine.close();
	}
	await reference.close();
	crashed.remove();
	intact.remove();
}, 300_000);

test("killed while it makes genesis, the store has all of it or none", async () => {
	for (let round = 0; round < budget(3, 20); round++) {
		const folder = temporaryFolder();
		const { process: starting } = start(folder.dir);
		await new Promise((resolve) => setTimeout(resolve, 60 + round * 25));
		starting.kill("SIGKILL");
		await once(starting, "exit");
		const machine = openCrashChain(folder.dir);
		const fresh = temporaryFolder();
		const whole = openCrashChain(fresh.dir);
		if (machine.head()?.number === 0n) expect(toHex(machine.head()?.stateRoot ?? word(0n))).toBe(toHex(whole.head()?.stateRoot ?? word(1n)));
		expect(machine.get("block", word(0n))).toEqual(rowOf(0n).value);
		await machine.close();
		await whole.close();
		folder.remove();
		fresh.remove();
	}
}, 120_000);
