/** The releases that a model was made from, each with its share. */
import { limits } from "@freehold/protocol";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { Button } from "../../design/button.js";
import { TextField } from "../../design/field.js";
import { modelsQuery } from "../../network/queries.js";
import type { Draft } from "./draft.js";

export function Parents({
	draft,
	set,
	fault,
}: {
	readonly draft: Draft;
	readonly set: (part: Partial<Draft>) => void;
	readonly fault: string | undefined;
}): ReactElement {
	const models = useInfiniteQuery(modelsQuery({ sort: "newest" })).data?.pages[0]?.models ?? [];
	const known = models.flatMap(({ model, latest }) => (latest === undefined ? [] : [`${model}@${latest.version}`]));
	const change = (index: number, part: Partial<Draft["parents"][number]>): void =>
		set({ parents: draft.parents.map((parent, other) => (other === index ? { ...parent, ...part } : parent)) });
	return (
		<div className="flex max-w-xl flex-col gap-3">
			<datalist id="known-releases">
				{known.map((release) => (
					<option key={release} value={release} />
				))}
			</datalist>
			{draft.parents.map(({ release, share }, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a parent that is being typed has no other identity.
				<div key={index} className="grid grid-cols-[minmax(0,1fr)_7rem_auto] items-end gap-3">
					<TextField
						label={`Parent ${index + 1}`}
						placeholder="base/digits@1.0"
						spellCheck={false}
						autoCapitalize="off"
						list="known-releases"
						value={release}
						onChange={(event) => change(index, { release: event.target.value.trim() })}
					/>
					<TextField label="Share" unit="%" inputMode="decimal" value={share} onChange={(event) => change(index, { share: event.target.value })} />
					<Button
						kind="quiet"
						aria-label={`Remove parent ${index + 1}`}
						icon="cross"
						onClick={() => set({ parents: draft.parents.filter((_, other) => other !== index) })}
					/>
				</div>
			))}
			{fault && <p className="text-fine font-medium text-bad">{fault}</p>}
			<div className="flex items-center gap-4">
				<Button
					small
					icon="plus"
					disabled={draft.parents.length >= limits.modelParents}
					onClick={() => set({ parents: [...draft.parents, { release: "", share: "10" }] })}
				>
					Add a parent
				</Button>
				{draft.parents.length === 0 && <p className="text-small text-soft">None: all of your price is yours.</p>}
			</div>
		</div>
	);
}
