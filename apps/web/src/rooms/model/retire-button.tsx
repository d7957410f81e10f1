/** Ending a release, asked twice: it cannot be undone. */
import type { ReleaseSummary } from "@freehold/protocol";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactElement, useState } from "react";
import { Button } from "../../design/button.js";
import { Tick } from "../../design/field.js";
import { Sheet } from "../../design/sheet.js";
import { TroubleNote } from "../../design/states.js";
import { freeholdOf } from "../../network/freehold.js";
import { networkQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { untilModel } from "./until-model.js";

export function RetireButton({ model, release }: { readonly model: string; readonly release: ReleaseSummary }): ReactElement {
	const client = useQueryClient();
	const [open, setOpen] = useState(false);
	const [sure, setSure] = useState(false);
	const work = useMutation({
		mutationFn: async () => {
			const freehold = await freeholdOf(await client.ensureQueryData(networkQuery));
			await freehold.models.retire(release.release);
			await untilModel(client, model, ({ releases = [] }) => releases.some(({ release: id, retiredAt }) => id === release.release && retiredAt !== undefined));
			void client.invalidateQueries({ queryKey: ["models"] });
		},
		onSettled: () => setOpen(false),
	});
	return (
		<>
			<Button
				kind="danger"
				busy={work.isPending && "Retiring"}
				onClick={() => {
					setSure(false);
					setOpen(true);
				}}
			>
				Retire release {release.version}
			</Button>
			{work.isError && <TroubleNote className="basis-full" trouble={troubleOf(work.error, "Retiring the release")} />}
			<Sheet open={open} title={`Retire ${model}@${release.version}`} onClose={() => setOpen(false)}>
				<div className="flex flex-col gap-4">
					<p className="text-small">
						Nobody can ask this release any more, for ever. What it earned stays yours, releases made from it still owe it, and old receipts stay valid.
					</p>
					<Tick label="I want to end this release" checked={sure} onChange={setSure} />
					<Button
						kind="danger"
						disabled={!sure}
						onClick={() => {
							setOpen(false);
							work.mutate();
						}}
					>
						Retire it
					</Button>
				</div>
			</Sheet>
		</>
	);
}
