/** Keeps what the programs of tests logged, and which keys they had, until the end of the whole run, when `scripts/test.mjs` searches the one for the other. */
import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Set by `scripts/test.mjs`; without it nothing is kept. */
const folder = process.env["FREEHOLD_TEST_LOGS"];

export function keepLog(text: string): void {
	if (folder !== undefined && text !== "") writeFileSync(join(folder, `${randomUUID()}.log`), text);
}

/** A key that must be in no log. Files that are not there yet have no key. */
export function keepKeyFile(path: string): void {
	if (folder !== undefined && existsSync(path)) appendFileSync(join(folder, "keys"), `${readFileSync(path, "utf8").trim()}\n`);
}

/** Logs and keys of a network's data folder, before it is removed. */
export function keepNetwork(data: string): void {
	if (folder === undefined || !existsSync(data)) return;
	const logs = join(data, "logs");
	if (existsSync(logs)) for (const name of readdirSync(logs)) keepLog(readFileSync(join(logs, name), "utf8"));
	for (const entry of readdirSync(data, { recursive: true, encoding: "utf8" })) if (entry.endsWith(".key")) keepKeyFile(join(data, entry));
}
