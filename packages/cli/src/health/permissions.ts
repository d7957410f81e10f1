/** Whether the data folder is ours to write and its keys are ours alone to read. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeProbe } from "@freehold/service";
import type { DataFolder } from "../supervisor/data-folder.js";
import type { Finding } from "./checks.js";

const OTHERS = 0o077;

export async function checkFolder(folder: DataFolder): Promise<Finding> {
	const refusal = await folder.make().then(
		() => writeProbe(folder.root, { ticks: () => performance.now() })(),
		(error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
	);
	return refusal === undefined
		? { check: "folder", ok: true, detail: folder.root }
		: { check: "folder", ok: false, detail: `${folder.root} cannot be written (${refusal}): make it yours, or choose another with --data` };
}

/** Programs refuse key files that others can read; better to be told before they do. */
export async function checkKeys(folder: DataFolder): Promise<Finding> {
	const keys = join(folder.root, "keys");
	const names = await readdir(keys).catch(() => []);
	const paths = [...names.map((name) => join(keys, name)), folder.accountsFile];
	const open: string[] = [];
	for (const path of paths) {
		const mode = (await stat(path).catch(() => undefined))?.mode;
		if (mode !== undefined && process.platform !== "win32" && (mode & OTHERS) !== 0) open.push(path);
	}
	return open.length === 0
		? { check: "keys", ok: true, detail: `${names.length} key files, readable by you alone` }
		: { check: "keys", ok: false, detail: `others can read ${open.join(", ")}: chmod 600 ${open.join(" ")}, and make new keys if somebody did` };
}
