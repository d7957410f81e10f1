/** What the lock file may say: every package from the registry, by its hash, from no other place; install scripts only where it is written why they are not needed. */

const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;

/** Packages of the lock file that come from outside, with their names. */
export function outsidePackages(lock) {
	return Object.entries(lock.packages)
		.filter(([path, entry]) => path.includes("node_modules/") && entry.link !== true)
		.map(([path, entry]) => ({ path, name: entry.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length), ...entry }));
}

/** A sentence for each fault; empty when the lock file is as it should be. */
export function lockFileFaults(lock) {
	const faults = [];
	if (lock.lockfileVersion !== 3) faults.push(`lock file version ${lock.lockfileVersion}, not 3`);
	for (const { path, integrity, resolved } of outsidePackages(lock)) {
		if (integrity === undefined) faults.push(`${path} has no hash`);
		else if (!SHA512.test(integrity)) faults.push(`${path} has a hash that is not one SHA-512`);
		// An address would name the registry of the machine that wrote the file, or a place that is no registry at all.
		if (resolved !== undefined) faults.push(`${path} names where it came from: ${resolved}`);
	}
	for (const [path, entry] of Object.entries(lock.packages)) {
		for (const [name, range] of dependencies(entry)) {
			if (/[/:]/.test(range) && !/^npm:/.test(range)) faults.push(`${path || "the root"} wants ${name} from ${range}, which is no version of the registry`);
		}
		if (entry.link === true && !/^(packages|apps)\/[a-z-]+$/.test(entry.resolved ?? ""))
			faults.push(`${path} links to ${entry.resolved}, outside the workspaces`);
	}
	return faults;
}

/** Install scripts that the policy does not explain, and explanations that nothing needs any more. */
export function installScriptFaults(lock, { installScripts }) {
	const explained = new Set(installScripts.map((entry) => entry.package));
	const having = new Set(outsidePackages(lock).flatMap((entry) => (entry.hasInstallScript === true ? [entry.name] : [])));
	return [
		...[...having].filter((name) => !explained.has(name)).map((name) => `${name} has an install script and the policy does not say what stands in for it`),
		...[...explained].filter((name) => !having.has(name)).map((name) => `the policy explains an install script of ${name}, which has none`),
	];
}

function dependencies(entry) {
	return ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) => Object.entries(entry[kind] ?? {}));
}
