/** What it is called, what it is for, and under which licence. */
import type { ReactElement } from "react";
import { TextArea, TextField } from "../../design/field.js";
import { More } from "../../design/parts.js";
import type { DraftFaults } from "./check-draft.js";
import type { Draft } from "./draft.js";

export interface DraftFields {
	readonly draft: Draft;
	readonly faults: DraftFaults;
	readonly set: (part: Partial<Draft>) => void;
}

export function NameFields({ draft, faults, set }: DraftFields): ReactElement {
	return (
		<>
			<div className="grid gap-4 sm:grid-cols-[minmax(0,1fr)_8rem]">
				<TextField
					label="Name"
					placeholder="you/thing"
					autoCapitalize="off"
					spellCheck={false}
					value={draft.name}
					fault={faults.name}
					hint="A namespace that is free becomes yours."
					onChange={(event) => set({ name: event.target.value.trim() })}
				/>
				<TextField label="Release" value={draft.version} fault={faults.version} onChange={(event) => set({ version: event.target.value.trim() })} />
				<TextField
					label="Title"
					placeholder="What it does, in a few words"
					maxLength={120}
					value={draft.title}
					onChange={(event) => set({ title: event.target.value })}
				/>
				<TextField label="Licence" value={draft.licence} fault={faults.licence} onChange={(event) => set({ licence: event.target.value })} />
			</div>
			<div className="mt-3">
				<More summary="Task, tags and card" open={draft.card !== "" || draft.tags !== "" || draft.task !== ""}>
					<div className="grid gap-4 sm:grid-cols-2">
						<TextField label="Task" placeholder="image-classification" value={draft.task} onChange={(event) => set({ task: event.target.value })} />
						<TextField label="Tags" placeholder="digits small" value={draft.tags} fault={faults.tags} onChange={(event) => set({ tags: event.target.value })} />
						<div className="sm:col-span-2">
							<TextArea
								label="Card"
								hint="Markdown: what it was made from, how good it is, what it is not for."
								value={draft.card}
								fault={faults.card}
								onChange={(event) => set({ card: event.target.value })}
							/>
						</div>
					</div>
				</More>
			</div>
		</>
	);
}
