/** What the network does right now: money to owners, the latest calls, models. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactElement } from "react";
import { buttonClass } from "../../design/button.js";
import { Section } from "../../design/parts.js";
import { Empty, Skeleton, TroubleNote } from "../../design/states.js";
import { Amount, Count, useClock } from "../../design/values.js";
import { callsQuery, modelsQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { ModelRow } from "../models/model-row.js";
import { CallList } from "./call-list.js";
import { lastHour } from "./last-hour.js";

const SHOWN_MODELS = 5;

export function Activity(): ReactElement {
	const calls = useQuery(callsQuery);
	const models = useInfiniteQuery(modelsQuery({ sort: "earnings" }, SHOWN_MODELS));
	const now = useClock();
	const hour = calls.data === undefined ? undefined : lastHour(calls.data.lines, now, calls.data.cursor !== undefined);
	const shown = models.data?.pages[0];
	return (
		<div className="mt-14 border-t border-line pt-4">
			<div className="grid grid-cols-1 gap-x-12 lg:grid-cols-[minmax(0,7fr)_minmax(0,5fr)]">
				<Section title="Being asked now" aside={hour && <HourFigures hour={hour} />}>
					{calls.isError && calls.data === undefined ? (
						<TroubleNote trouble={troubleOf(calls.error, "Reading the latest calls")} retry={() => void calls.refetch()} />
					) : calls.data === undefined ? (
						<Skeleton lines={6} label="Reading the latest calls" />
					) : calls.data.lines.length === 0 ? (
						<Empty title="Nobody has asked anything yet">Draw a digit above and be the first. What you pay shows up here within seconds.</Empty>
					) : (
						<CallList newest={calls.data} />
					)}
				</Section>
				<Section
					title="Models"
					aside={
						<Link to="/models" className="hover:text-ink">
							{shown ? `All ${shown.total.toLocaleString("en")}` : "All"}
						</Link>
					}
				>
					{models.isError && shown === undefined ? (
						<TroubleNote trouble={troubleOf(models.error, "Reading the models")} retry={() => void models.refetch()} />
					) : shown === undefined ? (
						<Skeleton lines={5} label="Reading the models" />
					) : shown.models.length === 0 ? (
						<Empty
							title="No model is published yet"
							action={
								<Link to="/publish" className={buttonClass("solid", true)}>
									Publish the first
								</Link>
							}
						/>
					) : (
						<ul className="card divide-y divide-line overflow-hidden">
							{shown.models.map((model) => (
								<li key={model.id}>
									<ModelRow model={model} compact />
								</li>
							))}
						</ul>
					)}
				</Section>
			</div>
		</div>
	);
}

function HourFigures({ hour }: { readonly hour: ReturnType<typeof lastHour> }): ReactElement {
	return (
		<span>
			{hour.atLeast && "at least "}
			<Amount value={hour.toOwners} className="font-semibold text-ink" /> to owners in the last hour, <Count value={hour.calls} unit={["call", "calls"]} />
		</span>
	);
}
