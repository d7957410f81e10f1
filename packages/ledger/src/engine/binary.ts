/** CometBFT's program: one that was named, or one that is built once from its own source, pinned, where Go is. */
import { execFile } from "node:child_process";
import { access, constants, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { FreeholdError } from "@freehold/protocol";

export const ENGINE_VERSION = "v0.38.26";
const ENGINE_PACKAGE = `github.com/cometbft/cometbft/cmd/cometbft@${ENGINE_VERSION}`;
/** Lowest Go that its module file accepts. */
const LEAST_GO = [1, 22, 11] as const;
/** A minute on two idle cores; a slow network fetches its modules first. */
const BUILD_DEADLINE_MS = 900_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

/** Path of the program: what `FREEHOLD_COMETBFT` names, or what was built before. Undefined when there is neither. Throws `config.invalid` for a name that cannot be run. */
export async function findEngine(env: Environment): Promise<string | undefined> {
	const named = env["FREEHOLD_COMETBFT"];
	if (named !== undefined && named !== "") {
		if (await isExecutable(named)) return named;
		throw new FreeholdError("config.invalid", { option: "FREEHOLD_COMETBFT", reason: `${named} is no program that can be run` });
	}
	const built = builtEngine(env);
	return (await isExecutable(built)) ? built : undefined;
}

/** The program, built when it is not there yet. Throws `consensus.missing` where there is no Go that could build it, or building fails. `building` is called before it takes a minute. */
export async function provideEngine(env: Environment, building: () => void = () => {}): Promise<string> {
	const found = await findEngine(env);
	if (found !== undefined) return found;
	const go = await findGo(env);
	if (go === undefined) throw new FreeholdError("consensus.missing", { reason: `there is no Go ${LEAST_GO.join(".")} or newer to build it with` });
	building();
	const target = builtEngine(env);
	const folder = join(target, "..");
	await mkdir(folder, { recursive: true });
	const place = await mkdtemp(join(folder, "building-"));
	try {
		const args = ["install", "-trimpath", "-ldflags=-s -w", ENGINE_PACKAGE];
		await run(go, args, { ...env, CGO_ENABLED: "0", GOBIN: place }, BUILD_DEADLINE_MS).catch((error: unknown) => {
			throw new FreeholdError("consensus.missing", { reason: `building it failed: ${error instanceof Error ? error.message.slice(-500) : String(error)}` });
		});
		// Whole or not at all, and whoever builds at the same time makes the same.
		await rename(join(place, "cometbft"), target);
	} finally {
		await rm(place, { recursive: true, force: true });
	}
	return target;
}

function builtEngine(env: Environment): string {
	const cache = env["XDG_CACHE_HOME"] ?? join(env["HOME"] ?? homedir(), ".cache");
	return join(cache, "freehold", `cometbft-${ENGINE_VERSION}`);
}

/** A Go that is new enough. */
async function findGo(env: Environment): Promise<string | undefined> {
	const folders = [...(env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""), "/usr/local/go/bin"];
	for (const folder of folders) {
		const go = join(folder, "go");
		if (!(await isExecutable(go))) continue;
		const said = await run(go, ["env", "GOVERSION"], env, 10_000).catch(() => "");
		if (isNewEnough(said.trim())) return go;
	}
	return undefined;
}

/** Of `go1.26.8`. */
export function isNewEnough(version: string): boolean {
	const parts = /^go(\d+)\.(\d+)(?:\.(\d+))?/
		.exec(version)
		?.slice(1)
		.map((part) => Number(part ?? 0));
	if (parts === undefined) return false;
	for (const [index, least] of LEAST_GO.entries()) {
		const part = parts[index] ?? 0;
		if (part !== least) return part > least;
	}
	return true;
}

function isExecutable(path: string): Promise<boolean> {
	return access(path, constants.X_OK).then(
		() => true,
		() => false,
	);
}

function run(command: string, args: readonly string[], env: Environment, timeoutMs: number): Promise<string> {
	return new Promise((resolve, reject) => {
		execFile(command, args, { env: env as NodeJS.ProcessEnv, timeout: timeoutMs, maxBuffer: MAX_OUTPUT_BYTES }, (error, stdout, stderr) => {
			if (error === null) resolve(stdout);
			else reject(new Error(stderr === "" ? error.message : stderr));
		});
	});
}
