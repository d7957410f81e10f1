/**
 * How an engine's process is started with as little as the system lets us give it: no environment, an empty folder, bounded memory, no growing files, no new
 * privileges, no network where namespaces are available, a user of its own where we are root, and Node's own permissions as a further fence. Native code that
 * escapes the engine meets the system's fences only; the limits of this are in the package's README.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { programFolders } from "./program-folders.js";

export interface Command {
	readonly file: string;
	readonly args: readonly string[];
}

/** What this system lets us take away from a process. */
export interface Fences {
	/** A network namespace of its own, with nothing in it. */
	readonly network: boolean;
	/** Programs that it starts gain no rights, whatever their files say. */
	readonly newPrivileges: boolean;
	/** Another user, which owns nothing and runs nothing else. */
	readonly user: boolean;
}

export interface Confinement {
	/** Private writable memory that the system grants the process, in bytes. */
	readonly dataBytes: number;
	readonly fences: Fences;
	/** Folders and files that it may read beside its own program; undefined: whatever its user may. */
	readonly readable?: readonly string[] | undefined;
}

const SHELL = "/bin/sh";
const UNSHARE = "/usr/bin/unshare";
const SETPRIV = "/usr/bin/setpriv";
const PRLIMIT = "/usr/bin/prlimit";
/** Threads of Node, of the engine and of the watchdog. Counted for the process alone, since its user runs nothing else. */
const MAX_THREADS = 128;
/** Ids that neither people nor services nor containers are given (systemd's UIDS-GIDS keeps a table of them). */
const FIRST_ID = 0x7000_0000;
const IDS_A_PARENT = 64;
const PROBE_MS = 2_000;

/**
 * Limits in units of `ulimit`: kilobytes of data, no core file, no growing files, few descriptors. Each is tried in a subshell first: a shell that may not
 * set a limit would otherwise end.
 */
const LIMIT_AND_RUN = `limit() { (ulimit "$1" "$2") 2>/dev/null && ulimit "$1" "$2"; }
limit -d "$1"; limit -c 0; limit -f 0; limit -n 256; shift; exec "$@"`;

/** The command that runs `script` confined. */
export function confine(script: string, args: readonly string[], { dataBytes, fences, readable }: Confinement): Command {
	const node = [process.execPath, ...nodeFlags(readable === undefined ? undefined : [...programFolders(script), ...readable]), script, ...args];
	return confineCommand(node, { dataBytes, fences });
}

/** The system's fences alone, around any program: what native code meets that has left Node behind. */
export function confineCommand(command: readonly string[], { dataBytes, fences }: Confinement): Command {
	const fenced = [...userFence(fences), ...(fences.network ? [UNSHARE, "--user", "--net"] : []), ...command];
	const [file = "", ...args] = fenced;
	if (!existsSync(SHELL)) return { file, args };
	return { file: SHELL, args: ["-c", LIMIT_AND_RUN, "sh", String(Math.ceil(dataBytes / 1024)), ...fenced] };
}

/** Environment of the process: nothing is inherited. */
export const confinedEnvironment: NodeJS.ProcessEnv = { LC_ALL: "C.UTF-8" };

let known: Promise<Fences> | undefined;

/** Which fences this system has. Asked once. */
export function availableFences(): Promise<Fences> {
	known ??= lookForFences();
	return known;
}

/** Whether this system lets us start a process without a network. */
export async function canIsolateNetwork(): Promise<boolean> {
	return (await availableFences()).network;
}

/** The fences that still let a process read what it must: another user may not get through to a program in somebody's home. */
export async function fencesFor(script: string, readable: readonly string[] = []): Promise<Fences> {
	const fences = await availableFences();
	if (!fences.user) return fences;
	const look = 'for path; do [ -r "$path" ] || exit 1; done';
	const reads = await succeeds([...userFence(fences), SHELL, "-c", look, "sh", process.execPath, script, ...programFolders(script), ...readable]);
	return reads ? fences : { ...fences, user: false };
}

async function lookForFences(): Promise<Fences> {
	const [network, newPrivileges] = await Promise.all([succeeds([UNSHARE, "--user", "--net", "/bin/true"]), succeeds([SETPRIV, "--no-new-privs", "/bin/true"])]);
	const isRoot = process.getuid?.() === 0;
	const user = isRoot && newPrivileges && (await succeeds([...userFence({ network, newPrivileges, user: true }), "/bin/true"]));
	// A user that may not make namespaces would lose the network's fence for its own.
	const both = user && network ? await succeeds([...userFence({ network, newPrivileges, user }), UNSHARE, "--user", "--net", "/bin/true"]) : true;
	return { network, newPrivileges, user: user && both };
}

let started = 0;

function userFence({ user, newPrivileges }: Fences): string[] {
	if (!newPrivileges) return [];
	if (!user) return [SETPRIV, "--no-new-privs"];
	// One for each process, so that engines cannot signal or trace each other either.
	const id = FIRST_ID + ((process.pid * IDS_A_PARENT + (started++ % IDS_A_PARENT)) % FIRST_ID);
	const identity = [`--reuid=${id}`, `--regid=${id}`, "--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"];
	return [...(existsSync(PRLIMIT) ? [PRLIMIT, `--nproc=${MAX_THREADS}`] : []), SETPRIV, ...identity];
}

async function succeeds([file = "", ...args]: readonly string[]): Promise<boolean> {
	return promisify(execFile)(file, args, { env: {}, timeout: PROBE_MS }).then(
		() => true,
		() => false,
	);
}

function nodeFlags(readable: readonly string[] | undefined): string[] {
	const allowed = process.allowedNodeEnvironmentFlags;
	const permission = allowed.has("--permission") ? "--permission" : allowed.has("--experimental-permission") ? "--experimental-permission" : undefined;
	const flags = ["--no-warnings", "--disallow-code-generation-from-strings"];
	// Writing, starting programs and inspectors stay forbidden.
	if (permission !== undefined && allowed.has("--allow-addons"))
		flags.push(permission, ...(readable ?? ["*"]).map((path) => `--allow-fs-read=${path}`), "--allow-addons", "--allow-worker");
	return flags;
}
