import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const folder = join(import.meta.dirname, "..");
const read = (path: string): string => readFileSync(join(folder, path), "utf8");
const shown = readdirSync(import.meta.dirname)
	.filter((name) => name.endsWith(".tsx"))
	.map((name) => read(join("gallery", name)))
	.join("\n");
const components = readdirSync(folder)
	.filter((name) => name.endsWith(".tsx"))
	.flatMap((name) => [...read(name).matchAll(/^export function ([A-Z]\w*)/gm)].map(([, component = ""]) => component));

// The frame shows the one tooltip of the page, also here.
it.each(components.filter((name) => name !== "ExactTip"))("%s is on the page that shows every component", (name) => {
	expect(shown).toMatch(new RegExp(`<${name}[\\s/>]`));
});
