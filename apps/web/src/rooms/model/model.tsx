/** One model: what it is, what it costs, where it comes from, what it earns, and trying it. */
import type { ModelBody, ReleaseSummary } from "@freehold/protocol";
import { formatShape } from "@freehold/protocol";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, type ReactElement, Suspense } from "react";
import { addressOf, useSession } from "../../account/session.js";
import { buttonClass } from "../../design/button.js";
import { Facts, RoomHead, Section, Stat, Tag } from "../../design/parts.js";
import { Empty, Skeleton, TroubleNote } from "../../design/states.js";
import { Amount, Count, Hash, Time } from "../../design/values.js";
import { bytes } from "../../format/amount.js";
import { lineageQuery, modelQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { priceNow } from "./price-now.js";
import { PriceWords } from "./price-words.js";
import { Terms } from "./terms.js";
import { TryIt } from "./try-it.js";
import { Usage } from "./usage.js";

const Markdown = lazy(() => import("../../design/markdown.js").then(({ Markdown }) => ({ default: Markdown })));
const LineageGraph = lazy(() => import("./lineage-graph.js").then(({ LineageGraph }) => ({ default: LineageGraph })));
const OwnerPanel = lazy(() => import("./owner-panel.js").then(({ OwnerPanel }) => ({ default: OwnerPanel })));
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
	const price = release && priceNow(release);
	const mine = addressOf(useSession()) === model.owner;
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
							<Link key={tag} to="/models" search={{ tag }} className="rounded-md no-underline hover:underline">
								<Tag>{tag}</Tag>
							</Link>
						))}
					</p>
				)}
			</RoomHead>
			<div className="grid grid-cols-2 gap-x-8 gap-y-5 border-y border-line py-5 md:grid-cols-4">
				<Stat
					label="Owner's price for a call"
					note={
						price && (price.perInputUnit !== "0" || price.perOutputUnit !== "0") && <PriceWords price={price} unit={model.text ? "token" : "number"} onlySize />
					}
				>
					{price ? <Amount value={price.perCall} /> : "–"}
				</Stat>
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
			{mine && (
				<Section title="Yours" aside="Only you see this">
					<Suspense fallback={<Skeleton lines={4} />}>
						<OwnerPanel model={model} />
					</Suspense>
				</Section>
			)}
			{model.latest !== undefined && model.text?.tasks.includes("chat") && (
				<Section title="Try it">
					<div className="flex flex-wrap items-center gap-4">
						<Link to="/chat" search={{ model: model.model }} className={buttonClass("solid")}>
							Talk to it
						</Link>
						<p className="text-small text-soft">Each answer is paid by its tokens and comes with a receipt.</p>
					</div>
				</Section>
			)}
			{model.latest !== undefined && model.text === undefined && model.inputs !== undefined && (
				<Section title="Try it">
					<TryIt model={model.model} inputs={model.inputs} outputs={model.outputs ?? []} />
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
								...(model.text === undefined
									? []
									: [
											["can", model.text.tasks.join(", ")] as const,
											["holds", <Count key="w" value={model.text.contextTokens} unit={["token", "tokens"]} />] as const,
											["tools", model.text.tools ? "yes" : "no"] as const,
										]),
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
