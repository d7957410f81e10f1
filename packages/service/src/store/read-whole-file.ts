/** Reads all of an LMDB file in a process of its own, which a page that is not there may end: `node read-whole-file.js FOLDER`. */
import { type Key, open } from "lmdb";

const [, , path] = process.argv;
if (path === undefined) throw new Error("usage: read-whole-file FOLDER");
const BINARY = { keyEncoding: "binary", encoding: "binary" } as const;
const MOST_TABLES = 64;
const root = open({ path, readOnly: true, maxDbs: MOST_TABLES, ...BINARY });
for (const { key } of root.getRange({})) {
	// A key of the root may name a table; what it names otherwise has been read by now.
	const name = Buffer.isBuffer(key) ? key.toString("utf8").replace(/\0$/, "") : "";
	const table = tableOf(name);
	if (table !== undefined) for (const { value } of table.getRange({})) if (value === undefined) throw new Error("a value is missing");
}

function tableOf(name: string) {
	try {
		return root.openDB<Buffer, Key>({ name, ...BINARY });
	} catch {
		return undefined;
	}
}
