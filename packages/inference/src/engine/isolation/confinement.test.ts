import { execFile, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { availableFences, type Command, confine, confineCommand, confinedEnvironment, fencesFor } from "./confinement.js";

const HOSTILE = fileURLToPath(new URL("../../../test/hostile.mjs", import.meta.url));
const dataBytes = 4 * 1024 ** 3;
const fences = await availableFences();

let root: string;
let models: string;
let facts: string;
let server: Server;

beforeAll(async () => {
	// As a node's data folder is: the key for its owner alone, the models for all.
	root = await mkdtemp(join(tmpdir(), "freehold-confined-"));
	await chmod(root, 0o755);
	models = join(root, "models");
	await mkdir(models);
	await writeFile(join(models, "model.onnx"), "weights");
	await writeFile(join(root, "node.key"), "0xsecret", { mode: 0o600 });
	await mkdir(join(root, "engine"), { mode: 0o700 });
	server = createServer((socket) => socket.end());
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { port: number };
	facts = JSON.stringify({ key: join(root, "node.key"), model: join(models, "model.onnx"), folder: root, port, parent: process.pid });
});
afterAll(async () => {
	server.close();
	await rm(root, { recursive: true, force: true });
});

async function run({ file, args }: Command, env: NodeJS.ProcessEnv = confinedEnvironment): Promise<Record<string, string>> {
	const { stdout } = await promisify(execFile)(file, args, { env, cwd: join(root, "engine") });
	return JSON.parse(stdout) as Record<string, string>;
}
const refused = expect.stringMatching(/^refused/);

describe("hostile code in an engine's process", () => {
	it("would get at everything without the fences, so the attempts are real", async () => {
		const outcomes = await run({ file: process.execPath, args: [HOSTILE, facts] }, { ...process.env, SECRET: "x" });
		for (const deed of [
			"read the model",
			"read the node's key",
			"list the data folder",
			"start a program",
			"connect to this machine",
			"signal the parent",
			"read from a thread",
		])
			expect(outcomes[deed], deed).toMatch(/^worked/);
		expect(outcomes["environment"]).toContain("SECRET");
		await rm(join(root, "planted"), { force: true });
	});

	it("reads its models and nothing else, starts nothing, writes nothing, and knows no environment", async () => {
		const outcomes = await run(confine(HOSTILE, [facts], { dataBytes, fences: await fencesFor(HOSTILE, [models]), readable: [models] }));
		expect(outcomes).toMatchObject({
			"read the model": "worked: weights",
			"read the node's key": refused,
			"list the data folder": refused,
			"read the list of users": refused,
			"read the parent's environment": refused,
			"read the parent's memory": refused,
			"write beside the model": refused,
			"write to the temporary folder": refused,
			"start a program": refused,
			"open a debugger": refused,
			"evaluate a text": refused,
			"read from a thread": refused,
		});
		expect(outcomes["environment"]?.split(",").filter((name) => !["LC_ALL", "PWD", "OLDPWD", "_", "SHLVL"].includes(name))).toEqual([]);
		expect(await readdir(root)).not.toContain("planted");
	});

	it.skipIf(!fences.network)("reaches no network, not even this machine [Linux with user namespaces]", async () => {
		const outcomes = await run(confine(HOSTILE, [facts], { dataBytes, fences, readable: [models] }));
		for (const deed of ["connect to this machine", "connect to the world", "send a datagram"]) expect(outcomes[deed], deed).toMatch(/^refused/);
	});
});

describe("hostile code that has left Node behind", () => {
	// Node without its permissions stands for native code: only the system's fences are left.
	const native = (): Promise<Record<string, string>> => run(confineCommand([process.execPath, HOSTILE, facts], { dataBytes, fences }));

	it.skipIf(!fences.user)("is a user that owns nothing: no keys, no parent, no files, no way back [root on Linux, setpriv]", async () => {
		expect(await native()).toMatchObject({
			"read the model": "worked: weights",
			"read the node's key": "refused: EACCES",
			"read the parent's environment": "refused: EACCES",
			"read the parent's memory": "refused: EACCES",
			"write beside the model": "refused: EACCES",
			"become root again": refused,
			"signal the parent": "refused: EPERM",
			"read from a thread": refused,
		});
	});

	it.skipIf(!fences.network)("reaches no network either [Linux with user namespaces]", async () => {
		const outcomes = await native();
		for (const deed of ["connect to this machine", "connect to the world", "send a datagram"]) expect(outcomes[deed], deed).toMatch(/^refused/);
	});

	it.skipIf(process.platform === "win32")("cannot make a file grow", async () => {
		const { file, args } = confineCommand(["/bin/sh", "-c", "echo full > planted || echo refused"], { dataBytes, fences: { ...fences, user: false } });
		const child = spawn(file, args, { env: confinedEnvironment, cwd: join(root, "engine"), stdio: "ignore" });
		await new Promise((resolve) => child.once("close", resolve));
		const { stdout } = await promisify(execFile)("/bin/sh", ["-c", `cat ${join(root, "engine", "planted")} 2>/dev/null | wc -c`]);
		expect(Number(stdout)).toBe(0);
	});

	it.skipIf(!fences.user)("cannot multiply without end [root on Linux, prlimit]", async () => {
		const bomb = "n=0; while [ $n -lt 400 ]; do sleep 5 & n=$((n+1)); done; echo $n";
		const { file, args } = confineCommand(["/bin/sh", "-c", bomb], { dataBytes, fences });
		const child = spawn(file, args, { env: confinedEnvironment, cwd: join(root, "engine"), stdio: ["ignore", "pipe", "pipe"], detached: true });
		let words = "";
		child.stdout.on("data", (text: Buffer) => (words += text.toString()));
		child.stderr.on("data", (text: Buffer) => (words += text.toString()));
		await new Promise((resolve) => child.once("exit", resolve));
		try {
			expect(words).toMatch(/fork/i);
		} finally {
			if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
		}
	});

	it.skipIf(!fences.user)("is another user in each process, so engines do not reach each other [root on Linux, setpriv]", async () => {
		const idOf = async (): Promise<string> => {
			const { file, args } = confineCommand(["/usr/bin/id", "-u"], { dataBytes, fences: { ...fences, network: false } });
			return (await promisify(execFile)(file, args)).stdout.trim();
		};
		const [first, second] = await Promise.all([idOf(), idOf()]);
		expect(Number(first)).toBeGreaterThanOrEqual(0x7000_0000);
		expect(second).not.toBe(first);
	});
});

it.skipIf(!fences.user)("where another user could not read the models, the process keeps its own [root on Linux, setpriv]", async () => {
	const closed = join(root, "closed");
	await mkdir(closed, { mode: 0o700 });
	expect(await fencesFor(HOSTILE, [models])).toEqual(fences);
	expect(await fencesFor(HOSTILE, [closed])).toEqual({ ...fences, user: false });
});
