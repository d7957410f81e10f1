/**
 * Binds the compiled command and its programs into few files, which load in half the time that a thousand modules take. `packages/cli/bin/freehold.js` takes them
 * while nothing was compiled since. Only plain JavaScript goes in: what loads native parts, or files of its own, stays outside.
 */
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const packages = fileURLToPath(new URL("../packages", import.meta.url));
const folder = join(packages, "cli", "bundle");
const ENTRY = "main.js";
/** A process that runs may still load parts of an earlier bundle. */
const KEPT_MS = 24 * 3_600_000;

/** Our own packages, and those of many small modules. */
const bound = new Set("@bufbuild @freehold @noble @opentelemetry @scure abitype commander diff isows ox prom-client viem ws".split(" "));
const isStranger = (id) => /^[^.\0]/.test(id) && !isAbsolute(id) && !bound.has(id.split("/", 1)[0]);

/** Our modules find workers, models and WebAssembly beside themselves: each still knows where it was. */
const places = {
	name: "places",
	transform: {
		filter: { id: /packages[\\/][a-z]+[\\/]dist[\\/].*\.js$/, code: "import.meta.url" },
		handler(code, id) {
			const place = JSON.stringify(relative(folder, id).replaceAll("\\", "/"));
			return { code: code.replaceAll("import.meta.url", `new URL(${place}, import.meta.url).href`), map: null };
		},
	},
};

/** Resolves with whether there is a bundle now; what is wrong goes to standard error. */
export async function bundle() {
	try {
		const build = await rolldown({ input: join(packages, "cli", "dist", ENTRY), platform: "node", external: isStranger, plugins: [places] });
		const { output } = await build.generate({ format: "esm", chunkFileNames: "[name]-[hash].js" });
		await build.close();
		await mkdir(folder, { recursive: true });
		// The entry last, and at once: whoever starts meanwhile has the earlier bundle, or the modules.
		for (const { fileName, code } of output.filter((chunk) => chunk.fileName !== ENTRY)) await writeFile(join(folder, fileName), code);
		for (const { code } of output.filter((chunk) => chunk.fileName === ENTRY)) {
			await writeFile(join(folder, `${ENTRY}.new`), code);
			await rename(join(folder, `${ENTRY}.new`), join(folder, ENTRY));
		}
		await forget(new Set(output.map(({ fileName }) => fileName)));
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
