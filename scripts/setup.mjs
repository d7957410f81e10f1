/**
 * Makes a fresh clone ready: installs what the lock file names, removes what this machine cannot use, compiles. No dependencies of its own, since it runs before there are any.
 * Progress goes to standard error, so that `--json` commands keep standard output for themselves. Does nothing when nothing changed.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const modules = join(root, "node_modules");
const installStamp = join(modules, ".freehold-installed");
const buildStamp = join(modules, ".freehold-built");
const say = (text) => process.stderr.write(`${text}\n`);

checkNode();
await withLock(async () => {
	await install();
	await build();
});

function checkNode() {
	const [major, minor] = process.versions.node.split(".").map(Number);
	if (major > 20 || (major === 20 && minor >= 19)) return;
	say(`Freehold needs Node 20.19 or newer; this is ${process.versions.node}.`);
	process.exit(1);
}

async function install() {
	const wanted = digest([readFileSync(join(root, "package-lock.json")), process.version, process.platform, process.arch]);
	if (readIfThere(installStamp) === wanted) return;
	const progress = startProgress("Installing packages (once)");
	// Not `npm ci`: it refuses a lock file that lacks the optional binaries of other platforms, which a registry need not carry. Versions and integrity
	// still come from the lock file, and `--no-save` leaves it as it is.
	const code = await run("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
		ONNXRUNTIME_NODE_INSTALL: "skip",
	});
	progress.stop(code === 0);
	if (code !== 0) {
		say("npm could not install the packages; its words are above. Is the registry reachable?");
		process.exit(1);
	}
	trim();
	writeFileSync(installStamp, wanted);
	rmSync(buildStamp, { force: true });
}

/** Binaries of other platforms and bundles for browsers that this project does not use: about 370 MB. */
function trim() {
	// Some of these say that they fit x64 as well, for emulators.
	const llama = join(modules, "@node-llama-cpp");
	const platforms = { linux: "linux", darwin: "mac", win32: "win" };
	for (const name of list(llama)) if (!name.startsWith(`${platforms[process.platform]}-${process.arch}`)) rmSync(join(llama, name), { recursive: true });
	const runtimes = join(modules, "onnxruntime-node", "bin");
	for (const api of list(runtimes))
		for (const platform of list(join(runtimes, api)))
			for (const arch of list(join(runtimes, api, platform)))
				if (platform !== process.platform || arch !== process.arch) rmSync(join(runtimes, api, platform, arch), { recursive: true });
	const web = join(modules, "onnxruntime-web", "dist");
	const keep = new Set([
		"ort-wasm-simd-threaded.mjs",
		"ort-wasm-simd-threaded.wasm",
		"ort.wasm.mjs",
		"ort.wasm.min.mjs",
		"ort.wasm.bundle.min.mjs",
		"ort.wasm.min.js",
		"ort.node.min.mjs",
		"ort.node.min.js",
	]);
	for (const file of list(web)) if (!keep.has(file)) rmSync(join(web, file));
}

async function build() {
	const wanted = newestSource();
	if (readIfThere(buildStamp) === wanted) return bundleCommand(false);
	const progress = startProgress("Compiling");
	const code = await run(process.execPath, [join(modules, "typescript", "bin", "tsc"), "-b"], {});
	progress.stop(code === 0);
	if (code !== 0) process.exit(1);
	await Promise.all([bundleCommand(true), buildPage()]);
	writeFileSync(buildStamp, newestSource());
}

/** The command in few files, for a faster start; without them it starts from its modules. */
async function bundleCommand(isStale) {
	const { currentBundle } = await import("../packages/cli/bin/bundle.js");
	if (!isStale && currentBundle() !== undefined) return;
	const progress = startProgress("Binding the command");
	const { bundle } = await import("./bundle.mjs");
	progress.stop(await bundle());
}

/** The page is a matter of its own: where it cannot be built, everything else still works and the gateway serves its plain page. */
async function buildPage() {
	const progress = startProgress("Building the page");
	const code = await run(process.execPath, [join(modules, "vite", "bin", "vite.js"), "build", join(root, "apps", "web"), "--logLevel", "warn"], {});
	progress.stop(code === 0);
}

/** Digest of path, size and time of everything that the compiler reads. */
function newestSource() {
	const parts = [];
	const visit = (folder) => {
		for (const entry of readdirSync(folder, { withFileTypes: true })) {
			const path = join(folder, entry.name);
			if (entry.isDirectory()) visit(path);
			else {
				const { mtimeMs, size } = statSync(path);
				parts.push(`${path} ${mtimeMs} ${size}`);
			}
		}
	};
	for (const name of list(join(root, "packages"))) {
		const folder = join(root, "packages", name);
		if (!existsSync(join(folder, "src"))) continue;
		visit(join(folder, "src"));
		parts.push(readFileSync(join(folder, "tsconfig.json"), "utf8"), String(existsSync(join(folder, "dist"))));
	}
	for (const path of ["src", "public"]) visit(join(root, "apps", "web", path));
	for (const file of ["index.html", "vite.config.ts", "package.json"]) parts.push(readFileSync(join(root, "apps", "web", file), "utf8"));
	parts.push(String(existsSync(join(root, "apps", "web", "dist"))));
	for (const file of ["tsconfig.json", "tsconfig.base.json", "tsconfig.browser.json", "scripts/bundle.mjs"]) parts.push(readFileSync(join(root, file), "utf8"));
	return digest(parts);
}

/** Two set-ups at once would disturb each other: the second waits for the first. */
async function withLock(work) {
	mkdirSync(join(root, ".freehold"), { recursive: true });
	const path = join(root, ".freehold", "setup.lock");
	const deadline = Date.now() + 300_000;
	for (;;) {
		try {
			const file = openSync(path, "wx");
			writeSync(file, String(process.pid));
			closeSync(file);
			break;
		} catch (error) {
			if (error.code !== "EEXIST") throw error;
			if (!isAlive(Number(readIfThere(path)))) rmSync(path, { force: true });
			else if (Date.now() > deadline) {
				say(`Another set-up holds ${path}.`);
				process.exit(1);
			} else await new Promise((resolve) => setTimeout(resolve, 100));
		}
	}
	const release = () => rmSync(path, { force: true });
	const stop = () => process.exit(130);
	process.once("exit", release);
	for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, stop);
	await work();
	release();
	process.off("exit", release);
	// What runs next in this process has its own way to stop.
	for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, stop);
}

function isAlive(pid) {
	if (!Number.isInteger(pid) || pid <= 0) return false;
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return error.code === "EPERM";
	}
}

function run(command, args, env) {
	return new Promise((resolve) => {
		const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ["ignore", 2, 2], shell: process.platform === "win32" });
		child.once("error", (error) => {
			say(error.message);
			resolve(1);
		});
		child.once("close", (code) => resolve(code ?? 1));
	});
}

function startProgress(label) {
	const startedAt = Date.now();
	const seconds = () => `${((Date.now() - startedAt) / 1000).toFixed(0)} s`;
	const terminal = process.stderr.isTTY;
	if (!terminal) say(`  ${label} …`);
	const timer = terminal ? setInterval(() => process.stderr.write(`\r  ${label} … ${seconds()} `), 250) : undefined;
	return {
		stop(good) {
			clearInterval(timer);
			process.stderr.write(`${terminal ? "\r" : ""}  ${good ? "✓" : "✗"} ${label} ${seconds()}      \n`);
		},
	};
}

function digest(parts) {
	const hash = createHash("sha256");
	for (const part of parts) hash.update(part).update("\0");
	return hash.digest("hex");
}

function readIfThere(path) {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return undefined;
	}
}

function list(folder) {
	try {
		return readdirSync(folder).sort();
	} catch {
		return [];
	}
}
