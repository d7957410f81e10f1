/**
 * Binds the compiled command and its programs into few files, which load in half the time that a thousand modules take. `packages/cli/bin/freehold.js` takes them
 * while nothing was compiled since. Only plain JavaScript goes in: what loads native parts, or files of its own, stays outside.
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const packages = fileURLToPath(new URL("../packages", import.meta.url));
const folder = join(packages, "cli", "bundle");
const ENTRY = "main.js";
/** A process that runs may still load parts of an earlier bundle. */
const KEPT_MS = 24 * 3_600_000;

/** Our own packages, and those of many small modules. */
const bound = new Set("@bufbuild @freehold @noble @opentelemetry @scure abitype commander diff isows ox prom-client viem ws".split(" "));
const strangers = {
	name: "strangers",
	setup({ onResolve }) {
		onResolve({ filter: /^[^./]/ }, ({ path, kind }) => (kind === "entry-point" || bound.has(path.split("/", 1)[0]) ? undefined : { path, external: true }));
	},
};

/** Our modules find workers, models and WebAssembly beside themselves: each still knows where it was. */
const places = {
	name: "places",
	setup({ onLoad }) {
		onLoad({ filter: /packages[\\/][a-z]+[\\/]dist[\\/].*\.js$/ }, async ({ path }) => {
			const text = await readFile(path, "utf8");
			const place = JSON.stringify(relative(folder, path).replaceAll("\\", "/"));
			return { contents: text.replaceAll("import.meta.url", `new URL(${place}, import.meta.url).href`), loader: "js", resolveDir: dirname(path) };
		});
	},
};

/** Resolves with whether there is a bundle now; what is wrong goes to standard error. */
export async function bundle() {
	try {
		const { outputFiles } = await build({
			entryPoints: [join(packages, "cli", "dist", ENTRY)],
			outdir: folder,
			write: false,
			bundle: true,
			splitting: true,
			format: "esm",
			platform: "node",
			target: "node20",
			chunkNames: "[name]-[hash]",
			logLevel: "warning",
			plugins: [strangers, places],
			// CommonJS among it asks for Node's own modules by `require`.
			banner: { js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);' },
		});
		await mkdir(folder, { recursive: true });
		const isEntry = ({ path }) => basename(path) === ENTRY;
		await Promise.all(outputFiles.filter((file) => !isEntry(file)).map(({ path, contents }) => writeFile(path, contents)));
		for (const { path, contents } of outputFiles.filter(isEntry)) {
			await writeFile(`${path}.new`, contents);
			await rename(`${path}.new`, path);
		}
		await forget(new Set(outputFiles.map(({ path }) => basename(path))));
		return true;
	} catch (error) {
		process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
		return false;
	}
}

async function forget(used) {
	for (const name of await readdir(folder)) {
		const path = join(folder, name);
		if (!used.has(name) && Date.now() - (await stat(path)).mtimeMs > KEPT_MS) await rm(path);
	}
}
