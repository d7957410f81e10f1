/** A choice of few, all in sight. */
import type { ReactElement } from "react";
import { cx } from "./cx.js";

interface SegmentsProps<T extends string> {
	/** Names the choice for a screen reader. */
	readonly label: string;
	readonly options: readonly (readonly [value: T, label: string])[];
	readonly value: T;
	readonly onChange: (value: T) => void;
}

export function Segments<T extends string>({ label, options, value, onChange }: SegmentsProps<T>): ReactElement {
	return (
		<fieldset aria-label={label} className="inline-flex rounded-lg bg-sunken p-0.5">
			{options.map(([option, words]) => (
				<button
					key={option}
					type="button"
					aria-pressed={value === option}
					onClick={() => onChange(option)}
					className={cx("min-h-8 rounded-md px-3 text-fine font-semibold", value === option ? "bg-surface shadow-sm" : "text-soft hover:text-ink")}
				>
					{words}
				</button>
			))}
		</fieldset>
	);
}
