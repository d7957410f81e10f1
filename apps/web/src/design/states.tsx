/** How a room looks when there is nothing yet, when it waits, and when something failed. */
import type { ReactElement, ReactNode } from "react";
import { Button } from "./button.js";
import { cx } from "./cx.js";
import { Icon, type IconName } from "./icon.js";

/** An empty field, waiting for its first parcel. */
export function Empty({ title, children, action }: { readonly title: string; readonly children?: ReactNode; readonly action?: ReactNode }): ReactElement {
	return (
		<div className="sheet flex flex-col items-center gap-3 rounded-card border border-dashed border-edge/60 px-6 py-10 text-center">
			<h3 className="text-lead font-semibold">{title}</h3>
			{children && <div className="max-w-md text-small text-soft">{children}</div>}
			{action}
		</div>
	);
}

export function Skeleton({
	className,
	lines = 1,
	label = "Loading",
}: {
	readonly className?: string;
	readonly lines?: number;
	readonly label?: string;
}): ReactElement {
	return (
		<div role="status" className="flex flex-col gap-2">
			<span className="sr-only">{label}</span>
			{Array.from({ length: lines }, (_, line) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: lines of a drawing have no other identity.
				<div key={line} aria-hidden="true" className={cx("breathe h-4 rounded bg-line", className)} />
			))}
		</div>
	);
}

export interface Trouble {
	readonly title: string;
	readonly detail: string;
	/** The code of the catalogue, for those who ask. */
	readonly code?: string | undefined;
	readonly retryable: boolean;
}

export function TroubleNote({
	trouble,
	retry,
	className,
}: {
	readonly trouble: Trouble;
	readonly retry?: (() => void) | undefined;
	readonly className?: string;
}): ReactElement {
	return (
		<div role="alert" className={cx("flex flex-wrap items-start gap-3 rounded-card border border-bad/50 bg-bad-wash px-4 py-3", className)}>
			<Icon name="cross" className="mt-0.5 text-bad" />
			<div className="min-w-0 flex-1 basis-60">
				<p className="font-semibold">{trouble.title}</p>
				<p className="text-small break-words">{trouble.detail}</p>
				{trouble.code && <p className="mt-1 font-mono text-fine text-soft">{trouble.code}</p>}
			</div>
			{retry && (
				<Button small onClick={retry}>
					Try again
				</Button>
			)}
		</div>
	);
}

export function Note({
	tone = "plain",
	icon = "info",
	children,
	className,
}: {
	readonly tone?: "plain" | "good" | "warn";
	readonly icon?: IconName;
	readonly children: ReactNode;
	readonly className?: string;
}): ReactElement {
	const tones = { plain: "bg-sunken", good: "bg-field-wash", warn: "bg-warn-wash" } as const;
	const inks = { plain: "text-soft", good: "text-good", warn: "text-warn" } as const;
	return (
		<div className={cx("flex gap-2.5 rounded-lg px-3.5 py-2.5 text-small", tones[tone], className)}>
			<Icon name={icon} className={cx("mt-0.5", inks[tone])} />
			<div className="min-w-0 flex-1">{children}</div>
		</div>
	);
}

/** Progress with an end: `done` of `total`, in words and as a bar. */
export function Progress({ label, done, total }: { readonly label: string; readonly done: number; readonly total: number }): ReactElement {
	const part = total === 0 ? 0 : Math.min(1, done / total);
	return (
		<div>
			<div className="mb-1 flex justify-between gap-4 text-small">
				<span>{label}</span>
				<span>{Math.floor(part * 100)} %</span>
			</div>
			<div
				role="progressbar"
				aria-label={label}
				aria-valuemin={0}
				aria-valuemax={100}
				aria-valuenow={Math.floor(part * 100)}
				className="h-2 overflow-hidden rounded-full bg-sunken"
			>
				<div className="h-full origin-left rounded-full bg-field transition-transform duration-200" style={{ transform: `scaleX(${part})` }} />
			</div>
		</div>
	);
}
