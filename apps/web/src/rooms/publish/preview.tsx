/** Who would get what of one call, worked out as the contracts will. */
import { type Hex, type Price, systemAddresses } from "@freehold/protocol";
import type { LineageRelease } from "@freehold/sdk";
import { useQuery } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { type CallUnits, perUnit } from "../../asking/call-units.js";
import { Plot, type PlotPart } from "../../design/plot.js";
import { Skeleton, TroubleNote } from "../../design/states.js";
import { Amount, Count } from "../../design/values.js";
import { askJson } from "../../network/ask.js";
import type { Lineage } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { plotParts } from "../../receipt/plot-parts.js";

const SELF: Hex = `0x${"00".repeat(31)}01`;
const SOMEONE: Hex = `0x${"00".repeat(20)}`;

interface PreviewProps {
	readonly name: string;
	readonly owner: Hex | undefined;
	readonly price: Price;
	/** Numbers in and out of the call that is shown; undefined where the file does not say. */
	readonly units: CallUnits | undefined;
	/** What is counted. */
	readonly unit: "number" | "token";
	readonly parents: readonly { readonly release: string; readonly bps: number }[];
	readonly fees: { readonly nodeFee: bigint; readonly gatewayFee: bigint; readonly protocolFeeBps: number; readonly gateway: Hex } | undefined;
}

export function Preview(props: PreviewProps): ReactElement {
	const { name, owner, price, units, unit, parents, fees } = props;
	const query = useQuery({
		queryKey: ["preview", name, owner, Object.values(price).map(String), units, parents, fees?.nodeFee.toString(), fees?.gatewayFee.toString()],
		queryFn: ({ signal }) => work(props, signal),
		placeholderData: (before) => before,
		retry: false,
	});
	if (query.isError) return <TroubleNote trouble={troubleOf(query.error, "Working out the shares")} retry={() => void query.refetch()} />;
	if (query.data === undefined) return <Skeleton lines={4} label="Working out the shares" />;
	return (
		<Plot
			parts={query.data.parts}
			total={query.data.charge}
			foot={
				<>
					{perUnit(price) && units ? (
						<>
							A call with <Count value={units.input} unit={[unit, `${unit}s`]} /> in and <Count value={units.output} unit={[unit, `${unit}s`]} /> out costs{" "}
							<Amount value={query.data.charge} /> in all; others cost more or less.
						</>
					) : (
						<>
							One call costs <Amount value={query.data.charge} /> in all.
						</>
					)}{" "}
					Your price is <Amount value={query.data.asked} /> of it.
				</>
			}
		/>
	);
}

async function work(
	{ name, owner, price, units = { input: 0, output: 0 }, parents, fees }: PreviewProps,
	signal: AbortSignal,
): Promise<{ readonly charge: bigint; readonly asked: bigint; readonly parts: readonly PlotPart[] }> {
	const { splitOf } = await import("@freehold/sdk");
	const lineages = await Promise.all(
		parents.map(async ({ release }) => {
			const [path = "", version = ""] = release.split("@");
			const model = (await askJson(`/api/hub/v1/models/${path}`, { what: "The hub", signal })) as {
				readonly releases?: readonly { readonly release: Hex; readonly version: string }[];
			};
			const id = model.releases?.find((known) => known.version === version)?.release;
			if (id === undefined) throw new Error(`There is no release ${release}.`);
			return (await askJson(`/api/hub/v1/releases/${id}/lineage`, { what: "The hub", signal })) as Lineage;
		}),
	);
	const lineage = new Map<Hex, LineageRelease>();
	for (const { releases, edges } of lineages)
		for (const known of releases)
			lineage.set(known.release, {
				release: known.release,
				owner: known.owner ?? SOMEONE,
				parents: edges.filter(({ child }) => child === known.release).map(({ parent, bps }) => ({ release: parent, bps })),
			});
	lineage.set(SELF, { release: SELF, owner: owner ?? SOMEONE, parents: parents.map(({ bps }, index) => ({ release: lineages[index]?.release ?? SELF, bps })) });
	const split = splitOf(
		{
			release: SELF,
			node: SOMEONE,
			gateway: fees?.gateway ?? SOMEONE,
			calls: 1n,
			inputUnits: BigInt(units.input),
			outputUnits: BigInt(units.output),
			nodeFee: fees?.nodeFee ?? 0n,
			gatewayFee: fees?.gatewayFee ?? 0n,
		},
		price,
		lineage,
		{ treasury: systemAddresses.treasury, protocolFeeBps: fees?.protocolFeeBps ?? 0 },
	);
	const names: Lineage = { release: SELF, releases: lineages.flatMap(({ releases }) => releases), edges: [], complete: true };
	return {
		charge: split.charge,
		asked: price.perCall + price.perInputUnit * BigInt(units.input) + price.perOutputUnit * BigInt(units.output),
		parts: plotParts(split.parts, names).map((part) =>
			part.id === `owner ${SELF}`
				? { ...part, label: name === "" ? "Your model" : name, short: "you", why: "you, its owner" }
				: part.id.startsWith("node")
					? { ...part, why: "whoever runs it" }
					: part,
		),
	};
}
