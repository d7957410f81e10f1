/** How often a model was asked and what it earned, day by day. */
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactElement, Suspense, useMemo } from "react";
import { More, Section } from "../../design/parts.js";
import { Empty, Skeleton, TroubleNote } from "../../design/states.js";
import { Table } from "../../design/table.js";
import { Amount, Count } from "../../design/values.js";
import { exactOpg, groups, shortOpg } from "../../format/amount.js";
import { type UsageDay, usageQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";

const DayChart = lazy(() => import("../../design/day-chart.js").then(({ DayChart }) => ({ default: DayChart })));

const UNIT = 1e18;
const wholeCalls = (value: number): string => (Number.isInteger(value) ? groups(value) : "");
const chartOpg = (value: number): string => shortOpg(BigInt(Math.round(value * 1e6)) * 10n ** 12n);

export function Usage({ name }: { readonly name: string }): ReactElement {
	const query = useQuery(usageQuery(name));
	const days = useMemo(() => byDay(query.data?.days ?? []), [query.data]);
	const earned = useMemo(() => days.map(({ day, net }) => ({ day, value: Number(net) / UNIT, exact: exactOpg(net) })), [days]);
	const asked = useMemo(() => days.map(({ day, calls }) => ({ day, value: calls, exact: `${groups(calls)} ${calls === 1 ? "call" : "calls"}` })), [days]);
	return (
		<Section title="Use and earnings over time" aside="By day (UTC)">
			{query.isError && query.data === undefined ? (
				<TroubleNote trouble={troubleOf(query.error, "Reading its use")} retry={() => void query.refetch()} />
			) : query.data === undefined ? (
				<Skeleton lines={4} label="Reading its use" />
			) : days.length === 0 ? (
				<Empty title="Nobody has asked it yet">The first call shows here the moment that the chain has it.</Empty>
			) : (
				<>
					<div className="grid gap-4 lg:grid-cols-2">
						<figure className="card p-3">
							<figcaption className="px-1 pb-1 text-small text-soft">Calls</figcaption>
							<Suspense fallback={<div className="h-[190px]" />}>
								<DayChart days={asked} label={`Calls of ${name} by day, ${days.length} days; the table below has the same figures`} format={wholeCalls} />
							</Suspense>
						</figure>
						<figure className="card p-3">
							<figcaption className="px-1 pb-1 text-small text-soft">Earned by its owner and ancestors, OPG</figcaption>
							<Suspense fallback={<div className="h-[190px]" />}>
								<DayChart days={earned} label={`Earnings of ${name} by day, ${days.length} days; the table below has the same figures`} format={chartOpg} />
							</Suspense>
						</figure>
					</div>
					<div className="mt-2">
						<More summary="As a table">
							<Table
								label={`Use of ${name} by day`}
								className="max-w-xl"
								columns={["Day (UTC)", "Calls", "Paid", "Earned"]}
								rows={days.toReversed().map(({ day, calls, gross, net }) => ({
									key: day,
									cells: [day, <Count key="c" value={calls} unit={["call", "calls"]} />, <Amount key="g" value={gross} />, <Amount key="n" value={net} />],
								}))}
							/>
						</More>
					</div>
				</>
			)}
		</Section>
	);
}

/** Sums over releases, oldest day first. */
function byDay(days: readonly UsageDay[]): readonly { readonly day: string; readonly calls: number; readonly gross: bigint; readonly net: bigint }[] {
	const sums = new Map<string, { calls: number; gross: bigint; net: bigint }>();
	for (const { day, calls, gross, net } of days) {
		const sum = sums.get(day) ?? { calls: 0, gross: 0n, net: 0n };
		sums.set(day, { calls: sum.calls + calls, gross: sum.gross + BigInt(gross), net: sum.net + BigInt(net) });
	}
	return [...sums].map(([day, sum]) => ({ day, ...sum })).sort((a, b) => a.day.localeCompare(b.day));
}
