/** Numbers, hashes and times: short to read, exact on hover and for screen readers, copied whole. */
import { type ReactElement, useSyncExternalStore } from "react";
import { exactOpg, shortOpg } from "../format/amount.js";
import { shortHash } from "../format/hash.js";
import { ago, exactTime } from "../format/time.js";
import { useCopy } from "./copy.js";
import { cx } from "./cx.js";
import { Icon } from "./icon.js";

export function Amount({
	value,
	unit = true,
	className,
}: {
	readonly value: bigint | string;
	readonly unit?: boolean;
	readonly className?: string;
}): ReactElement {
	const amount = BigInt(value);
	const exact = exactOpg(amount);
	return (
		<data value={amount.toString()} data-exact={exact} className={cx("whitespace-nowrap", className)}>
			<span aria-hidden="true">
				{shortOpg(amount)}
				{unit && <span className="text-[0.82em] font-normal"> OPG</span>}
			</span>
			<span className="sr-only">{exact}</span>
		</data>
	);
}

export function Count({
	value,
	unit,
	className,
}: {
	readonly value: number;
	readonly unit: readonly [one: string, many: string];
	readonly className?: string;
}): ReactElement {
	const word = value === 1 ? unit[0] : unit[1];
	return (
		<data value={value} data-exact={`${value} ${word}`} className={cx("whitespace-nowrap", className)}>
			{value.toLocaleString("en")} {word}
		</data>
	);
}

export function Hash({
	value,
	label,
	lead,
	tail,
	className,
}: {
	readonly value: string;
	readonly label?: string;
	readonly lead?: number;
	readonly tail?: number;
	readonly className?: string;
}): ReactElement {
	const [copied, copy] = useCopy();
	return (
		<button
			type="button"
			data-exact={value}
			onClick={(event) => {
				event.preventDefault();
				event.stopPropagation();
				copy(value);
			}}
			className={cx("group/hash inline-flex max-w-full items-center gap-1 rounded px-0.5 font-mono text-[0.88em] text-soft hover:text-ink", className)}
		>
			<span className="sr-only">{copied ? "Copied " : `Copy ${label ?? "value"} `}</span>
			<span className="truncate">{shortHash(value, lead, tail)}</span>
			<Icon name={copied ? "check" : "copy"} size={13} className={copied ? "text-good" : "opacity-55 group-hover/hash:opacity-100"} />
		</button>
	);
}

/** One clock for all relative times. */
const listeners = new Set<() => void>();
let tick = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
function subscribe(listener: () => void): () => void {
	listeners.add(listener);
	timer ??= setInterval(() => {
		tick = Date.now();
		for (const notify of listeners) notify();
	}, 5_000);
	return () => {
		listeners.delete(listener);
		if (listeners.size === 0) {
			clearInterval(timer);
			timer = undefined;
		}
	};
}
export function useClock(): number {
	return useSyncExternalStore(subscribe, () => tick);
}

const SKEW_MS = 20_000;

export function Time({ value, className }: { readonly value: number; readonly className?: string }): ReactElement {
	const clock = useClock();
	// The network's clock may be a little ahead of this one: what just happened did not happen in the future.
	const now = value > clock && value - clock < SKEW_MS ? value : clock;
	return (
		<time dateTime={new Date(value).toISOString()} data-exact={exactTime(value)} className={cx("whitespace-nowrap", className)}>
			{ago(value, now)}
		</time>
	);
}

/** A sentence whose hashes can be copied. */
export function Sentence({ text }: { readonly text: string }): ReactElement {
	// biome-ignore lint/suspicious/noArrayIndexKey: parts of a fixed text have no other identity.
	return <>{text.split(/(0x[0-9a-f]{16,})/).map((part, index) => (index % 2 === 1 ? <Hash key={index} value={part} /> : part))}</>;
}
