/** What a call costs, by the call and by its size, and what whatever is made from this owes it. */
import type { ReactElement } from "react";
import { TextField } from "../../design/field.js";
import { More } from "../../design/parts.js";
import type { DraftFields } from "./name-fields.js";

/** `unit`: what the size of a call is counted in. */
export function PriceFields({ draft, faults, set, unit }: DraftFields & { readonly unit: "number" | "token" }): ReactElement {
	const bySize = unit === "token" || draft.inputPrice !== "0" || draft.outputPrice !== "0";
	const termed = draft.leastShare !== "0" || draft.leastAmount !== "0";
	return (
		<div className="max-w-xl">
			<div className="sm:w-1/2 sm:pr-2">
				<TextField
					label="Your price for a call"
					unit="OPG"
					inputMode="decimal"
					value={draft.price}
					fault={faults.price}
					onChange={(event) => set({ price: event.target.value })}
				/>
			</div>
			<div className="mt-3 flex flex-col gap-2">
				<More summary={unit === "token" ? "And by its tokens" : "And by the size of a call"} open={bySize}>
					<div className="grid gap-4 sm:grid-cols-2">
						<TextField
							label={`For each ${unit} that goes in`}
							unit="OPG"
							inputMode="decimal"
							value={draft.inputPrice}
							fault={faults.inputPrice}
							onChange={(event) => set({ inputPrice: event.target.value })}
						/>
						<TextField
							label={`For each ${unit} that comes out`}
							unit="OPG"
							inputMode="decimal"
							value={draft.outputPrice}
							fault={faults.outputPrice}
							onChange={(event) => set({ outputPrice: event.target.value })}
						/>
					</div>
				</More>
				<More summary="What descendants owe it" open={termed}>
					<div className="grid gap-4 sm:grid-cols-2">
						<TextField
							label="Least share from descendants"
							unit="%"
							inputMode="decimal"
							value={draft.leastShare}
							fault={faults.leastShare}
							hint="Of what is made from yours"
							onChange={(event) => set({ leastShare: event.target.value })}
						/>
						<TextField
							label="Least amount for a call"
							unit="OPG"
							inputMode="decimal"
							value={draft.leastAmount}
							fault={faults.leastAmount}
							hint="Of each call of what is made from yours"
							onChange={(event) => set({ leastAmount: event.target.value })}
						/>
					</div>
				</More>
			</div>
		</div>
	);
}
