/** How far a publication is, and what went wrong. */
import type { ReactElement } from "react";
import { type Step, Steps } from "../../design/checks.js";
import { Progress, TroubleNote } from "../../design/states.js";
import { bytes } from "../../format/amount.js";
import { troubleOf } from "../../network/trouble.js";
import type { Publication, Stage } from "./use-publication.js";

const STAGES: readonly (readonly [Stage, string])[] = [
	["checking", "Checked against the registry's rules"],
	["uploading", "Files stored"],
	["sending", "Minted: the chain records it as yours"],
	["waiting", "Can be asked"],
];

export function ProgressCard({ publication: { stage, sent, work } }: { readonly publication: Publication }): ReactElement {
	const trouble = work.isError ? troubleOf(work.error, "Publishing") : undefined;
	const begun = stage !== undefined && stage !== "checking";
	return (
		<>
			{stage !== undefined && (
				<div className="card mb-4 max-w-xl px-4 py-1.5" aria-live="polite">
					<Steps steps={stepsOf(stage, work.isError)} />
					{stage === "uploading" && sent.total > 0 && (
						<div className="pb-3">
							<Progress label={`${bytes(sent.done)} of ${bytes(sent.total)}`} done={sent.done} total={sent.total} />
						</div>
					)}
				</div>
			)}
			{trouble && (
				<TroubleNote
					className="mb-4 max-w-xl"
					trouble={begun ? { ...trouble, detail: `${trouble.detail} What is done stays done; continuing sends only the rest.` } : trouble}
				/>
			)}
		</>
	);
}

function stepsOf(stage: Stage, failed: boolean): readonly Step[] {
	const at = STAGES.findIndex(([id]) => id === stage);
	return STAGES.map(([id, title], index) => ({ id, title, result: index < at ? "holds" : index === at && failed ? "fails" : "waiting" }));
}
