/**
 * Logs that stay bounded. A process writes to a file that it was started with, so the file cannot be exchanged under it: what it holds is copied beside it
 * (`NAME.log.1`, in place of the copy before) and it is emptied. Processes append, so the next line begins the file anew.
 */
import { type FileHandle, open, readdir, rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";

export interface LogBounds {
	/** Size at which a log is turned over; there are at most two of that size for a process, and what came since the last look. */
	readonly mostBytes: number;
	readonly lookEveryMs: number;
}

const CHUNK_BYTES = 1024 * 1024;

/** Looks at all logs of a folder from time to time; the returned function ends it. A log that cannot be turned over (a full disk) is tried again at the next look. */
export function keepBounded(folder: string, { mostBytes, lookEveryMs }: LogBounds): () => Promise<void> {
	let looking: Promise<void> = Promise.resolve();
	const look = async (): Promise<void> => {
		for (const name of await readdir(folder)) if (name.endsWith(".log")) await turnOver(join(folder, name), mostBytes).catch(() => false);
	};
	const timer = setInterval(() => {
		looking = looking.then(look).catch(() => undefined);
	}, lookEveryMs).unref();
	return () => {
		clearInterval(timer);
		return looking;
	};
}

/** Turns a log over when it is larger than `mostBytes`; true when it did. */
export async function turnOver(path: string, mostBytes: number): Promise<boolean> {
	const log = await open(path, "r");
	try {
		if ((await log.stat()).size <= mostBytes) return false;
		const draft = `${path}.1.tmp`;
		try {
			await copyTo(draft, log);
			await rename(draft, `${path}.1`);
			await truncate(path, 0);
		} catch (error) {
			// Where the disk is full, half a copy is what it can do without.
			await rm(draft, { force: true });
			throw error;
		}
		return true;
	} finally {
		await log.close();
	}
}

/** To the end of what is there: what is written while the last piece is copied is copied too. */
async function copyTo(path: string, log: FileHandle): Promise<void> {
	const copy = await open(path, "w", 0o644);
	try {
		const buffer = Buffer.alloc(CHUNK_BYTES);
		for (;;) {
			const { bytesRead } = await log.read(buffer, 0, CHUNK_BYTES, null);
			if (bytesRead === 0) return;
			await copy.appendFile(buffer.subarray(0, bytesRead));
		}
	} finally {
		await copy.close();
	}
}
