/** Steps of a check, each with its stamp. */
import type { ReactElement, ReactNode } from "react";
import { cx } from "./cx.js";
import { Icon } from "./icon.js";
import { Sentence } from "./values.js";

export interface Step {
	readonly id: string;
	readonly result: "holds" | "fails" | "unproven" | "waiting";
	/** The question in plain words. */
	readonly title: string;
	readonly detail?: ReactNode;
}

const MARKS = {
	holds: { icon: "check", word: "Holds", style: "bg-field text-field-ink" },
	fails: { icon: "cross", word: "Fails", style: "bg-bad text-surface" },
	unproven: { icon: "dash", word: "Not proven", style: "bg-sunken text-soft border border-edge" },
	waiting: { icon: "dash", word: "Not checked yet", style: "bg-sunken text-transparent" },
} as const;

export function Steps({ steps, stagger }: { readonly steps: readonly Step[]; readonly stagger?: boolean }): ReactElement {
	return (
		<ol className="flex flex-col">
			{steps.map(({ id, result, title, detail }, order) => (
				<li
					key={id}
					data-check={id}
					data-result={result}
					className={cx("flex gap-3 border-b border-line py-2.5 last:border-0", result === "fails" && "-mx-3 rounded-lg border-0 bg-bad-wash px-3")}
				>
					<span
						className={cx("mt-0.5 flex size-5 shrink-0 items-center justify-center rounded-full", MARKS[result].style, stagger && "stamp")}
						style={stagger ? { animationDelay: `${order * 70}ms` } : undefined}
					>
						<Icon name={MARKS[result].icon} size={13} />
						<span className="sr-only">{MARKS[result].word}:</span>
					</span>
					<div className="min-w-0 flex-1">
						<p className="text-small font-medium">{title}</p>
						{detail && <div className="text-fine break-words text-soft">{typeof detail === "string" ? <Sentence text={detail} /> : detail}</div>}
					</div>
				</li>
			))}
		</ol>
	);
}
