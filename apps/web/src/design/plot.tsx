/** A payment as a field, divided among its owners: each parcel's area is its share, each amount stands beside it to the last unit. */
import { type CSSProperties, type ReactElement, type ReactNode, useMemo, useState } from "react";
import { percent } from "../format/amount.js";
import { cx } from "./cx.js";
import { divide } from "./parcels.js";
import { Amount } from "./values.js";

export interface PlotPart {
	readonly id: string;
	readonly label: ReactNode;
	/** Under the label: why this one is paid. */
	readonly why: ReactNode;
	/** Drawn on the parcel where it fits. */
	readonly short: string;
	readonly amount: bigint;
	readonly hue: number | "stone";
}

const ASPECT = 1.7;
/** Least part of the field's width and height that can hold a label. */
const LABEL_WIDTH = 0.2;
const LABEL_HEIGHT = 0.2;

export function Plot({
	parts,
	total,
	pending,
	foot,
}: {
	readonly parts: readonly PlotPart[];
	readonly total: bigint;
	readonly pending?: boolean;
	readonly foot?: ReactNode;
}): ReactElement {
	const [chosen, choose] = useState<string>();
	const parcels = useMemo(
		() =>
			divide(
				parts.map(({ amount }) => Number(amount)),
				ASPECT,
			),
		[parts],
	);
	return (
		<div className="grid grid-cols-1 items-start gap-x-7 gap-y-4 md:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]">
			<div className="relative w-full overflow-hidden rounded-lg" style={{ aspectRatio: String(ASPECT) }} aria-hidden="true">
				{parcels.map(({ index, left, top, width, height }, order) => {
					const part = parts[index];
					if (part === undefined) return null;
					const style: CSSProperties = {
						left: `${left * 100}%`,
						top: `${top * 100}%`,
						width: `calc(${width * 100}% - 3px)`,
						height: `calc(${height * 100}% - 3px)`,
						animationDelay: `${order * 90}ms`,
					};
					return (
						<div
							key={part.id}
							data-parcel={part.hue}
							onPointerEnter={() => choose(part.id)}
							onPointerLeave={() => choose(undefined)}
							style={style}
							className={cx(
								"parcel settle absolute overflow-hidden rounded-plot p-2 transition-opacity duration-150",
								chosen !== undefined && chosen !== part.id && "opacity-45",
							)}
						>
							{pending && <div className="on-the-way absolute inset-0" />}
							{width > LABEL_WIDTH && height > LABEL_HEIGHT && (
								<div className="relative leading-tight">
									<div className="truncate text-fine font-semibold">{part.short}</div>
									<Amount value={part.amount} unit={false} className="text-fine" />
								</div>
							)}
						</div>
					);
				})}
			</div>
			<div className="min-w-0">
				<ul className="text-small">
					{parts.map((part) => (
						<li
							key={part.id}
							data-parcel={part.hue}
							onPointerEnter={() => choose(part.id)}
							onPointerLeave={() => choose(undefined)}
							className={cx(
								"grid grid-cols-[0.75rem_minmax(0,1fr)_auto] items-baseline gap-x-3 border-b border-line py-2 transition-opacity duration-150",
								chosen !== undefined && chosen !== part.id && "opacity-55",
							)}
						>
							<span className="parcel size-3 translate-y-px rounded-[3px]" aria-hidden="true" />
							<span className="min-w-0">
								<span className="font-medium break-words">{part.label}</span>
								<span className="block text-fine text-soft">{part.why}</span>
							</span>
							<span className="text-right">
								<Amount value={part.amount} className="font-semibold" />
								<span className="block text-fine text-soft" data-exact={`${part.amount} of ${total} smallest units`}>
									{percent(part.amount, total)}
								</span>
							</span>
						</li>
					))}
					<li className="grid grid-cols-[0.75rem_minmax(0,1fr)_auto] gap-x-3 pt-2.5">
						<span />
						<span className="font-semibold">Together</span>
						<Amount value={parts.reduce((sum, { amount }) => sum + amount, 0n)} className="text-right font-semibold" />
					</li>
				</ul>
				{foot && <div className="mt-2 text-fine text-soft">{foot}</div>}
			</div>
		</div>
	);
}
