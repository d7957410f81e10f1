/** How often a model was asked and what it earned, day by day. */
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactElement, Suspense, useMemo } from "react";
import { More, Section } from "../../design/parts.js";
import { Empty, Skeleton, TroubleNote } from "../../design/states.js";
import { Amount } from "../../design/values.js";
import { shortOpg } from "../../format/amount.js";
import { type UsageDay, usageQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";

const DayChart = lazy(() => import("../../design/day-chart.js").then(({ DayChart }) => ({ default: DayChart })));

const UNIT = 1e18;
const chartOpg = (value: number): string => shortOpg(BigInt(Math.round(value * 1e6)) * 10n ** 12n);

export function Usage({ name }: { readonly name: string }): ReactElement {
	const query = useQuery(usageQuery(name));
	const days = useMemo(() => byDay(query.data?.days ?? []), [query.data]);
	const values = useMemo(() => days.map(({ day, net }) => ({ day, value: Number(net) / UNIT })), [days]);
	return (
		<Section title="Use and earnings over time" aside="What its owner and ancestors earned each day, in OPG">
			{query.isError && query.data === undefined ? (
				<TroubleNote trouble={troubleOf(query.error, "Reading its use")} retry={() => void query.refetch()} />
			) : query.data === undefined ? (
				<Skeleton lines={4} label="Reading its use" />
			) : days.length === 0 ? (
				<Empty title="Nobody has asked it yet">The first call shows here the moment that the chain has it.</Empty>
			) : (
				<>
					<div className="card p-3">
						<Suspense fallback={<div className="h-[190px]" />}>
							<DayChart days={values} label={`Earnings of ${name} by day, ${days.length} days; the table below has the same figures`} format={chartOpg} />
						</Suspense>
					</div>
					<div className="mt-2">
						<More summary="As a table">
							<table className="w-full max-w-xl text-small">
								<thead>
									<tr className="border-b border-line text-left text-soft">
										<th scope="col" className="py-1.5 font-medium">
											Day (UTC)
										</th>
										<th scope="col" className="py-1.5 text-right font-medium">
											Calls
										</th>
										<th scope="col" className="py-1.5 text-right font-medium">
											Paid
										</th>
										<th scope="col" className="py-1.5 text-right font-medium">
											Earned
										</th>
									</tr>
								</thead>
								<tbody>
									{days.toReversed().map(({ day, calls, gross, net }) => (
										<tr key={day} className="border-b border-line">
											<td className="py-1.5">{day}</td>
											<td className="py-1.5 text-right">{calls.toLocaleString("en")}</td>
											<td className="py-1.5 text-right">
												<Amount value={gross} />
											</td>
											<td className="py-1.5 text-right">
												<Amount value={net} />
											</td>
										</tr>
									))}
								</tbody>
							</table>
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
