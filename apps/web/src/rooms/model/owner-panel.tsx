/** What an owner may do with a model: price its future calls, publish the next release, end one. */
import type { ModelBody, ReleaseSummary } from "@freehold/protocol";
import { Link } from "@tanstack/react-router";
import { type ReactElement, useState } from "react";
import { buttonClass } from "../../design/button.js";
import { Choice } from "../../design/field.js";
import { Note } from "../../design/states.js";
import { Time } from "../../design/values.js";
import { PriceForm } from "./price-form.js";
import { nextVersion, priceNext } from "./price-now.js";
import { PriceWords } from "./price-words.js";
import { RetireButton } from "./retire-button.js";

export function OwnerPanel({ model }: { readonly model: ModelBody }): ReactElement {
	const releases = model.releases ?? [];
	const served = releases.filter(({ retiredAt }) => retiredAt === undefined);
	const [chosen, choose] = useState<string>();
	const release = served.find(({ release: id }) => id === chosen) ?? served.find(({ release: id }) => id === model.latest?.release) ?? served[0];
	const next = (
		<Link to="/publish" search={{ name: model.model, version: nextVersion(releases.map(({ version }) => version)) }} className={buttonClass("outline")}>
			Publish release {nextVersion(releases.map(({ version }) => version))}
		</Link>
	);
	if (release === undefined)
		return (
			<div className="flex flex-wrap items-center gap-4">
				<p className="text-small text-soft">Every release is retired: nobody can ask it. A new release can be.</p>
				{next}
			</div>
		);
	return (
		<div className="card px-5 py-5">
			{served.length > 1 && (
				<div className="mb-4 max-w-48">
					<Choice label="Release" value={release.release} onChange={(event) => choose(event.target.value)}>
						{served.map(({ release: id, version }) => (
							<option key={id} value={id}>
								{version}
							</option>
						))}
					</Choice>
				</div>
			)}
			<PriceForm key={release.release} model={model.model} release={release} />
			<Announced release={release} />
			<div className="mt-5 flex flex-wrap items-center gap-3 border-t border-line pt-4">
				{next}
				<RetireButton model={model.model} release={release} />
			</div>
		</div>
	);
}

function Announced({ release }: { readonly release: ReleaseSummary }): ReactElement | null {
	const next = priceNext(release);
	if (next === undefined) return null;
	return (
		<Note className="mt-4">
			<PriceWords price={next} /> counts <Time value={next.from} />. Until then the price before it does.
		</Note>
	);
}
