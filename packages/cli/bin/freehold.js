#!/usr/bin/env node
// Committed, since npm links a command only when its target exists at installation; the program itself is compiled by the set-up.
import { existsSync } from "node:fs";
import { currentBundle } from "./bundle.js";

const main = currentBundle() ?? new URL("../dist/main.js", import.meta.url);
if (existsSync(main)) {
	const { run } = await import(main.href);
	process.exitCode = await run(process.argv.slice(2));
} else {
	process.stderr.write("Freehold is not compiled yet. Run: npm run setup\n");
	process.exitCode = 2;
}
