/** Whether a process lives, by its id: also when the id was given to another process since, and when nobody has fetched its end yet. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What `beginOf` says of a process that has ended and is still listed. */
const ENDED = "ended";

/** `began`: what `beginOf` said when the process was known to live; without it the id alone decides. */
export function isProcessAlive(pid: number, began = ""): boolean {
	try {
		process.kill(pid, 0);
	} catch (error) {
		// EPERM: it lives and belongs to someone else.
		if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
	}
	const now = beginOf(pid);
	if (now === ENDED) return false;
	return began === "" || now === undefined || now === began;
}

/** A text that differs between two processes with the same id; undefined where the system does not tell. */
export function beginOf(pid: number): string | undefined {
	try {
		if (process.platform === "linux") {
			const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
			// The name in parentheses may hold anything; field 22 counts from after it.
			const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
			return fields[0] === "Z" ? ENDED : fields[19];
		}
		if (process.platform === "darwin") return execFileSync("/bin/ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", timeout: 2_000 }).trim();
	} catch {
		// No such process, or no way to ask.
	}
	return undefined;
}
