/** One process per folder: a lock file that names its process, and is ignored once that process is gone. */
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FreeholdError } from "@freehold/protocol";

interface Holder {
	readonly pid: number;
	/** When the process began, as the system tells it: a process id alone is used again. */
	readonly began: string;
}

const MAX_ATTEMPTS = 16;
let counter = 0;

/** Takes the lock; the returned function gives it back. Throws `store.locked` while another holder lives, this process included. */
export function lockFolder(folder: string): () => void {
	mkdirSync(folder, { recursive: true });
	const path = join(folder, "lock");
	counter += 1;
	const draft = join(folder, `lock.${process.pid}.${counter}.tmp`);
	const text = JSON.stringify({ pid: process.pid, began: beginOf(process.pid) ?? "" } satisfies Holder);
	writeFileSync(draft, text, { mode: 0o644 });
	try {
		for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
			if (tryLink(draft, path)) {
				return () => {
					// Not ours any more when someone has judged this process dead; then it is theirs to remove.
					if (readText(path) === text) rmSync(path, { force: true });
				};
			}
			const found = readText(path);
			if (found === undefined) continue;
			const holder = parseHolder(found);
			if (holder !== undefined && isAlive(holder)) throw new FreeholdError("store.locked", { path: folder, pid: holder.pid });
			removeStale(path, found, `${draft}.stale`);
		}
	} finally {
		rmSync(draft, { force: true });
	}
	throw new FreeholdError("store.locked", { path: folder, pid: 0 });
}

function tryLink(draft: string, path: string): boolean {
	try {
		linkSync(draft, path);
		return true;
	} catch (error) {
		if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
		throw error;
	}
}

/** Removes the file only if it still holds what was judged: between reading and now another process may have taken the lock. */
function removeStale(path: string, judged: string, aside: string): void {
	try {
		renameSync(path, aside);
	} catch {
		return;
	}
	if (readText(aside) !== judged) tryLink(aside, path);
	rmSync(aside, { force: true });
}

function readText(path: string): string | undefined {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return undefined;
	}
}

function parseHolder(text: string): Holder | undefined {
	try {
		const { pid, began } = JSON.parse(text) as Partial<Holder>;
		return typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 && typeof began === "string" ? { pid, began } : undefined;
	} catch {
		return undefined;
	}
}

function isAlive({ pid, began }: Holder): boolean {
	try {
		process.kill(pid, 0);
	} catch (error) {
		// EPERM: it lives and belongs to someone else.
		if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
	}
	const now = beginOf(pid);
	return began === "" || now === undefined || now === began;
}

/** A text that differs between two processes with the same id; undefined where the system does not tell. */
function beginOf(pid: number): string | undefined {
	try {
		if (process.platform === "linux") {
			const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
			// The name in parentheses may hold anything; field 22 counts from after it. A zombie is gone for our purposes.
			const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
			return fields[0] === "Z" ? "ended" : fields[19];
		}
		if (process.platform === "darwin") return execFileSync("/bin/ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", timeout: 2_000 }).trim();
	} catch {
		// No such process, or no way to ask.
	}
	return undefined;
}
