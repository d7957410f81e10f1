/** Licences that were accepted for a key, and accepting another: models whose owner wrote one refuse a key without it. */
import { type KeyBody, parseModelName } from "@freehold/protocol";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactElement, useState } from "react";
import { Button } from "../../design/button.js";
import { TextField } from "../../design/field.js";
import { More } from "../../design/parts.js";
import { TroubleNote } from "../../design/states.js";
import { agreedLicence } from "../../licences/agreed.js";
import { freeholdOf } from "../../network/freehold.js";
import { networkQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";

export function KeyLicences({ keyBody: { id, licences } }: { readonly keyBody: KeyBody }): ReactElement {
	const client = useQueryClient();
	const [model, setModel] = useState("");
	const accept = useMutation({
		mutationFn: async (name: string) => {
			const freehold = await freeholdOf(await client.ensureQueryData(networkQuery));
			return freehold.keys.accept(id, [await agreedLicence(client, freehold, name)]);
		},
		onSuccess: (key) => {
			client.setQueryData(["key", id], key);
			setModel("");
		},
	});
	const named = model.trim();
	const fault = named !== "" && parseModelName(named) === undefined ? "A name such as ada/reader" : undefined;
	return (
		<More summary={licences.length === 0 ? "Licences" : `Licences (${licences.length} accepted)`}>
			<form
				className="flex max-w-md flex-wrap items-end gap-2.5"
				onSubmit={(event: FormEvent) => {
					event.preventDefault();
					if (named !== "" && fault === undefined) accept.mutate(named);
				}}
			>
				<TextField
					label="Accept the licence of"
					placeholder="ada/reader"
					spellCheck={false}
					autoCapitalize="off"
					hint="Some models have a licence of their owner's own; the key may ask them once you accepted it"
					value={model}
					fault={fault}
					onChange={(event) => setModel(event.target.value)}
				/>
				<Button small type="submit" disabled={named === "" || fault !== undefined} busy={accept.isPending && "Accepting"}>
					Read it
				</Button>
			</form>
			{accept.isError && <TroubleNote className="mt-3" trouble={troubleOf(accept.error, "Accepting the licence")} />}
		</More>
	);
}
