/** The script that the first view needs, compressed: what the page's entry and everything it imports at once weighs. Fails above the limit. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const LIMIT_BYTES = 200_000;
const dist = fileURLToPath(new URL("../dist", import.meta.url));
const manifestPath = join(dist, ".vite", "manifest.json");
if (!existsSync(manifestPath)) {
	process.stdout.write("the page is not built; nothing to weigh (npm run setup builds it)\n");
	process.exit(0);
}
const manifest = JSON.parse(readFileSync(manifestPath, "utf8"));
const needed = new Set(["theme.js"]);
const visit = (key) => {
	const chunk = manifest[key];
	if (needed.has(chunk.file)) return;
	needed.add(chunk.file);
	for (const imported of chunk.imports ?? []) visit(imported);
};
visit(Object.keys(manifest).find((key) => manifest[key].isEntry));
let total = 0;
for (const file of needed) {
	const { length } = gzipSync(readFileSync(join(dist, file)), { level: 9 });
	total += length;
	process.stdout.write(`${String(length).padStart(8)}  ${file}\n`);
}
process.stdout.write(`${String(total).padStart(8)}  bytes of compressed script for the first view; the limit is ${LIMIT_BYTES}\n`);
if (total > LIMIT_BYTES) process.exitCode = 1;
