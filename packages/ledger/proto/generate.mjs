/**
 * Makes `src/generated/abci_pb.ts` of `abci.proto`. The generator and its compiler are fetched by npx, pinned, when this runs: 100 MB that building and testing
 * do not need. `--check` compares the digests in `generated.json` and needs neither them nor a network.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const TOOLS = ["@bufbuild/buf@1.75.0", "@bufbuild/protoc-gen-es@2.13.0", "@bufbuild/protobuf@2.17.0"];
const here = fileURLToPath(new URL(".", import.meta.url));
const source = join(here, "abci.proto");
const target = join(here, "..", "src", "generated", "abci_pb.ts");
const record = join(here, "generated.json");
const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
const digests = () => ({ tools: TOOLS, "abci.proto": digest(source), "abci_pb.ts": digest(target) });

if (process.argv.includes("--check")) {
	if (JSON.stringify(digests()) !== JSON.stringify(JSON.parse(readFileSync(record, "utf8")))) {
		process.stderr.write("abci.proto and src/generated/abci_pb.ts do not belong together: node packages/ledger/proto/generate.mjs\n");
		process.exitCode = 1;
	}
} else generate();

function generate() {
	const folder = mkdtempSync(join(tmpdir(), "freehold-proto-"));
	copyFileSync(source, join(folder, "abci.proto"));
	const template = { version: "v2", plugins: [{ local: "protoc-gen-es", out: "out", opt: ["target=ts", "import_extension=js"] }] };
	const { status } = spawnSync("npx", ["--yes", ...TOOLS.flatMap((tool) => ["--package", tool]), "buf", "generate", "--template", JSON.stringify(template)], {
		cwd: folder,
		stdio: "inherit",
	});
	if (status !== 0) throw new Error(`the generator ended with ${status}`);
	writeFileSync(target, withoutEnums(readFileSync(join(folder, "out", "abci_pb.ts"), "utf8")));
	writeFileSync(record, `${JSON.stringify(digests(), null, 2)}\n`);
	rmSync(folder, { recursive: true });
}

/** TypeScript's enums are not erasable syntax: constants and a union of their values say the same. */
function withoutEnums(text) {
	return text.replace(/export enum (\w+) \{([^}]*)\}/g, (_, name, body) => {
		const members = body.replace(/(\w+) = (\d+),/g, "$1: $2,");
		return `export const ${name} = {${members}} as const;\nexport type ${name} = (typeof ${name})[keyof typeof ${name}];`;
	});
}
