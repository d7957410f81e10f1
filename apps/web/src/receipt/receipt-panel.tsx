/** What came of one answer: who was paid, whether the chain has it, and the check in this tab. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { type ReactElement, useEffect, useState } from "react";
import type { Receipted } from "../asking/use-ask.js";
import { Button } from "../design/button.js";
import { Steps } from "../design/checks.js";
import { cx } from "../design/cx.js";
import { More, Section, Tag } from "../design/parts.js";
import { Plot } from "../design/plot.js";
import { Skeleton, TroubleNote } from "../design/states.js";
import { Amount, Hash, Sentence } from "../design/values.js";
import { pinnedCheckpoint } from "../network/network.js";
import { lineageQuery } from "../network/queries.js";
import { troubleOf } from "../network/trouble.js";
import type { Judgement } from "./judge.js";
import { plotParts } from "./plot-parts.js";

export function PaymentPanel({ answer }: { readonly answer: Receipted }): ReactElement {
	const { split, state, file, trouble } = answer;
	const lineage = useQuery(lineageQuery(file.order.release));
	return (
		<Section
			title="Where the payment went"
			aside={
				state === "signed" ? (
					<span className="breathe">Signed. The chain gets it within ten seconds…</span>
				) : split?.booked ? (
					<span data-exact={answer.transaction}>
						Paid in block {split.booked.block.toLocaleString("en")}
						{split.booked.agrees ? ", exactly as the rules say" : ""}
					</span>
				) : (
					"In the chain"
				)
			}
		>
			{split === undefined ? (
				trouble === undefined && <Skeleton lines={5} label="Working out who is paid" />
			) : (
				<Plot
					parts={plotParts(split.parts, lineage.data)}
					total={split.charge}
					pending={state === "signed"}
					foot={
						split.booked !== undefined && !split.booked.agrees ? (
							<span className="font-semibold text-bad">The chain booked something else than the rules say.</span>
						) : (
							"Each amount is exact; hover or tap to see every digit. Nobody in between ever holds it."
						)
					}
				/>
			)}
			{trouble && <TroubleNote trouble={trouble} className="mt-4" />}
		</Section>
	);
}

/** `narrow`: in a place of its own, where the steps stand above what follows from them. */
export function VerifyPanel({ answer, narrow = false }: { readonly answer: Receipted; readonly narrow?: boolean }): ReactElement {
	const { file, state } = answer;
	const [judgement, setJudgement] = useState<Judgement>();
	const check = useMutation({
		mutationFn: async () => {
			const trust = pinnedCheckpoint(file.chainId);
			if (trust === undefined) throw new Error("This browser trusts no beginning of that network yet.");
			const { judgeFile } = await import("./judge.js");
			return judgeFile(file, trust);
		},
		onSuccess: setJudgement,
	});
	const { mutate } = check;
	const asked = judgement !== undefined;
	// biome-ignore lint/correctness/useExhaustiveDependencies: a more complete file is checked again, once the person has asked for a check.
	useEffect(() => {
		if (asked) mutate();
	}, [file]);
	const failed = judgement?.verdict.outcome === "forged";
	return (
		<Section
			title="Check it yourself"
			aside={
				judgement && (
					<span>
						{judgement.steps.filter(({ result }) => result === "holds").length} of {judgement.steps.length} steps hold · checked in this tab in{" "}
						{Math.max(1, Math.round(judgement.tookMs))} ms
					</span>
				)
			}
		>
			<div className={cx("grid grid-cols-1 items-start gap-6", !narrow && "lg:grid-cols-[minmax(0,6fr)_minmax(0,5fr)]")}>
				{judgement === undefined ? (
					<div className="flex flex-col items-start gap-3">
						<p className="max-w-prose text-soft">
							You need not believe this page, the gateway or the machine. The receipt carries signatures and proofs; your browser can check every step by
							itself.
						</p>
						<Button kind="solid" icon="verify" busy={check.isPending && "Checking"} onClick={() => mutate()}>
							Verify
						</Button>
						{check.isError && <TroubleNote trouble={troubleOf(check.error, "Checking")} />}
					</div>
				) : (
					<>
						<div className="card px-4 py-1.5">
							<Steps key={state} steps={judgement.steps} stagger />
						</div>
						<div className="flex flex-col gap-4" aria-live="polite">
							<p className="flex flex-wrap items-center gap-2">
								<Tag tone={failed ? "bad" : judgement.verdict.outcome === "meets" ? "good" : "warn"}>{OUTCOMES[judgement.verdict.outcome]}</Tag>
								{state === "signed" && <span className="text-fine text-soft">The rest is checked when the chain has it.</span>}
								{judgement.verdict.kinds.length > 0 && <span className="text-fine text-soft">Evidence that holds: {judgement.verdict.kinds.join(", ")}</span>}
							</p>
							<Known title="What is known" sentences={judgement.verdict.known} />
							<Known title="What is not known" sentences={judgement.verdict.notKnown} />
							<More summary="The receipt in exact terms">
								<ul className="flex flex-col gap-1 text-small">
									<li>
										Call <Hash value={file.order.callId} label="call id" />
									</li>
									<li>
										Release <Hash value={file.order.release} label="release id" />
									</li>
									<li>
										Node <Hash value={file.order.node} label="node" />
									</li>
									<li>
										Gateway <Hash value={file.order.gateway} label="gateway" />
									</li>
									<li>
										Charge <Amount value={file.receipt.charge} />
									</li>
								</ul>
							</More>
						</div>
					</>
				)}
			</div>
		</Section>
	);
}

const OUTCOMES = {
	meets: "Genuine, and recorded on the chain",
	forged: "Not genuine",
	missingEvidence: "Genuine; evidence is missing",
	unanchored: "Genuine so far; not on the chain yet",
} as const;

export function Known({ title, sentences }: { readonly title: string; readonly sentences: readonly string[] }): ReactElement | null {
	if (sentences.length === 0) return null;
	return (
		<div>
			<h3 className="mb-1.5 text-small font-semibold">{title}</h3>
			<ul className="flex flex-col gap-1.5 text-small">
				{sentences.map((sentence) => (
					<li key={sentence} className="border-l-2 border-line pl-3">
						<Sentence text={sentence} />
					</li>
				))}
			</ul>
		</div>
	);
}
