/**
 * How an engine's process is started with as little as the system lets us give it: no environment, an empty folder, bounded memory, no growing files,
 * no network where namespaces are available, and Node's own permissions as a further fence. Native code that escapes the engine meets the system's
 * fences only; the limits of this are in the package's README.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

export interface Command {
	readonly file: string;
	readonly args: readonly string[];
}

export interface Confinement {
	/** Private writable memory that the system grants the process, in bytes. */
	readonly dataBytes: number;
	/** Start in a network namespace of its own; see `canIsolateNetwork`. */
	readonly networkNamespace: boolean;
}

const SHELL = "/bin/sh";
const UNSHARE = "/usr/bin/unshare";

/**
 * Limits in units of `ulimit`: kilobytes of data, no core file, no growing files, few descriptors. Each is tried in a subshell first: a shell that may not
 * set a limit would otherwise end.
 */
const LIMIT_AND_RUN = `limit() { (ulimit "$1" "$2") 2>/dev/null && ulimit "$1" "$2"; }
limit -d "$1"; limit -c 0; limit -f 0; limit -n 256; shift; exec "$@"`;

/** The command that runs `script` confined. */
export function confine(script: string, args: readonly string[], confinement: Confinement): Command {
	const node = [process.execPath, ...nodeFlags(), script, ...args];
	const inNamespace = confinement.networkNamespace ? [UNSHARE, "--user", "--net", ...node] : node;
	if (!existsSync(SHELL)) return { file: process.execPath, args: node.slice(1) };
	return { file: SHELL, args: ["-c", LIMIT_AND_RUN, "sh", String(Math.ceil(confinement.dataBytes / 1024)), ...inNamespace] };
}

/** Environment of the process: nothing is inherited. */
export const confinedEnvironment: NodeJS.ProcessEnv = { LC_ALL: "C.UTF-8" };

let networkIsolation: Promise<boolean> | undefined;

/** Whether this system lets us start a process without a network. Asked once. */
export function canIsolateNetwork(): Promise<boolean> {
	networkIsolation ??= promisify(execFile)(UNSHARE, ["--user", "--net", "/bin/true"], { env: {}, timeout: 2000 }).then(
		() => true,
		() => false,
	);
	return networkIsolation;
}

function nodeFlags(): string[] {
	const known = process.allowedNodeEnvironmentFlags;
	const permission = known.has("--permission") ? "--permission" : known.has("--experimental-permission") ? "--experimental-permission" : undefined;
	const flags = ["--no-warnings", "--disallow-code-generation-from-strings"];
	// Reading stays allowed: the runtime is spread over node_modules. Writing, children and inspectors are not.
	if (permission !== undefined && known.has("--allow-addons")) flags.push(permission, "--allow-fs-read=*", "--allow-addons", "--allow-worker");
	return flags;
}
