/** A new price for the calls of a release from now on. */
import { formatOpg, parseOpg, type ReleaseSummary } from "@freehold/protocol";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactElement, useState } from "react";
import { Button } from "../../design/button.js";
import { TextField } from "../../design/field.js";
import { Note, TroubleNote } from "../../design/states.js";
import { Time } from "../../design/values.js";
import { freeholdOf } from "../../network/freehold.js";
import { networkQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { untilModel } from "./until-model.js";

const PARTS = [
	["perCall", "Price for a call"],
	["perInputUnit", "For each number in"],
	["perOutputUnit", "For each number out"],
] as const;

export function PriceForm({ model, release }: { readonly model: string; readonly release: ReleaseSummary }): ReactElement {
	const client = useQueryClient();
	const last = release.prices.at(-1);
	const [texts, setTexts] = useState(() => Object.fromEntries(PARTS.map(([part]) => [part, formatOpg(BigInt(last?.[part] ?? "0"))])));
	const amounts = PARTS.map(([part]) => parseOpg((texts[part] ?? "").trim()));
	const [perCall, perInputUnit, perOutputUnit] = amounts;
	const same = PARTS.every(([part], index) => amounts[index] === BigInt(last?.[part] ?? "0"));
	const work = useMutation({
		mutationFn: async () => {
			if (perCall === undefined || perInputUnit === undefined || perOutputUnit === undefined) throw new Error("The price is not complete.");
			const freehold = await freeholdOf(await client.ensureQueryData(networkQuery));
			const set = await freehold.models.setPrice(release.release, { perCall, perInputUnit, perOutputUnit });
			await untilModel(client, model, ({ releases = [] }) =>
				releases.some(({ release: id, prices }) => id === release.release && prices.some(({ version }) => version === set.version)),
			);
			void client.invalidateQueries({ queryKey: ["quote"] });
			return set;
		},
	});
	return (
		<form
			onSubmit={(event: FormEvent) => {
				event.preventDefault();
				work.mutate();
			}}
		>
			<fieldset disabled={work.isPending} className="grid max-w-2xl items-start gap-4 sm:grid-cols-3">
				<legend className="sr-only">Price of release {release.version}</legend>
				{PARTS.map(([part, label], index) => (
					<TextField
						key={part}
						label={label}
						unit="OPG"
						inputMode="decimal"
						value={texts[part]}
						fault={amounts[index] === undefined ? "An amount of OPG, such as 1.00" : undefined}
						onChange={(event) => setTexts({ ...texts, [part]: event.target.value })}
					/>
				))}
			</fieldset>
			<div className="mt-3 flex flex-wrap items-center gap-4">
				<Button type="submit" disabled={same || amounts.includes(undefined)} busy={work.isPending && "Setting the price"}>
					Set the price
				</Button>
				<p className="text-fine text-soft">A cut counts at once, a rise after an hour. Calls that are under way keep their price.</p>
			</div>
			{work.isError && <TroubleNote className="mt-3" trouble={troubleOf(work.error, "Setting the price")} />}
			{work.isSuccess && (
				<Note tone="good" icon="check" className="mt-3">
					<span role="status">
						{work.data.validFrom > Date.now() ? (
							<>
								The new price counts <Time value={work.data.validFrom} />.
							</>
						) : (
							"The new price counts now."
						)}
					</span>
				</Note>
			)}
		</form>
	);
}
