/**
 * Builds `evm-core.wasm` from the crate beside this file.
 *
 *   node evm-core/build.mjs           rebuild and replace the committed module
 *   node evm-core/build.mjs --check   rebuild and compare byte for byte; skips, saying why, where Rust is not installed
 *
 * Exit status: 0 built, equal or skipped; 1 different or the build failed.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const TARGET = "wasm32-unknown-unknown";
const crate = fileURLToPath(new URL(".", import.meta.url));
const committed = join(crate, "evm-core.wasm");
const check = process.argv.includes("--check");

/** Why this machine cannot build the module, or undefined when it can. */
function missing() {
	const rustc = spawnSync("rustc", ["--print", "sysroot"], { cwd: crate, encoding: "utf8" });
	if (rustc.error || rustc.status !== 0 || spawnSync("cargo", ["--version"], { cwd: crate }).status !== 0) {
		return "cargo and rustc of the version in rust-toolchain.toml are not installed";
	}
	const target = spawnSync("rustc", ["--print", "target-libdir", "--target", TARGET], { cwd: crate, encoding: "utf8" });
	if (target.status !== 0 || !existsSync(target.stdout.trim())) return `the Rust target ${TARGET} is not installed`;
	const fetched = spawnSync("cargo", ["fetch", "--locked", "--target", TARGET], { cwd: crate, stdio: ["ignore", "ignore", "inherit"] });
	return fetched.status === 0 ? undefined : "the crates that Cargo.lock names cannot be fetched";
}

/** Compiles in release mode. Paths of this machine are mapped away, so that two machines make the same bytes. */
function build() {
	const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
	// The folder of downloaded crates is named after the registry's address, which differs where a mirror is used.
	const sources = join(cargoHome, "registry", "src");
	const registries = existsSync(sources) ? readdirSync(sources).map((name) => join(sources, name)) : [];
	const flags = [...registries, cargoHome].map((path) => `--remap-path-prefix=${path}=/cargo`);
	flags.reverse().push(`--remap-path-prefix=${crate}=/evm-core/`);
	const result = spawnSync("cargo", ["build", "--release", "--locked", "--target", TARGET], {
		cwd: crate,
		stdio: "inherit",
		env: { ...process.env, CARGO_ENCODED_RUSTFLAGS: flags.join("\u001f"), CARGO_TARGET_DIR: join(crate, "target") },
	});
	if (result.status !== 0) {
		process.stderr.write("evm-core: the build failed\n");
		process.exit(1);
	}
	return readFileSync(join(crate, "target", TARGET, "release", "evm_core.wasm"));
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const reason = missing();
if (reason !== undefined) {
	process.stderr.write(`evm-core: ${check ? "not compared" : "not built"}: ${reason}\n`);
	process.exit(check ? 0 : 1);
}
const built = build();
if (!check) {
	writeFileSync(committed, built);
	process.stdout.write(`evm-core.wasm ${built.length} bytes, sha256 ${sha256(built)}\n`);
} else {
	const equal = built.equals(readFileSync(committed));
	process.stdout.write(`evm-core.wasm ${equal ? "equals" : "DIFFERS FROM"} a fresh build (sha256 ${sha256(built)})\n`);
	process.exit(equal ? 0 : 1);
}
