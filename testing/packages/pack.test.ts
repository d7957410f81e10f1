/** Every package, packed as it would be published, works in an empty strict TypeScript folder: its types check and its entries load. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Package {
	readonly name: string;
	readonly exports?: Readonly<Record<string, { readonly types?: string; readonly default: string }>>;
	readonly bin?: Readonly<Record<string, string>>;
}

const packages = readdirSync(join(root, "packages")).map(
	(folder) => JSON.parse(readFileSync(join(root, "packages", folder, "package.json"), "utf8")) as Package,
);
/** What people import. An entry without types is a program that a package starts as a thread or process of its own. */
const entries = packages.flatMap(({ name, exports = {} }) =>
	Object.entries(exports).flatMap(([entry, { types }]) => (types === undefined ? [] : [entry === "." ? name : `${name}/${entry.slice(2)}`])),
);

let folder = "";

beforeAll(() => {
	// Inside the checkout, so that dependencies from the registry are found without asking it; our own packages come from the archives.
	mkdirSync(join(root, ".freehold"), { recursive: true });
	folder = mkdtempSync(join(root, ".freehold", "pack-"));
	const archives = join(folder, "archives");
	mkdirSync(archives);
	execFileSync("npm", ["pack", "--workspaces", "--pack-destination", archives, "--ignore-scripts"], { cwd: root, stdio: "pipe" });
	for (const { name } of packages) {
		const short = name.replace("@freehold/", "");
		const archive = readdirSync(archives).find((file) => file.startsWith(`freehold-${short}-`));
		if (archive === undefined) throw new Error(`${name} was not packed`);
		const target = join(folder, "node_modules", "@freehold", short);
		mkdirSync(target, { recursive: true });
		execFileSync("tar", ["-xzf", join(archives, archive), "--strip-components=1", "-C", target]);
	}
	writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("types of every entry check in a strict folder", () => {
	writeFileSync(join(folder, "consumer.ts"), entries.map((entry, index) => `import * as entry${index} from "${entry}";\nvoid entry${index};\n`).join(""));
	writeFileSync(
		join(folder, "tsconfig.json"),
		JSON.stringify({
			compilerOptions: {
				strict: true,
				exactOptionalPropertyTypes: true,
				module: "nodenext",
				target: "es2023",
				noEmit: true,
				skipLibCheck: true,
				types: ["node"],
			},
			files: ["consumer.ts"],
		}),
	);
	const output = execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], { cwd: folder, encoding: "utf8" });
	expect(output).toBe("");
});

test.each(entries)("%s loads", (entry) => {
	const script = `const module = await import(${JSON.stringify(entry)}); if (Object.keys(module).length === 0) throw new Error("exports nothing");`;
	execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: folder, stdio: "pipe" });
});

test("the command of the packed command-line package runs", () => {
	const cli = packages.find(({ bin }) => bin !== undefined);
	const path = cli?.bin?.["freehold"];
	if (cli === undefined || path === undefined) throw new Error("no package has a command");
	const help = execFileSync(process.execPath, [join(folder, "node_modules", cli.name, path), "--help"], { cwd: folder, encoding: "utf8" });
	expect(help).toContain("model");
});
