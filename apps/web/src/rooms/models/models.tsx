/** All models: search, owner, order. Only the rows in sight are drawn, and further pages come as one scrolls. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type ReactElement, useDeferredValue, useEffect, useRef, useState } from "react";
import { addressOf, useSession } from "../../account/session.js";
import { buttonClass } from "../../design/button.js";
import { RoomHead } from "../../design/parts.js";
import { Empty, Skeleton, TroubleNote } from "../../design/states.js";
import { modelsQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { Filters } from "./filters.js";
import { ModelRow } from "./model-row.js";

const route = getRouteApi("/models");
const ROW_PX = 68;

export function Models(): ReactElement {
	const search = route.useSearch();
	const navigate = route.useNavigate();
	const mine = addressOf(useSession());
	const [text, setText] = useState(search.q ?? "");
	const q = useDeferredValue(text.trim());
	useEffect(() => {
		void navigate({ search: (before) => ({ ...before, q: q === "" ? undefined : q }), replace: true });
	}, [q, navigate]);
	const query = useInfiniteQuery(modelsQuery({ ...search, q, sort: search.sort ?? (q === "" ? "newest" : undefined) }));
	const models = query.data?.pages.flatMap((page) => page.models) ?? [];
	const total = query.data?.pages[0]?.total;
	const { sort: _, ...narrowing } = search;
	const narrowed = q !== "" || Object.values(narrowing).some((value) => value !== undefined);
	return (
		<>
			<RoomHead
				title="Models"
				action={
					<Link to="/publish" className={buttonClass("outline")}>
						Publish yours
					</Link>
				}
			>
				Everything that somebody owns and anybody may ask.
			</RoomHead>
			<Filters
				filter={search}
				mine={mine}
				text={text}
				onText={setText}
				onChange={(part) => void navigate({ search: (before) => ({ ...before, ...part }), replace: true })}
			/>
			<p className="mb-2 text-small text-soft" role="status">
				{total === undefined ? "Reading…" : `${total.toLocaleString("en")} ${total === 1 ? "model" : "models"}`}
				{Object.entries(query.data?.pages[0]?.corrected ?? {}).map(([word, instead]) => (
					<span key={word}>
						. Nothing has “{word}”; looked for {instead.join(", ")}
					</span>
				))}
			</p>
			{query.isError && models.length === 0 ? (
				<TroubleNote trouble={troubleOf(query.error, "Reading the models")} retry={() => void query.refetch()} />
			) : total === undefined ? (
				<Skeleton lines={8} className="h-12" label="Reading the models" />
			) : models.length === 0 ? (
				<Empty
					title={narrowed ? "Nothing matches" : "No model here yet"}
					action={
						<Link to="/publish" className={buttonClass("solid", true)}>
							Publish one
						</Link>
					}
				>
					{narrowed
						? "Each word must begin a word of the model's name, title, task, tags or card, and every filter must hold."
						: "The first one published here can be asked within seconds."}
				</Empty>
			) : (
				<>
					<Rows
						models={models}
						more={query.hasNextPage && !query.isFetchingNextPage && !query.isFetchNextPageError ? () => void query.fetchNextPage() : undefined}
					/>
					{query.isFetchNextPageError && (
						<TroubleNote className="mt-3" trouble={troubleOf(query.error, "Reading further models")} retry={() => void query.fetchNextPage()} />
					)}
				</>
			)}
		</>
	);
}

function Rows({
	models,
	more,
}: {
	readonly models: readonly Parameters<typeof ModelRow>[0]["model"][];
	readonly more: (() => void) | undefined;
}): ReactElement {
	const list = useRef<HTMLUListElement>(null);
	const [margin, setMargin] = useState(0);
	useEffect(() => setMargin(list.current?.offsetTop ?? 0), []);
	const rows = useWindowVirtualizer({
		count: models.length,
		estimateSize: () => ROW_PX,
		overscan: 8,
		scrollMargin: margin,
		getItemKey: (index) => models[index]?.id ?? index,
	});
	const items = rows.getVirtualItems();
	const last = items.at(-1)?.index ?? 0;
	useEffect(() => {
		if (more !== undefined && last >= models.length - 25) more();
	}, [more, last, models.length]);
	return (
		<ul ref={list} className="card relative overflow-hidden" style={{ height: rows.getTotalSize() + 2 }}>
			{items.map(({ index, key, start }) => {
				const model = models[index];
				return (
					model && (
						<li
							key={key}
							className="absolute inset-x-0 border-b border-line"
							style={{ height: ROW_PX, transform: `translateY(${start - margin}px)` }}
							aria-setsize={models.length}
							aria-posinset={index + 1}
						>
							<ModelRow model={model} />
						</li>
					)
				);
			})}
		</ul>
	);
}
