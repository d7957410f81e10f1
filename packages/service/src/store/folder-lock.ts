/** One process per folder: a lock file that names its process, and is ignored once that process is gone. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import { beginOf, isProcessAlive } from "../program/process-life.js";

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
			const holder = livingHolder(found);
			if (holder !== undefined) throw new FreeholdError("store.locked", { path: folder, pid: holder.pid });
			removeStale(path, found, `${draft}.stale`);
		}
	} finally {
		rmSync(draft, { force: true });
	}
	throw new FreeholdError("store.locked", { path: folder, pid: 0 });
}

/** Process that holds the folder now; undefined when none does. */
export function folderHolder(folder: string): number | undefined {
	const text = readText(join(folder, "lock"));
	return text === undefined ? undefined : livingHolder(text)?.pid;
}

function livingHolder(text: string): Holder | undefined {
	const holder = parseHolder(text);
	return holder !== undefined && isProcessAlive(holder.pid, holder.began) ? holder : undefined;
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
