/** Copies a text that stands beside it. */
import type { ReactElement } from "react";
import { useCopy } from "./copy.js";
import { cx } from "./cx.js";
import { Icon } from "./icon.js";

export function CopyButton({
	text,
	label,
	className,
}: {
	readonly text: string /** What is copied, for a screen reader. */;
	readonly label: string;
	readonly className?: string;
}): ReactElement {
	const [copied, copy] = useCopy();
	return (
		<button
			type="button"
			onClick={() => copy(text)}
			className={cx("inline-flex min-h-8 items-center gap-1.5 rounded-md px-2 text-fine font-medium text-soft hover:bg-sunken hover:text-ink", className)}
		>
			<Icon name={copied ? "check" : "copy"} size={14} className={copied ? "text-good" : ""} />
			<span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
			<span className="sr-only"> {label}</span>
		</button>
	);
}
