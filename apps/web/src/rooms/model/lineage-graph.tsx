/** Where a release comes from and what was made of it: money flows along the lines, with its shares on them. */
import dagre from "@dagrejs/dagre";
import { Link } from "@tanstack/react-router";
import { type ReactElement, useMemo } from "react";
import { More } from "../../design/parts.js";
import { Note } from "../../design/states.js";
import { Hash } from "../../design/values.js";
import type { Lineage } from "../../network/queries.js";

const WIDTH = 172;
const HEIGHT = 58;
/** A larger graph is a list. */
const MOST_DRAWN = 60;

export function LineageGraph({ lineage }: { readonly lineage: Lineage }): ReactElement {
	const { releases, edges, release: here } = lineage;
	const layout = useMemo(() => (releases.length > MOST_DRAWN ? undefined : arrange(lineage)), [lineage, releases.length]);
	if (edges.length === 0)
		return (
			<p className="text-small text-soft">It was made from no other model here, and none was made from it yet. All of its owner's part stays with its owner.</p>
		);
	return (
		<>
			{layout && (
				<div className="card sheet overflow-x-auto p-6" role="region" aria-label="Lineage, drawn" tabIndex={0}>
					<svg
						width={layout.width}
						height={layout.height}
						viewBox={`0 0 ${layout.width} ${layout.height}`}
						className="mx-auto block max-w-none"
						role="group"
						aria-label="Lineage: parents above, descendants below"
					>
						{layout.edges.map(({ path, label, x, y, key }) => (
							<g key={key}>
								<path d={path} fill="none" stroke="var(--edge)" strokeWidth="1.6" />
								<rect x={x - 28} y={y - 12} width="56" height="24" rx="6" fill="var(--surface)" stroke="var(--line)" />
								<text x={x} y={y + 4.5} textAnchor="middle" fontSize="13" fontWeight="600" fill="var(--ink)">
									{label}
								</text>
							</g>
						))}
						{layout.nodes.map(({ id, x, y, model }) => (
							<Link key={id} to="/models/$namespace/$name" params={pathOf(model)}>
								<g data-parcel={id === here ? 0 : "stone"}>
									<rect
										x={x - WIDTH / 2}
										y={y - HEIGHT / 2}
										width={WIDTH}
										height={HEIGHT}
										rx="6"
										fill="var(--wash)"
										stroke="var(--mark)"
										strokeWidth={id === here ? 2.2 : 1.4}
									/>
									<text x={x} y={y - 3} textAnchor="middle" fontSize="14" fontWeight="600" fill="var(--ink)">
										{clip(model.replace(/@.*$/, ""))}
									</text>
									<text x={x} y={y + 16} textAnchor="middle" fontSize="12.500" fill="var(--soft)">
										{model.split("@")[1] ?? ""}
										{id === here ? " · this one" : ""}
									</text>
								</g>
							</Link>
						))}
					</svg>
				</div>
			)}
			{!lineage.complete && <Note className="mt-3">The lineage is larger than what is shown.</Note>}
			<div className="mt-2">
				<More summary="As a list" open={layout === undefined}>
					<ul className="flex flex-col gap-1.5 text-small">
						{edges.map(({ child, parent, bps }) => (
							<li key={`${child}${parent}`}>
								{nameOf(lineage, child)} passes on <strong data-exact={`${bps} basis points`}>{bps / 100} %</strong> to {nameOf(lineage, parent)}{" "}
								<Hash value={parent} label="release" />
							</li>
						))}
					</ul>
				</More>
			</div>
		</>
	);
}

function arrange({ releases, edges }: Lineage) {
	const graph = new dagre.graphlib.Graph();
	graph.setGraph({ rankdir: "TB", nodesep: 36, ranksep: 62, marginx: 4, marginy: 4 });
	graph.setDefaultEdgeLabel(() => ({}));
	for (const { release } of releases) graph.setNode(release, { width: WIDTH, height: HEIGHT });
	const seen = new Set<string>();
	const unique = edges.filter(({ child, parent }) => {
		const key = `${parent} ${child}`;
		if (seen.has(key)) return false;
		seen.add(key);
		return true;
	});
	for (const { child, parent } of unique) graph.setEdge(parent, child, { width: 60, height: 24, labelpos: "c" });
	dagre.layout(graph);
	const { width = 0, height = 0 } = graph.graph();
	return {
		width,
		height,
		nodes: releases.map(({ release, model }) => {
			const { x, y } = graph.node(release);
			return { id: release, model, x, y };
		}),
		edges: unique.map(({ child, parent, bps }) => {
			const edge = graph.edge(parent, child) as { points: { x: number; y: number }[]; x?: number; y?: number };
			const middle = edge.points[Math.floor(edge.points.length / 2)] ?? { x: 0, y: 0 };
			return {
				key: `${parent}${child}`,
				path: edge.points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join(""),
				label: `${bps / 100} %`,
				x: edge.x ?? middle.x,
				y: edge.y ?? middle.y,
			};
		}),
	};
}

function pathOf(model: string): { readonly namespace: string; readonly name: string } {
	const [namespace = "", name = ""] = model.replace(/@.*$/, "").split("/");
	return { namespace, name };
}

function nameOf({ releases }: Lineage, release: string): string {
	return releases.find((known) => known.release === release)?.model ?? release;
}

function clip(text: string): string {
	return text.length > 20 ? `${text.slice(0, 19)}…` : text;
}
