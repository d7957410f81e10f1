/** From a file to property: looked at here, priced, previewed, uploaded, minted. After a failure the same button goes on where it stopped. */
import type { QuoteBody } from "@freehold/protocol";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type ReactElement, useEffect, useRef, useState } from "react";
import { addressOf, useSession } from "../../account/session.js";
import { callUnits, perUnit } from "../../asking/call-units.js";
import { Button } from "../../design/button.js";
import { FileDrop } from "../../design/file-drop.js";
import { RoomHead, Section } from "../../design/parts.js";
import { Note, Progress, TroubleNote } from "../../design/states.js";
import { bytes } from "../../format/amount.js";
import { warmUp } from "../../network/freehold.js";
import { modelsQuery, quoteQuery } from "../../network/queries.js";
import { checkDraft } from "./check-draft.js";
import { Done } from "./done.js";
import { type Draft, dropUnfinished, emptyDraft, keepDraft, readDraft, readUnfinished } from "./draft.js";
import { Findings } from "./findings.js";
import { type Inspected, inspectFile } from "./inspect-file.js";
import { NameFields } from "./name-fields.js";
import { Parents } from "./parents.js";
import { Preview } from "./preview.js";
import { PriceFields } from "./price-fields.js";
import { ProgressCard } from "./progress-card.js";
import { usePublication } from "./use-publication.js";

/** A question as people ask them, for the preview of what a language model earns. */
const SAMPLE_TOKENS = { input: 200, output: 100 } as const;
/** What is asked for a token where the person has said nothing yet. */
const TOKEN_PRICES = { price: "0", inputPrice: "0.0001", outputPrice: "0.0004" } as const;
const route = getRouteApi("/publish");

export function Publish(): ReactElement {
	// A next release of a model that is here already, or what was being written.
	const { name, version } = route.useSearch();
	const [draft, setDraft] = useState<Draft>(() => (name === undefined ? readDraft() : { ...emptyDraft, name, version: version ?? emptyDraft.version }));
	const [file, setFile] = useState<Inspected>();
	const [fault, setFault] = useState<string>();
	const [unfinished, setUnfinished] = useState(readUnfinished);
	const session = useSession();
	const publication = usePublication();
	const { work, reset } = publication;
	const checked = checkDraft(draft);
	const set = (part: Partial<Draft>): void => setDraft((before) => ({ ...before, ...part }));
	useEffect(() => keepDraft(draft), [draft]);
	useEffect(warmUp, []);

	const anyModel = useInfiniteQuery(modelsQuery({ sort: "newest" }, 20)).data?.pages[0]?.models.find(({ latest }) => latest !== undefined)?.model;
	const quote = useQuery({ ...quoteQuery(anyModel ?? ""), enabled: anyModel !== undefined });
	const looking = useRef<AbortController>(undefined);
	const [hashed, setHashed] = useState<{ readonly name: string; readonly done: number; readonly total: number }>();
	useEffect(() => () => looking.current?.abort(), []);
	const take = async (chosen: File): Promise<void> => {
		looking.current?.abort();
		const controller = new AbortController();
		looking.current = controller;
		setFault(undefined);
		setFile(undefined);
		reset();
		const progress = (done: number): void => {
			if (!controller.signal.aborted) setHashed({ name: chosen.name, done, total: chosen.size });
		};
		try {
			const inspected = await inspectFile(chosen, progress, controller.signal);
			setFile(inspected);
			if (inspected.format === "gguf") setDraft((before) => (isUnpriced(before) ? { ...before, ...TOKEN_PRICES } : before));
		} catch (error) {
			// Another file was chosen meanwhile.
			if (controller.signal.aborted) return;
			setFault(error instanceof Error ? error.message : String(error));
		} finally {
			if (!controller.signal.aborted) setHashed(undefined);
		}
	};
	if (work.isSuccess)
		return (
			<Done
				published={work.data}
				again={() => {
					reset();
					setFile(undefined);
					setUnfinished(undefined);
					setDraft(emptyDraft);
				}}
			/>
		);
	const complete = file !== undefined && draft.name !== "" && Object.keys(checked.faults).length === 0;
	const units = file && (file.format === "gguf" ? SAMPLE_TOKENS : callUnits(file.facts));
	const unit = file?.format === "gguf" ? "token" : "number";
	const { price } = checked;
	return (
		<>
			<RoomHead title="Publish a model">A file becomes property: yours, with a price that anybody can pay and nobody can take from you.</RoomHead>
			<FileDrop
				label="Model file"
				invitation={file === undefined ? "Drop an ONNX or GGUF file here" : file.fileName}
				action={file === undefined ? "Choose a file" : "Choose another"}
				icon="models"
				accept=".onnx,.gguf"
				small={file !== undefined}
				disabled={work.isPending}
				onFile={(chosen) => void take(chosen)}
			/>
			{file === undefined && unfinished && (
				<Note tone="warn" className="mt-4">
					<div className="flex flex-wrap items-center gap-x-4 gap-y-2">
						<p className="flex-1 basis-72">
							Publishing <strong>{unfinished.fileName}</strong> ({bytes(unfinished.bytes)}) was interrupted. Choose the same file and publish again: what
							arrived is kept for a day, and only the rest is sent.
						</p>
						<Button
							small
							kind="quiet"
							onClick={() => {
								dropUnfinished();
								setUnfinished(undefined);
							}}
						>
							Forget it
						</Button>
					</div>
				</Note>
			)}
			{hashed && (
				<div className="mt-4 max-w-xl" role="status">
					<Progress label={`Looking through ${hashed.name}`} done={hashed.done} total={hashed.total} />
				</div>
			)}
			{fault && <TroubleNote className="mt-4" trouble={{ title: "This file cannot be published", detail: fault, retryable: false }} />}
			{file && <Findings file={file} />}
			<fieldset disabled={work.isPending} className="contents">
				<Section title="Name">
					<NameFields draft={draft} faults={checked.faults} set={set} />
				</Section>
				<Section title="Where it comes from" aside="Releases that it was made from get a share of what it earns">
					<Parents draft={draft} set={set} fault={checked.faults.parents} />
				</Section>
				<Section title="Price">
					<PriceFields key={unit} draft={draft} faults={checked.faults} set={set} unit={unit} />
				</Section>
			</fieldset>
			{price !== undefined && checked.faults.parents === undefined && (
				<Section title="Who gets what of one call">
					{perUnit(price) && units === undefined ? (
						<p className="text-small text-soft">
							{file === undefined
								? "Choose the file first: the price depends on how many numbers go in and come out."
								: "This depends on the size of each call."}
						</p>
					) : (
						<Preview
							name={draft.name}
							owner={addressOf(session)}
							price={price}
							units={units}
							unit={unit}
							parents={checked.parents.map(({ release, bps }) => ({ release, bps: bps ?? 0 }))}
							fees={feesOf(quote.data)}
						/>
					)}
				</Section>
			)}
			<div className="mt-10 border-t border-line pt-6">
				<ProgressCard publication={publication} />
				<div className="flex flex-wrap items-center gap-4">
					<Button
						kind="solid"
						icon="publish"
						disabled={!complete}
						busy={work.isPending && "Publishing"}
						onClick={() => file && work.mutate({ draft, checked, file })}
					>
						{work.isError ? "Continue" : "Publish"}
					</Button>
					{!complete && (
						<p className="text-small text-soft">
							{file === undefined ? "Choose a file first." : draft.name === "" ? "Give it a name." : "Something above is not right yet."}
						</p>
					)}
				</div>
			</div>
		</>
	);
}

function isUnpriced({ price, inputPrice, outputPrice }: Draft): boolean {
	return price === emptyDraft.price && inputPrice === emptyDraft.inputPrice && outputPrice === emptyDraft.outputPrice;
}

function feesOf(quote: QuoteBody | undefined) {
	return quote && { nodeFee: BigInt(quote.nodeFee), gatewayFee: BigInt(quote.gatewayFee), protocolFeeBps: quote.protocolFeeBps, gateway: quote.gateway };
}
