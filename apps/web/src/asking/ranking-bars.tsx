/** How sure a classifier is, best first. */
import type { ReactElement } from "react";
import { cx } from "../design/cx.js";
import type { Ranking } from "./outputs.js";

export function RankingBars({ ranking, most = 5 }: { readonly ranking: Ranking; readonly most?: number }): ReactElement {
	return (
		<ul className="flex flex-col gap-1.5" aria-label="How sure it is">
			{ranking.rows.slice(0, most).map(({ label, probability }, order) => (
				<li key={label} className="grid grid-cols-[1.25rem_minmax(0,1fr)_4rem] items-center gap-2 text-small">
					<span className={cx("text-right", order === 0 && "font-bold")}>{label}</span>
					<span className="h-2.5 overflow-hidden rounded-full bg-sunken" aria-hidden="true">
						<span
							className={cx("block h-full origin-left rounded-full", order === 0 ? "bg-field" : "bg-edge/60")}
							style={{ transform: `scaleX(${probability})` }}
						/>
					</span>
					<span className="text-right text-soft" data-exact={`probability ${probability}`}>
						{(probability * 100).toFixed(1)} %
					</span>
				</li>
			))}
		</ul>
	);
}
