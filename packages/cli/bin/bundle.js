/** The command and its programs in few files (`scripts/bundle.mjs`), which load faster than their modules: only in a checkout, and only while no package was compiled since. */
import { readdirSync, statSync } from "node:fs";

const packages = new URL("../../", import.meta.url);

/** Its entry; undefined where the modules are newer, or where there is none. */
export function currentBundle() {
	const entry = new URL("../bundle/main.js", import.meta.url);
	const madeAt = timeOf(entry);
	if (madeAt === undefined) return undefined;
	const isNewest = readdirSync(packages).every((name) => (timeOf(new URL(`${name}/dist/.tsbuildinfo`, packages)) ?? 0) < madeAt);
	return isNewest ? entry : undefined;
}

function timeOf(file) {
	return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}
