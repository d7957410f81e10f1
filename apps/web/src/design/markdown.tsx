// biome-ignore-all lint/suspicious/noArrayIndexKey: parts of a fixed text have no other identity than their place.
/**
 * Cards and answers are texts by strangers. They are read into a tree, and only known parts of it become elements: there is no HTML in between, no picture, no
 * address but https and mail, and nothing that loads.
 */
import type { Nodes, PhrasingContent, RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmTableFromMarkdown } from "mdast-util-gfm-table";
import { gfmTable } from "micromark-extension-gfm-table";
import { memo, type ReactElement, type ReactNode } from "react";
import { CopyButton } from "./copy-button.js";

const MAX_CHARACTERS = 256 * 1024;
const MAX_DEPTH = 24;

export function Markdown({ text }: { readonly text: string }): ReactElement {
	const tree = fromMarkdown(text.slice(0, MAX_CHARACTERS), { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] });
	return <div className="flex max-w-prose min-w-0 flex-col gap-3.5 break-words">{tree.children.map((node, index) => render(node, index, 0))}</div>;
}

/** While a text grows, the blocks that are complete stay as they are. */
const Code = memo(function Code({ value, language }: { readonly value: string; readonly language: string }): ReactElement {
	return (
		<div className="relative rounded-lg bg-sunken">
			<div className="flex min-h-9 items-center justify-between gap-3 pr-1 pl-3 text-fine text-soft">
				<span className="truncate font-mono">{language}</span>
				<CopyButton text={value} label={language === "" ? "the code" : `the ${language}`} />
			</div>
			<pre role="region" aria-label={language === "" ? "Code" : `Code, ${language}`} tabIndex={0} className="overflow-x-auto px-3 pb-3 font-mono text-fine">
				<code>{value}</code>
			</pre>
		</div>
	);
});

function inside(node: Extract<Nodes, { children: unknown }>, depth: number): ReactNode[] {
	return (node.children as (RootContent | PhrasingContent)[]).map((child, index) => render(child, index, depth + 1));
}

/** The page has its own first and second headings: a card's begin at the third. */
const HEADINGS = ["text-lead font-semibold mt-3", "text-base font-semibold mt-2", "text-small font-semibold mt-1"] as const;

function render(node: RootContent | PhrasingContent, key: number, depth: number): ReactNode {
	if (depth > MAX_DEPTH) return null;
	switch (node.type) {
		case "text":
			return node.value;
		case "paragraph":
			return <p key={key}>{inside(node, depth)}</p>;
		case "heading": {
			const level = Math.min(node.depth, 3) - 1;
			const Heading = (["h3", "h4", "h5"] as const)[level] ?? "h5";
			return (
				<Heading key={key} className={HEADINGS[level]}>
					{inside(node, depth)}
				</Heading>
			);
		}
		case "emphasis":
			return <em key={key}>{inside(node, depth)}</em>;
		case "strong":
			return <strong key={key}>{inside(node, depth)}</strong>;
		case "inlineCode":
			return (
				<code key={key} className="rounded bg-sunken px-1 font-mono text-[0.88em]">
					{node.value}
				</code>
			);
		case "code":
			return <Code key={key} value={node.value} language={(node.lang ?? "").slice(0, 30)} />;
		case "list":
			return node.ordered === true ? (
				<ol key={key} start={node.start ?? 1} className="list-decimal pl-6">
					{inside(node, depth)}
				</ol>
			) : (
				<ul key={key} className="list-disc pl-6 marker:text-soft">
					{inside(node, depth)}
				</ul>
			);
		case "listItem":
			return (
				<li key={key} className="my-0.5">
					{node.children.map((child, index) =>
						child.type === "paragraph" ? <span key={index}>{inside(child, depth + 1)}</span> : render(child, index, depth + 1),
					)}
				</li>
			);
		case "blockquote":
			return (
				<blockquote key={key} className="border-l-2 border-edge pl-4 text-soft">
					{inside(node, depth)}
				</blockquote>
			);
		case "link":
			return isSafe(node.url) ? (
				<a key={key} href={node.url} rel="noopener noreferrer nofollow" target="_blank" className="underline">
					{inside(node, depth)}
				</a>
			) : (
				<span key={key}>{inside(node, depth)}</span>
			);
		case "break":
			return <br key={key} />;
		case "thematicBreak":
			return <hr key={key} className="border-line" />;
		case "table":
			return (
				<div key={key} tabIndex={0} role="region" aria-label="Table" className="relative overflow-x-auto">
					<table className="w-full text-small">
						<tbody>
							{node.children.map((row, order) => (
								<tr key={order} className="border-b border-line">
									{row.children.map((cell, column) =>
										order === 0 ? (
											<th key={column} scope="col" className="py-1.5 pr-5 text-left font-semibold">
												{inside(cell, depth)}
											</th>
										) : (
											<td key={column} className="py-1.5 pr-5">
												{inside(cell, depth)}
											</td>
										),
									)}
								</tr>
							))}
						</tbody>
					</table>
				</div>
			);
		case "image":
			return node.alt ? <em key={key}>{node.alt}</em> : null;
		case "html":
			return (
				<code key={key} className="font-mono text-fine text-soft">
					{node.value}
				</code>
			);
		default:
			return null;
	}
}

/** Absolute addresses of two kinds; everything else stays text. */
export function isSafe(address: string): boolean {
	try {
		return ["https:", "mailto:"].includes(new URL(address).protocol);
	} catch {
		return false;
	}
}
