/** The pages of this folder as a site. What they link to outside of it stands in the repository alone: on the site it is named, not linked. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const folder = fileURLToPath(new URL("..", import.meta.url));
/** Two steps up from a page in a folder, one from a page beside the index, leave `docs`. */
const LEAVES = /^(\.\.\/\.\.\/|\.\.\/(README|SECURITY|ARCHITECTURE|CONTRIBUTING|CHANGELOG|packages|clients)\b)/;
const pagesOf = (name: string) =>
	readdirSync(`${folder}/${name}`)
		.filter((file) => file.endsWith(".md"))
		.sort()
		.map((file) => ({
			text: file
				.replace(/\.md$/, "")
				.replace(/^(\d+)-/, "$1 ")
				.replaceAll("-", " "),
			link: `/${name}/${file.replace(/\.md$/, "")}`,
		}));

export default defineConfig({
	title: "Freehold",
	description: "Models, and the machines that run them, as property.",
	cleanUrls: true,
	markdown: {
		config: (md) => {
			const isOutside = (href: string | null): boolean => href !== null && !/^[a-z]+:/.test(href) && (LEAVES.test(href) || /\.(json|sh)$/.test(href));
			md.core.ruler.push("outside-links", ({ tokens }) => {
				for (const { children } of tokens) {
					const open: boolean[] = [];
					for (const token of children ?? []) {
						if (token.type === "link_open") {
							const href = token.attrGet("href");
							open.push(isOutside(href));
							if (open.at(-1) === true) {
								token.tag = "span";
								token.attrs = [["title", `In the repository: ${href?.replace(/^(\.\.\/)+/, "")}`]];
							}
						} else if (token.type === "link_close" && open.pop() === true) token.tag = "span";
					}
				}
			});
		},
	},
	themeConfig: {
		search: { provider: "local" },
		nav: [
			{ text: "Quick start", link: "/start/quick-start" },
			{ text: "Concepts", link: "/concepts/" },
			{ text: "Limits", link: "/limits" },
		],
		sidebar: [
			{
				text: "Begin",
				items: [
					{ text: "Quick start", link: "/start/quick-start" },
					{ text: "Concepts", link: "/concepts/" },
					{ text: "Contracts that call models", link: "/concepts/contracts-that-call-models" },
					{ text: "Five journeys", link: "/journeys/" },
				],
			},
			{
				text: "Guides",
				items: [
					{ text: "Owner", link: "/guides/owner" },
					{ text: "Developer", link: "/guides/developer" },
					{ text: "Operator", link: "/guides/operator" },
					{ text: "Validator", link: "/guides/validator" },
					{ text: "Running and watching", link: "/operations/README" },
				],
			},
			{ text: "Reference", items: pagesOf("reference") },
			{ text: "Open formats", items: pagesOf("formats") },
			{
				text: "Honestly",
				items: [
					{ text: "Limits", link: "/limits" },
					{ text: "Comparison", link: "/comparison" },
					{ text: "Status", link: "/STATUS" },
				],
			},
			{ text: "Decisions", collapsed: true, items: pagesOf("decisions") },
		],
	},
});
