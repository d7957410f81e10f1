/** Figures in rows: the first column names the row, the others stand to the right. Too wide for its place, it scrolls by itself, from the keyboard too. */
import type { ReactElement, ReactNode } from "react";
import { cx } from "./cx.js";

export interface TableProps {
	/** Names the table for a screen reader. */
	readonly label: string;
	/** Headings; those after `texts` stand over figures. */
	readonly columns: readonly string[];
	/** How many columns hold text, from the left. Default 1. */
	readonly texts?: number;
	readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
	readonly className?: string;
}

export function Table({ label, columns, texts = 1, rows, className }: TableProps): ReactElement {
	const side = (column: number): string => cx("px-4 whitespace-nowrap", column < texts ? "text-left" : "text-right");
	return (
		// Positioned, so that what only screen readers see stays inside.
		<div className={cx("card relative overflow-x-auto", className)} tabIndex={0} role="region" aria-label={label}>
			<table className="w-full text-small">
				<thead>
					<tr className="border-b border-line text-soft">
						{columns.map((heading, column) => (
							<th key={heading} scope="col" className={cx(side(column), "py-2 font-medium")}>
								{heading}
							</th>
						))}
					</tr>
				</thead>
				<tbody>
					{rows.map(({ key, cells: [name, ...cells] }) => (
						<tr key={key} className="border-b border-line last:border-0">
							<th scope="row" className={cx(side(0), "py-2.5 font-semibold")}>
								{name}
							</th>
							{cells.map((cell, index) => (
								// biome-ignore lint/suspicious/noArrayIndexKey: a cell is its column.
								<td key={index} className={cx(side(index + 1), "py-2.5")}>
									{cell}
								</td>
							))}
						</tr>
					))}
				</tbody>
			</table>
		</div>
	);
}
