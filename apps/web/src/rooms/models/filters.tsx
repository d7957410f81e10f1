/** Narrowing the list: words, order, owner, task, licence, tag, price. All of it stands in the address. */
import { parseOpg } from "@freehold/protocol";
import { useQuery } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { Button } from "../../design/button.js";
import { Choice, TextField } from "../../design/field.js";
import { facetsQuery, type ModelFilter, type ModelSort } from "../../network/queries.js";

const ORDERS: readonly (readonly [ModelSort | "best", string])[] = [
	["best", "Best match"],
	["newest", "Newest"],
	["calls", "Most asked"],
	["earnings", "Most earned"],
	["name", "Name"],
];
const NARROWING = ["owner", "task", "licence", "tag", "maxPrice"] as const;

interface FiltersProps {
	readonly filter: ModelFilter;
	/** Whoever is at the page. */
	readonly mine: string | undefined;
	/** What is typed: the address follows it. */
	readonly text: string;
	readonly onText: (text: string) => void;
	readonly onChange: (part: Partial<ModelFilter>) => void;
}

export function Filters({ filter, mine, text, onText, onChange }: FiltersProps): ReactElement {
	const facets = useQuery(facetsQuery).data;
	const narrowed = NARROWING.some((name) => filter[name] !== undefined);
	const searching = text.trim() !== "";
	return (
		<form role="search" className="mb-4 flex flex-col gap-3" onSubmit={(event) => event.preventDefault()}>
			<div className="grid items-end gap-3 sm:grid-cols-[minmax(0,1fr)_12rem]">
				<TextField
					label="Search"
					type="search"
					placeholder="Name, task, words of its card"
					maxLength={200}
					value={text}
					onChange={(event) => onText(event.target.value)}
				/>
				<Choice
					label="Order"
					value={filter.sort ?? (searching ? "best" : "newest")}
					onChange={({ target: { value } }) => onChange({ sort: value === "best" ? undefined : (value as ModelSort) })}
				>
					{ORDERS.filter(([id]) => id !== "best" || searching).map(([id, label]) => (
						<option key={id} value={id}>
							{label}
						</option>
					))}
				</Choice>
			</div>
			<div className="grid items-start gap-3 max-sm:grid-cols-2 sm:grid-cols-4">
				<Facet label="Task" any="Any task" value={filter.task} options={facets?.task} onChange={(task) => onChange({ task })} />
				<Facet label="Licence" any="Any licence" value={filter.licence} options={facets?.licence} onChange={(licence) => onChange({ licence })} />
				<Choice label="Owner" value={filter.owner ?? ""} onChange={({ target: { value } }) => onChange({ owner: value === "" ? undefined : value })}>
					<option value="">Anyone</option>
					{mine && <option value={mine}>Me</option>}
					{filter.owner && filter.owner !== mine && <option value={filter.owner}>{filter.owner.slice(0, 10)}…</option>}
				</Choice>
				<TextField
					label="A call costs at most"
					unit="OPG"
					inputMode="decimal"
					placeholder="any"
					value={filter.maxPrice ?? ""}
					fault={filter.maxPrice !== undefined && parseOpg(filter.maxPrice.trim()) === undefined ? "An amount, such as 0.50" : undefined}
					onChange={({ target: { value } }) => onChange({ maxPrice: value === "" ? undefined : value })}
				/>
			</div>
			{narrowed && (
				<div className="flex flex-wrap items-center gap-3 text-small text-soft">
					{filter.tag && <span>Only what is tagged “{filter.tag}”.</span>}
					<Button small onClick={() => onChange(Object.fromEntries(NARROWING.map((name) => [name, undefined])))}>
						Show all again
					</Button>
				</div>
			)}
		</form>
	);
}

function Facet({
	label,
	any,
	value,
	options = [],
	onChange,
}: {
	readonly label: string;
	readonly any: string;
	readonly value: string | undefined;
	readonly options: readonly { readonly value: string; readonly models: number }[] | undefined;
	readonly onChange: (value: string | undefined) => void;
}): ReactElement {
	return (
		<Choice label={label} value={value ?? ""} onChange={({ target }) => onChange(target.value === "" ? undefined : target.value)}>
			<option value="">{any}</option>
			{options.map((option) => (
				<option key={option.value} value={option.value}>
					{option.value} ({option.models})
				</option>
			))}
			{value !== undefined && !options.some((option) => option.value === value) && <option value={value}>{value}</option>}
		</Choice>
	);
}
