/**
 * Cuts this repository's pages into passages that an assistant can search: `packages/sdk/src/assistant/generated/passages.ts`. `--check` says when it is out of date.
 * A passage is a paragraph, an item of a list or a row of a table under its heading: whole sentences, at most three hundred characters where a sentence is no longer.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { toString as textOf } from "mdast-util-to-string";
import { gfmTable } from "micromark-extension-gfm-table";

const root = fileURLToPath(new URL("..", import.meta.url));
const target = join(root, "packages/sdk/src/assistant/generated/passages.ts");
const FOLDERS = ["docs/start", "docs/concepts", "docs/guides", "docs/journeys", "docs/formats", "docs/operations"];
const PAGES = ["README.md", "SECURITY.md", "docs/limits.md", "docs/comparison.md", "docs/reference/errors.md", "docs/reference/limits.md"];
const MOST_CHARACTERS = 300;
const LEAST_CHARACTERS = 25;
const MOST_CODE = 200;
/** Below each error: for programs, not for a question. */
const STATUS_LINE = /^HTTP \d+ · /;

const pages = [
	...PAGES,
	...FOLDERS.flatMap((folder) => markdownIn(folder)),
	...readdirSync(join(root, "packages")).map((name) => `packages/${name}/README.md`),
];
const passages = pages.flatMap((page) => passagesOf(page, readFileSync(join(root, page), "utf8")));
const lines = passages.map(({ title, text, page }) => `\t{ title: ${JSON.stringify(title)}, text: ${JSON.stringify(text)}, page: ${JSON.stringify(page)} },`);
const file = `// Made by scripts/passages.mjs from the pages.\nimport type { Passage } from "../documentation.js";\n\nexport const passages: readonly Passage[] = [\n${lines.join("\n")}\n];\n`;

if (process.argv.includes("--check")) {
	if (readFileSync(target, "utf8") !== file) {
		process.stderr.write("packages/sdk/src/assistant/generated/passages.ts is out of date: npm run docs\n");
		process.exitCode = 1;
	}
} else writeFileSync(target, file);

function markdownIn(folder) {
	return readdirSync(join(root, folder), { recursive: true })
		.filter((name) => name.endsWith(".md"))
		.sort()
		.map((name) => `${folder}/${name}`);
}

function passagesOf(page, markdown) {
	const { children } = fromMarkdown(markdown, { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] });
	const found = [];
	let title = page;
	for (const [index, node] of children.entries()) {
		if (node.type === "heading") title = oneLine(textOf(node));
		const texts = textsOf(node);
		const next = children[index + 1];
		// A sentence that ends in a colon is told with the command that it announces.
		if (next?.type === "code" && texts.at(-1)?.endsWith(":") && next.value.length <= MOST_CODE) texts.push(`${texts.pop()} ${oneLine(next.value)}`);
		for (const text of texts)
			for (const part of cut(text)) if (part.length >= LEAST_CHARACTERS && !STATUS_LINE.test(part)) found.push({ title, text: part, page });
	}
	return found;
}

/** Drawings, code and comments are not for reading aloud. */
function textsOf(node) {
	switch (node.type) {
		case "paragraph":
			return [oneLine(textOf(node))];
		case "blockquote":
			return node.children.flatMap(textsOf);
		case "list":
			return node.children.flatMap((item) => item.children.flatMap(textsOf));
		case "table": {
			const [head, ...rows] = node.children.map((row) => row.children.map((cell) => oneLine(textOf(cell))));
			return rows.map((row) => row.flatMap((cell, index) => (cell === "" ? [] : [head[index] === "" ? cell : `${head[index]}: ${cell}`])).join("; "));
		}
		default:
			return [];
	}
}

function cut(text) {
	const parts = [];
	for (const sentence of text.split(/(?<=[.!?]) (?=[A-Z0-9`"(])/)) {
		const last = parts.at(-1);
		if (last !== undefined && last.length + sentence.length < MOST_CHARACTERS) parts[parts.length - 1] = `${last} ${sentence}`;
		else parts.push(sentence);
	}
	return parts;
}

function oneLine(text) {
	return text.replaceAll(/\s+/g, " ").trim();
}
