/** The documentation keeps its promises: links lead somewhere, commands exist, code compiles. */
import { execFile, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const pages = [
	...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "clients/python/README.md"],
	...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
		.filter((path) => path.endsWith(".md") && !path.startsWith("node_modules"))
		.map((path) => join("docs", path)),
	...readdirSync(join(root, "packages"))
		.map((name) => join("packages", name, "README.md"))
		.filter((path) => existsSync(join(root, path))),
];

interface Block {
	readonly page: string;
	readonly language: string;
	readonly text: string;
}

const textOf = (page: string): string => readFileSync(join(root, page), "utf8");
const blocksOf = (page: string): readonly Block[] =>
	[...textOf(page).matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].map(([, language = "", text = ""]) => ({ page, language, text }));
const blocks = pages.flatMap(blocksOf);
const guides = blocks.filter(({ page }) => page.startsWith("docs/"));

/** Anchors of a page: those written out, and those that its headings make. */
function anchorsOf(page: string): ReadonlySet<string> {
	const text = textOf(page);
	const written = [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id as string);
	const headings = [...text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) =>
		heading
			.toLowerCase()
			.replace(/[`*_[\]()]/g, "")
			.replace(/[^\p{L}\p{N}\s-]/gu, "")
			.trim()
			.replace(/\s/g, "-"),
	);
	return new Set([...written, ...headings]);
}

describe("links", () => {
	it.each(pages)("of %s lead to files and headings that are there", (page) => {
		const prose = textOf(page).replace(/^```[\s\S]*?^```/gm, "");
		for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
			if (/^[a-z]+:/.test(target)) continue;
			const [path = "", anchor] = target.split("#");
			const file = path === "" ? page : relative(root, resolve(root, dirname(page), path));
			expect(existsSync(join(root, file)), `${page} → ${target}`).toBe(true);
			if (anchor !== undefined && file.endsWith(".md")) expect(anchorsOf(file).has(anchor), `${page} → ${target}`).toBe(true);
		}
	});
});

describe("commands", () => {
	const lines = blocks
		.filter(({ language }) => language === "sh" || language === "" || language === "bash")
		.concat(pages.flatMap((page) => [...textOf(page).matchAll(/^```\n([\s\S]*?)^```/gm)].map(([, text = ""]) => ({ page, language: "", text }))))
		.flatMap(({ text }) => text.split("\n"))
		.map((line) => line.replace(/\s+#.*$/, "").trim())
		.filter((line) => /^(npx )?freehold [a-z]/.test(line))
		.map((line) => line.replace(/^npx /, ""));

	it("that the pages show are commands with these options", async () => {
		expect(lines.length).toBeGreaterThan(20);
		const help = new Map<string, string>();
		const askHelp = async (words: readonly string[]): Promise<string> => {
			const key = words.join(" ");
			const known = help.get(key);
			if (known !== undefined) return known;
			const { stdout } = await run(process.execPath, [join(root, "packages/cli/bin/freehold.js"), ...words, "--help"]);
			help.set(key, stdout);
			return stdout;
		};
		const globals = await askHelp([]);
		for (const line of new Set(lines)) {
			const words = line.split(/\s+/).slice(1);
			const verbs = words.slice(0, words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word)) >>> 0);
			const path: string[] = [];
			for (const verb of verbs) {
				if (!new RegExp(`^  ${verb}\\b`, "m").test(await askHelp(path))) break;
				path.push(verb);
			}
			expect(path.length, line).toBeGreaterThan(0);
			// `node run ROLE --help` lists the role's own options.
			const own = await askHelp(path[0] === "node" && path[1] === "run" ? verbs.slice(0, 3) : path);
			for (const flag of words.filter((word) => word.startsWith("--") && word !== "--help"))
				expect(own.includes(flag) || globals.includes(flag), `${line}: ${flag}`).toBe(true);
		}
	}, 300_000);
});

describe("code", () => {
	it("in TypeScript compiles", async () => {
		const folder = await mkdtemp(join(root, ".freehold", "docs-"));
		try {
			const found = guides.filter(({ language }) => language === "ts");
			expect(found.length).toBeGreaterThan(0);
			await mkdir(join(folder, "src"));
			for (const [index, { text }] of found.entries()) await writeFile(join(folder, "src", `block-${index}.ts`), text);
			const options = {
				extends: "../../tsconfig.base.json",
				compilerOptions: { noEmit: true, composite: false, types: ["node"], rootDir: "src" },
				include: ["src"],
			};
			await writeFile(join(folder, "tsconfig.json"), JSON.stringify(options));
			const compiler = join(root, "node_modules/typescript/bin/tsc");
			const done = spawnSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" });
			expect(done.stdout).toBe("");
		} finally {
			await rm(folder, { recursive: true });
		}
	});

	it("in JSON parses", () => {
		for (const { page, text } of blocks.filter(({ language }) => language === "json"))
			if (!text.includes("…")) expect(() => JSON.parse(text), `${page}: ${text}`).not.toThrow();
	});

	it.skipIf(spawnSync("python3", ["--version"]).status !== 0)("in Python parses [python3]", () => {
		for (const { page, text } of blocks.filter(({ language }) => language === "python")) {
			const done = spawnSync("python3", ["-c", "import ast, sys; ast.parse(sys.stdin.read())"], { input: text, encoding: "utf8" });
			expect(done.stderr, page).toBe("");
		}
	});
});
