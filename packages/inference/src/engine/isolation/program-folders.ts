/** Where the code of a program lies: what Node must be allowed to read to run it. */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { dirname, join, sep } from "node:path";

/** Its own package, every `node_modules` above it, and the packages that those only link to (a workspace's own). */
export function programFolders(script: string): readonly string[] {
	const folders = new Set<string>();
	const real = realpathSync(script);
	let inPackage = true;
	for (let folder = dirname(real); ; folder = dirname(folder)) {
		if (inPackage && existsSync(join(folder, "package.json"))) {
			folders.add(folder);
			inPackage = false;
		}
		const modules = folder.endsWith(`${sep}node_modules`) ? folder : join(folder, "node_modules");
		if (existsSync(modules)) {
			folders.add(modules);
			for (const target of linkedPackages(modules)) folders.add(target);
		}
		if (folder === dirname(folder)) break;
	}
	return [...folders];
}

const OWN_SCOPE = "@freehold";

function linkedPackages(modules: string): readonly string[] {
	const scope = join(modules, OWN_SCOPE);
	if (!existsSync(scope)) return [];
	return readdirSync(scope, { withFileTypes: true }).flatMap((entry) => (entry.isSymbolicLink() ? [realpathSync(join(scope, entry.name))] : []));
}
