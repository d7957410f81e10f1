/** The parts of a payment with names for people. */
import type { Hex } from "@freehold/protocol";
import type { SplitPart } from "@freehold/sdk";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { PlotPart } from "../design/plot.js";
import { Hash } from "../design/values.js";
import type { Lineage } from "../network/queries.js";

export function plotParts(parts: readonly SplitPart[], lineage: Lineage | undefined): readonly PlotPart[] {
	let ancestors = 0;
	return parts
		.filter(({ amount }) => amount > 0n)
		.map((part): PlotPart => {
			const { role, to, release, amount } = part;
			const name = release === undefined ? undefined : lineage?.releases.find((known) => known.release === release)?.model;
			const id = `${role} ${release ?? to}`;
			if (role === "owner")
				return {
					id,
					amount,
					hue: 0,
					short: bareName(name) ?? "the model",
					label: <Owned name={name} release={release} />,
					why: (
						<>
							its owner <Hash value={to} label="owner" />
						</>
					),
				};
			if (role === "ancestor")
				return {
					id,
					amount,
					hue: ++ancestors,
					short: bareName(name) ?? "an ancestor",
					label: <Owned name={name} release={release} />,
					why: (
						<>
							owner of what it was made from <Hash value={to} label="owner" />
						</>
					),
				};
			if (role === "remainder")
				return { id, amount, hue: "stone", short: "rest", label: "Kept for the next division", why: "units that cannot be divided evenly" };
			const [label, short, why]: readonly [ReactNode, string, ReactNode] =
				role === "node"
					? [
							"The machine that ran it",
							"machine",
							<>
								node <Hash key="n" value={to} label="node" />
							</>,
						]
					: role === "gateway"
						? [
								"The gateway",
								"gateway",
								<>
									prices, pays out, anchors <Hash key="g" value={to} label="gateway" />
								</>,
							]
						: ["The network's treasury", "treasury", "protocol fee, out of the gateway's part"];
			return { id, amount, hue: role === "node" ? 5 : "stone", short, label, why };
		});
}

function bareName(name: string | undefined): string | undefined {
	return name?.replace(/@.*$/, "");
}

function Owned({ name, release }: { readonly name: string | undefined; readonly release: Hex | undefined }): ReactNode {
	const [namespace, rest] = (name ?? "").split("/");
	if (namespace === undefined || rest === undefined) return release === undefined ? "A model" : <Hash value={release} label="release" />;
	return (
		<Link to="/models/$namespace/$name" params={{ namespace, name: rest.replace(/@.*$/, "") }} className="underline decoration-line hover:decoration-ink">
			{name}
		</Link>
	);
}
