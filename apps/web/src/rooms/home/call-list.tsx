/** Paid calls, newest first: any number of them, only those in sight are drawn. Older ones are fetched as one scrolls. */

import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactElement, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "../../design/button.js";
import { Amount, Count, Hash, Time } from "../../design/values.js";
import { askJson } from "../../network/ask.js";
import type { PaidLine, PaidLines } from "../../network/queries.js";

const ROW_PX = 60;
const MOST_ROWS_IN_SIGHT = 7;

export function CallList({ newest }: { readonly newest: PaidLines }): ReactElement {
	const box = useRef<HTMLDivElement>(null);
	const [older, setOlder] = useState<readonly PaidLine[]>([]);
	const [end, setEnd] = useState(false);
	const [loading, setLoading] = useState(false);
	const [failed, setFailed] = useState(false);
	const lines = useMemo(() => {
		const oldest = newest.lines.at(-1)?.id ?? 0;
		return [...newest.lines, ...older.filter(({ id }) => id < oldest)];
	}, [newest, older]);
	const rows = useVirtualizer({
		count: lines.length,
		getScrollElement: () => box.current,
		estimateSize: () => ROW_PX,
		overscan: 6,
		getItemKey: (index) => lines[index]?.id ?? index,
	});
	const items = rows.getVirtualItems();
	const last = items.at(-1)?.index ?? 0;
	const more = newest.cursor !== undefined && !end && !failed;
	useEffect(() => {
		if (!more || loading || last < lines.length - 20) return;
		const cursor = lines.at(-1)?.id;
		if (cursor === undefined) return;
		setLoading(true);
		askJson(`/api/hub/v1/calls?limit=500&cursor=${cursor}`, { what: "The hub" })
			.then((page) => {
				const { lines: found } = page as PaidLines;
				setOlder((known) => [...known, ...found.filter(({ id }) => id < (known.at(-1)?.id ?? Number.POSITIVE_INFINITY))]);
				if (found.length === 0) setEnd(true);
			})
			.catch(() => setFailed(true))
			.finally(() => setLoading(false));
	}, [more, loading, last, lines]);
	return (
		<>
			<div
				ref={box}
				tabIndex={0}
				role="region"
				aria-label="Latest paid calls"
				className="card overflow-y-auto"
				style={{ height: Math.min(lines.length, MOST_ROWS_IN_SIGHT) * ROW_PX + 2 }}
			>
				<ul className="relative" style={{ height: rows.getTotalSize() }}>
					{items.map(({ index, key, start }) => {
						const line = lines[index];
						return (
							line && (
								<li
									key={key}
									style={{ transform: `translateY(${start}px)`, height: ROW_PX }}
									className="absolute inset-x-0 flex items-center gap-4 border-b border-line px-4 text-small"
								>
									<CallRow line={line} />
								</li>
							)
						);
					})}
				</ul>
			</div>
			{failed && (
				<p className="mt-2 flex items-center gap-3 text-small text-soft" role="status">
					Older calls could not be read just now.
					<Button small onClick={() => setFailed(false)}>
						Try again
					</Button>
				</p>
			)}
		</>
	);
}

function CallRow({ line }: { readonly line: PaidLine }): ReactElement {
	const [namespace, rest] = line.model.split("/");
	return (
		<>
			<div className="min-w-0 flex-1 leading-snug">
				{namespace === undefined || rest === undefined ? (
					<Hash value={line.release} label="release" />
				) : (
					<Link
						to="/models/$namespace/$name"
						params={{ namespace, name: rest.replace(/@.*$/, "") }}
						className="block truncate font-medium no-underline hover:underline"
					>
						{line.model}
					</Link>
				)}
				<div className="flex items-center gap-2 text-fine text-soft">
					<Time value={line.time} />
					<span aria-hidden="true">·</span>
					<Count value={line.calls} unit={["call", "calls"]} />
					<span className="max-sm:hidden">
						<Hash value={line.transaction} label="transaction" />
					</span>
				</div>
			</div>
			<div className="text-right leading-snug">
				<Amount value={line.ownerAmount} className="font-semibold" />
				<div className="text-fine text-soft">to owners</div>
			</div>
		</>
	);
}
