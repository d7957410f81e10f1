/** Checking a receipt file from anywhere. The file does not leave the tab, and nobody is asked. */
import { limits } from "@freehold/protocol";
import { type ReactElement, useState } from "react";
import { Steps } from "../../design/checks.js";
import { cx } from "../../design/cx.js";
import { FileDrop } from "../../design/file-drop.js";
import { Facts, More, RoomHead, Section, Tag } from "../../design/parts.js";
import { Note, TroubleNote } from "../../design/states.js";
import { Amount, Hash, Time } from "../../design/values.js";
import { bytes } from "../../format/amount.js";
import { type PinnedCheckpoint, pinnedCheckpoint, trustCheckpoint } from "../../network/network.js";
import { type Judgement, judgeText } from "../../receipt/judge.js";
import { Known } from "../../receipt/receipt-panel.js";
import { readTrust } from "./read-trust.js";
import { faultsOf, summaryOf } from "./summary.js";

interface Dropped {
	readonly name: string;
	readonly text: string;
	readonly judgement: Judgement;
}

export function Verify(): ReactElement {
	const [trust, setTrust] = useState<PinnedCheckpoint | undefined>(() => pinnedCheckpoint());
	const [dropped, setDropped] = useState<Dropped>();
	const [fault, setFault] = useState<string>();

	const take = async (file: File): Promise<void> => {
		setFault(undefined);
		if (file.size > limits.receiptFileBytes) return setFault(`${file.name} is ${bytes(file.size)}; a receipt has at most ${bytes(limits.receiptFileBytes)}.`);
		const text = await file.text();
		const found = readTrust(text);
		if (found !== undefined) {
			trustCheckpoint(found.chainId, found.checkpoint);
			const next = { ...found, seenAt: Date.now() };
			setTrust(next);
			if (dropped !== undefined) setDropped({ ...dropped, judgement: judgeText(dropped.text, next) });
			return;
		}
		if (trust === undefined) return setFault("This browser trusts no network yet. Drop its checkpoint.json or network.json first; then the receipt.");
		setDropped({ name: file.name, text, judgement: judgeText(text, trust) });
	};
	return (
		<>
			<RoomHead title="Verify a receipt">
				A receipt proves what was asked, answered and paid. Your browser checks it alone: the file stays here, and no request is made.
			</RoomHead>
			<FileDrop
				label="Receipt file"
				invitation={`Drop a ${dropped === undefined ? "" : "further "}receipt file here`}
				action="Choose a file"
				icon="file"
				accept=".json,application/json"
				small={dropped !== undefined}
				onFile={(file) => void take(file)}
			/>
			{fault && <TroubleNote className="mt-4" trouble={{ title: "This file was not checked", detail: fault, retryable: false }} />}
			<TrustLine trust={trust} />
			{dropped && trust && <Result key={dropped.text.length + dropped.name} dropped={dropped} />}
		</>
	);
}

function TrustLine({ trust }: { readonly trust: PinnedCheckpoint | undefined }): ReactElement {
	if (trust === undefined)
		return (
			<Note tone="warn" className="mt-4">
				No network is trusted here yet. Open this page at a network once, or drop its <code className="font-mono">checkpoint.json</code>.
			</Note>
		);
	const { checkpoint, chainId, seenAt } = trust;
	return (
		<div className="mt-3">
			<More summary={`Trusting ${checkpoint.kind === "sequencer" ? "one operator" : "a set of validators"} of chain ${chainId}`}>
				<Facts
					className="max-w-xl"
					rows={[
						["Signed by", <Hash key="s" value={checkpoint.kind === "sequencer" ? checkpoint.signer : checkpoint.validatorsHash} label="key" />],
						["From block", checkpoint.height.toLocaleString("en")],
						["Block hash", <Hash key="h" value={checkpoint.hash} label="block hash" />],
						["Trusted since", <Time key="t" value={seenAt} />],
					]}
				/>
				<p className="mt-2 text-fine text-soft">To trust another network, drop its checkpoint.json here.</p>
			</More>
		</div>
	);
}

const VERDICTS = {
	meets: ["Genuine.", "Every part of this file is what was signed, and the chain recorded it.", "good"],
	forged: ["Not genuine.", "Something in this file was altered, or was never signed.", "bad"],
	missingEvidence: ["Genuine.", "A kind of evidence that was required is missing.", "warn"],
	unanchored: [
		"Genuine so far.",
		"Nothing speaks against it, and it does not prove when it was made: it is not anchored, or older than what you trust.",
		"warn",
	],
} as const;

function Result({ dropped: { name, text, judgement } }: { readonly dropped: Dropped }): ReactElement {
	const { verdict, steps, tookMs } = judgement;
	const [word, sentence, tone] = VERDICTS[verdict.outcome];
	const summary = summaryOf(text);
	const faults = faultsOf(verdict.checks, text);
	return (
		<div className="rise mt-8" data-testid="verdict" data-outcome={verdict.outcome}>
			<div className={cx("rounded-card px-5 py-5 sm:px-7", tone === "good" ? "bg-field-wash" : tone === "bad" ? "bg-bad-wash" : "bg-warn-wash")} role="status">
				<p className="font-display text-head font-bold">{word}</p>
				<p className="mt-1">{sentence}</p>
				<p className="mt-2 text-fine text-soft">
					{name} · <span data-exact={`${text.length} characters`}>{bytes(text.length)}</span> · {steps.length} {steps.length === 1 ? "step" : "steps"} in{" "}
					<span data-exact={`${tookMs.toFixed(2)} milliseconds`}>{Math.max(1, Math.round(tookMs))} ms</span> · no request made
				</p>
			</div>
			{faults.map((faultFound) => (
				<div key={faultFound.step} className="mt-4 rounded-card border-2 border-bad px-5 py-4" data-testid="fault">
					<h2 className="text-lead font-semibold">Here it breaks: {faultFound.title}</h2>
					<p className="mt-1 text-small">{faultFound.reason}</p>
					{faultFound.parts.length > 0 && (
						<div className="mt-3 text-small">
							<p className="mb-1 text-soft">What this step reads, and where it stands in the file:</p>
							<ul className="flex flex-col gap-1">
								{faultFound.parts.map(({ path, from, to, excerpt }) => (
									<li key={path} className="flex flex-wrap items-baseline gap-x-3">
										<code className="font-mono font-medium">{path}</code>
										<span className="text-fine text-soft">
											{from === undefined ? "missing" : `bytes ${from.toLocaleString("en")} to ${to?.toLocaleString("en")}`}
										</span>
										{excerpt && <code className="max-w-full truncate font-mono text-fine text-soft">{excerpt}</code>}
									</li>
								))}
							</ul>
						</div>
					)}
				</div>
			))}
			<div className="grid grid-cols-1 items-start gap-x-8 lg:grid-cols-[minmax(0,6fr)_minmax(0,5fr)]">
				<Section title="Step by step">
					<div className="card px-4 py-1.5">
						<Steps steps={steps} stagger />
					</div>
				</Section>
				<div>
					{summary && (
						<Section title="What it is about">
							<Facts
								className="card px-4 py-1"
								rows={[
									["Cost", <Amount key="c" value={summary.charge} />],
									["Answered", <Time key="t" value={summary.finishedAt} />],
									["Release", <Hash key="r" value={summary.release} label="release" />],
									["Ran on", <Hash key="n" value={summary.node} label="node" />],
									["Through", <Hash key="g" value={summary.gateway} label="gateway" />],
									["Call", <Hash key="i" value={summary.callId} label="call" />],
									...(summary.outputs === undefined
										? []
										: [
												[
													"Answer",
													<span key="o" className="font-mono text-fine">
														{summary.outputs}
													</span>,
												] as const,
											]),
								]}
							/>
						</Section>
					)}
					<div className="mt-6 flex flex-col gap-5">
						{verdict.kinds.length > 0 && (
							<p className="flex flex-wrap items-center gap-2 text-small">
								Evidence that holds:{" "}
								{verdict.kinds.map((kind) => (
									<Tag key={kind} tone="good">
										{kind}
									</Tag>
								))}
							</p>
						)}
						<Known title="What is known" sentences={verdict.known} />
						<Known title="What is not known" sentences={verdict.notKnown} />
					</div>
				</div>
			</div>
		</div>
	);
}
