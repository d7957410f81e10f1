/** Whether a folder takes writes: the question behind "ready" for a program whose work does not write by itself. */
import { open, rm } from "node:fs/promises";
import { join } from "node:path";

export interface WriteProbeOptions {
	/** A new look at most this often, however often it is asked; default 2 s. */
	readonly everyMs?: number;
	/** A disk that takes longer for a small file counts as one that does not write; default 5 s. */
	readonly deadlineMs?: number;
	/** Milliseconds of a steady clock. */
	readonly ticks: () => number;
}

const PROBE_BYTES = 4096;

/** Writes and syncs a small file in `folder` when asked. Resolves with the reason why it does not work, undefined when it does. */
export function writeProbe(folder: string, { everyMs = 2_000, deadlineMs = 5_000, ticks }: WriteProbeOptions): () => Promise<string | undefined> {
	const path = join(folder, ".write-probe");
	let last: { readonly at: number; readonly outcome: Promise<string | undefined> } | undefined;
	const look = async (): Promise<string | undefined> => {
		try {
			const file = await open(path, "w", 0o600);
			try {
				await file.write(Buffer.alloc(PROBE_BYTES, 1));
				await file.sync();
			} finally {
				await file.close();
			}
			return undefined;
		} catch (error) {
			return error instanceof Error && "code" in error ? String(error.code) : String(error);
		} finally {
			await rm(path, { force: true }).catch(() => undefined);
		}
	};
	return () => {
		const at = ticks();
		if (last === undefined || at - last.at >= everyMs) last = { at, outcome: within(look(), deadlineMs) };
		return last.outcome;
	};
}

function within(work: Promise<string | undefined>, deadlineMs: number): Promise<string | undefined> {
	return new Promise((resolve) => {
		const timer = setTimeout(() => resolve(`no answer of the disk within ${deadlineMs / 1000} s`), deadlineMs);
		void work.then((outcome) => {
			clearTimeout(timer);
			resolve(outcome);
		});
	});
}
