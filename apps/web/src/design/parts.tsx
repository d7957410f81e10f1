/** Small parts that rooms share: headings, tags, facts, sections. */
import type { ReactElement, ReactNode } from "react";
import { cx } from "./cx.js";

export function RoomHead({ title, children, action }: { readonly title: ReactNode; readonly children?: ReactNode; readonly action?: ReactNode }): ReactElement {
	return (
		<header className="mb-7 flex flex-wrap items-end justify-between gap-x-8 gap-y-4">
			<div className="min-w-0 max-w-2xl">
				<h1 className="text-head font-bold">{title}</h1>
				{children && <div className="mt-2 text-balance text-soft">{children}</div>}
			</div>
			{action}
		</header>
	);
}

export function Section({
	title,
	aside,
	children,
	className,
	id,
}: {
	readonly title: string;
	readonly aside?: ReactNode;
	readonly children: ReactNode;
	readonly className?: string;
	readonly id?: string;
}): ReactElement {
	return (
		<section className={cx("mt-10", className)} aria-label={title} id={id}>
			<div className="mb-3 flex flex-wrap items-baseline justify-between gap-x-6 gap-y-1">
				<h2 className="text-title font-semibold">{title}</h2>
				{aside && <div className="text-small text-soft">{aside}</div>}
			</div>
			{children}
		</section>
	);
}

export function Tag({ children, tone = "plain" }: { readonly children: ReactNode; readonly tone?: "plain" | "good" | "warn" | "bad" }): ReactElement {
	const tones = { plain: "bg-sunken text-soft", good: "bg-field-wash text-good", warn: "bg-warn-wash text-warn", bad: "bg-bad-wash text-bad" } as const;
	return <span className={cx("inline-flex items-center rounded-md px-2 py-0.5 text-fine font-medium whitespace-nowrap", tones[tone])}>{children}</span>;
}

export function Facts({
	rows,
	className,
}: {
	readonly rows: readonly (readonly [label: string, value: ReactNode])[];
	readonly className?: string;
}): ReactElement {
	return (
		<dl className={cx("grid grid-cols-[minmax(7rem,auto)_minmax(0,1fr)] gap-x-6 text-small", className)}>
			{rows.map(([label, value]) => (
				<div key={label} className="col-span-2 grid grid-cols-subgrid items-baseline border-b border-line py-2 last:border-0">
					<dt className="text-soft">{label}</dt>
					<dd className="min-w-0 break-words">{value}</dd>
				</div>
			))}
		</dl>
	);
}

export function Stat({ label, children, note }: { readonly label: string; readonly children: ReactNode; readonly note?: ReactNode }): ReactElement {
	return (
		<div className="min-w-0">
			<div className="text-small text-soft">{label}</div>
			<div className="mt-0.5 font-display text-title font-semibold tracking-tight">{children}</div>
			{note && <div className="mt-0.5 text-fine text-soft">{note}</div>}
		</div>
	);
}

/** First level for people; the exact terms one click below. */
export function More({ summary, children, open }: { readonly summary: string; readonly children: ReactNode; readonly open?: boolean }): ReactElement {
	return (
		<details className="group/more" open={open}>
			<summary className="inline-flex list-none items-center gap-1 rounded py-1 text-small font-medium text-soft hover:text-ink [&::-webkit-details-marker]:hidden">
				<svg viewBox="0 0 20 20" width="15" height="15" aria-hidden="true" className="transition-transform duration-150 group-open/more:rotate-90">
					<path d="M8 5l5 5-5 5" fill="none" stroke="currentColor" strokeWidth="1.8" />
				</svg>
				{summary}
			</summary>
			<div className="pt-2">{children}</div>
		</details>
	);
}
