/** One model: what it is, what it costs, where it comes from, what it earns, and trying it. */
import type { ModelBody, ReleaseSummary } from "@freehold/protocol";
import { formatShape } from "@freehold/protocol";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, type ReactElement, Suspense, useMemo } from "react";
import { buttonClass } from "../../design/button.js";
import { Facts, More, RoomHead, Section, Stat, Tag } from "../../design/parts.js";
import { Empty, Skeleton, TroubleNote } from "../../design/states.js";
import { Amount, Count, Hash, Time } from "../../design/values.js";
import { bytes, shortOpg } from "../../format/amount.js";
import { exactTime } from "../../format/time.js";
import { lineageQuery, modelQuery, type UsageDay, usageQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { TryIt } from "./try-it.js";

const Markdown = lazy(() => import("./markdown.js").then(({ Markdown }) => ({ default: Markdown })));
const LineageGraph = lazy(() => import("./lineage-graph.js").then(({ LineageGraph }) => ({ default: LineageGraph })));
const DayChart = lazy(() => import("../../design/day-chart.js").then(({ DayChart }) => ({ default: DayChart })));
const route = getRouteApi("/models/$namespace/$name");

export function Model(): ReactElement {
	const { namespace, name } = route.useParams();
	const path = `${namespace}/${name}`;
	const query = useQuery(modelQuery(path));
	const model = query.data;
	if (model === undefined) {
		if (!query.isError) return <Skeleton lines={8} label={`Reading ${path}`} />;
		const missing = "code" in query.error && query.error.code === "model.notFound";
		return missing ? (
			<Empty
				title={`There is no ${path} here`}
				action={
					<Link to="/models" className={buttonClass("outline", true)}>
						All models
					</Link>
				}
			>
				It may be on another network, or its hub has not seen it yet.
			</Empty>
		) : (
			<TroubleNote trouble={troubleOf(query.error, "Reading the model")} retry={() => void query.refetch()} />
		);
	}
	return <Known key={model.id} model={model} />;
}

function Known({ model }: { readonly model: ModelBody }): ReactElement {
	const release = model.releases?.find(({ release: id }) => id === model.latest?.release) ?? model.releases?.[0];
	const price = release?.prices.at(-1);
	return (
		<>
			<RoomHead title={<span className="break-words">{model.title ?? model.model}</span>}>
				<p className="flex flex-wrap items-center gap-x-3 gap-y-1">
					<span className="font-mono text-small text-ink">{model.model}</span>
					<span>
						owned by <Hash value={model.owner} label="owner" />
					</span>
					{model.latest === undefined && <Tag tone="warn">retired</Tag>}
				</p>
				{model.tags.length > 0 && (
					<p className="mt-2.5 flex flex-wrap gap-1.5">
						{model.tags.map((tag) => (
							<Tag key={tag}>{tag}</Tag>
						))}
					</p>
				)}
			</RoomHead>
			<div className="grid grid-cols-2 gap-x-8 gap-y-5 border-y border-line py-5 md:grid-cols-4">
				<Stat label="A call costs its owner's price">{price ? <Amount value={price.perCall} /> : "–"}</Stat>
				<Stat label="Asked">
					<Count value={model.calls} unit={["time", "times"]} />
				</Stat>
				<Stat label="Paid for it in all">
					<Amount value={model.gross} />
				</Stat>
				<Stat label="Latest release" note={release && <Time value={release.publishedAt} />}>
					{release?.version ?? "–"}
				</Stat>
			</div>
			{model.latest !== undefined && model.inputs !== undefined && (
				<Section title="Try it">
					<TryIt model={model.model} inputs={model.inputs} />
				</Section>
			)}
			<div className="grid grid-cols-1 gap-x-12 lg:grid-cols-[minmax(0,7fr)_minmax(0,5fr)]">
				<Section title="Card">
					{model.card === undefined ? (
						<p className="text-small text-soft">Its owner wrote no card.</p>
					) : (
						<Suspense fallback={<Skeleton lines={8} />}>
							<Markdown text={model.card} />
						</Suspense>
					)}
				</Section>
				<div>
					{release && <Terms release={release} />}
					<Section title="Takes and gives">
						<Facts
							className="card px-4 py-1"
							rows={[
								...(model.inputs ?? []).map(
									({ name, dtype, shape }) =>
										[
											`in: ${name}`,
											<code key={name} className="font-mono text-fine">
												{dtype} {formatShape(shape)}
											</code>,
										] as const,
								),
								...(model.outputs ?? []).map(
									({ name, dtype, shape }) =>
										[
											`out: ${name}`,
											<code key={name} className="font-mono text-fine">
												{dtype} {formatShape(shape)}
											</code>,
										] as const,
								),
							]}
						/>
					</Section>
					<Section title="Files">
						<ul className="card divide-y divide-line px-4 text-small">
							{(model.files ?? []).map(({ path, sha256, bytes: size }) => (
								<li key={path} className="flex flex-wrap items-baseline justify-between gap-x-4 py-2">
									<span className="font-mono text-fine font-medium break-all">{path}</span>
									<span className="flex items-baseline gap-3 text-soft">
										<span data-exact={`${size} bytes`}>{bytes(size)}</span>
										<Hash value={sha256} label="SHA-256" />
									</span>
								</li>
							))}
						</ul>
					</Section>
				</div>
			</div>
			{release && <LineageSection release={release} />}
			<Usage name={model.model} />
			<Section title="Releases" aside={<Count value={model.releases?.length ?? 0} unit={["release", "releases"]} />}>
				<Releases releases={model.releases ?? []} />
			</Section>
		</>
	);
}

function Terms({ release }: { readonly release: ReleaseSummary }): ReactElement {
	const now = Date.now();
	return (
		<Section title="Terms">
			<Facts
				className="card px-4 py-1"
				rows={[
					["Licence", release.licence],
					["Release id", <Hash key="r" value={release.release} label="release id" />],
					["Manifest", <Hash key="m" value={release.manifest} label="manifest digest" />],
				]}
			/>
			<h3 className="mt-4 mb-1 text-small font-semibold">Price versions</h3>
			<ul className="card divide-y divide-line px-4 text-small">
				{release.prices.toReversed().map(({ version, perCall, perInputUnit, perOutputUnit, from, until }) => (
					<li key={version} className="flex flex-wrap justify-between gap-x-4 py-2">
						<span>
							<Amount value={perCall} className="font-semibold" /> a call
							{perInputUnit !== "0" && (
								<>
									{" + "}
									<Amount value={perInputUnit} /> an input unit
								</>
							)}
							{perOutputUnit !== "0" && (
								<>
									{" + "}
									<Amount value={perOutputUnit} /> an output unit
								</>
							)}
						</span>
						<span className="text-soft" data-exact={`version ${version}, from ${exactTime(from)}${until === undefined ? "" : ` until ${exactTime(until)}`}`}>
							{from > now ? "from " : until !== undefined && until <= now ? "until " : "since "}
							<Time value={until !== undefined && until <= now ? until : from} />
						</span>
					</li>
				))}
			</ul>
		</Section>
	);
}

function LineageSection({ release }: { readonly release: ReleaseSummary }): ReactElement {
	const query = useQuery(lineageQuery(release.release));
	return (
		<Section title="Lineage" aside="Money flows up the lines">
			{query.data ? (
				<Suspense fallback={<Skeleton lines={5} />}>
					<LineageGraph lineage={query.data} />
				</Suspense>
			) : query.isError ? (
				<TroubleNote trouble={troubleOf(query.error, "Reading the lineage")} retry={() => void query.refetch()} />
			) : (
				<Skeleton lines={5} label="Reading the lineage" />
			)}
		</Section>
	);
}

const UNIT = 1e18;
const chartOpg = (value: number): string => shortOpg(BigInt(Math.round(value * 1e6)) * 10n ** 12n);

function Usage({ name }: { readonly name: string }): ReactElement {
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

function Releases({ releases }: { readonly releases: readonly ReleaseSummary[] }): ReactElement {
	return (
		<ul className="card divide-y divide-line px-4 text-small">
			{releases.map(({ release, version, publishedAt, retiredAt, calls, gross, parents }) => (
				<li key={release} className="flex flex-wrap items-baseline gap-x-6 gap-y-1 py-2.5">
					<span className="w-14 font-semibold">{version}</span>
					<Hash value={release} label="release id" />
					<span className="text-soft">
						published <Time value={publishedAt} />
					</span>
					{retiredAt !== undefined && (
						<Tag tone="warn">
							retired <Time value={retiredAt} />
						</Tag>
					)}
					<span className="text-soft">{parents.length === 0 ? "no parents" : parents.map(({ model, bps }) => `${bps / 100} % to ${model}`).join(", ")}</span>
					<span className="ml-auto">
						<Count value={calls} unit={["call", "calls"]} />, <Amount value={gross} />
					</span>
				</li>
			))}
		</ul>
	);
}
