/** Files that other processes read: whole or not at all, also after a power cut. */
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

let counter = 0;

/** Replaces `path` by `content` in one step: written beside it, synced, renamed. Creates the folder. */
export async function atomicWriteFile(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
	const folder = dirname(path);
	await mkdir(folder, { recursive: true });
	counter += 1;
	const draft = `${path}.${process.pid}.${counter}.tmp`;
	try {
		const file = await open(draft, "wx", mode);
		try {
			await file.writeFile(content);
			await file.sync();
		} finally {
			await file.close();
		}
		await rename(draft, path);
	} catch (error) {
		await rm(draft, { force: true });
		throw error;
	}
	await syncFolder(folder);
}

/** Makes names in a folder durable, where the platform can. */
export async function syncFolder(folder: string): Promise<void> {
	if (process.platform === "win32") return;
	const handle = await open(folder, "r");
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
