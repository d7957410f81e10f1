/** From a file to property: looked at here, priced, previewed, uploaded, minted. After a failure the same button goes on where it stopped. */
import { formatShape, inspectOnnx, limits, type OnnxModel, type QuoteBody, toHex } from "@freehold/protocol";
import type { Published } from "@freehold/sdk";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactElement, useEffect, useState } from "react";
import { addressOf, useSession } from "../../account/session.js";
import { requireAccount } from "../../account/starting.js";
import { Button, buttonClass } from "../../design/button.js";
import { type Step, Steps } from "../../design/checks.js";
import { TextArea, TextField } from "../../design/field.js";
import { FileDrop } from "../../design/file-drop.js";
import { Facts, More, RoomHead, Section } from "../../design/parts.js";
import { Note, Progress, TroubleNote } from "../../design/states.js";
import { Amount, Hash } from "../../design/values.js";
import { bytes, groups } from "../../format/amount.js";
import { freeholdOf, warmUp } from "../../network/freehold.js";
import { modelsQuery, networkQuery, quoteQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { onUpload } from "../../network/upload-fetch.js";
import { checkDraft } from "./check-draft.js";
import { type Draft, dropDraft, emptyDraft, keepDraft, readDraft } from "./draft.js";
import { Preview } from "./preview.js";

interface Inspected {
	readonly fileName: string;
	readonly bytes: Uint8Array<ArrayBuffer>;
	readonly sha256: string;
	readonly onnx: OnnxModel;
}

/** Files larger than this are for the command line: a tab would have to hold them whole. */
const MOST_BYTES = Math.min(limits.blobBytes, 1024 ** 3);
type Stage = "checking" | "uploading" | "sending" | "waiting";
const STAGES: readonly (readonly [Stage, string])[] = [
	["checking", "Checked against the registry's rules"],
	["uploading", "Files stored"],
	["sending", "Minted: the chain records it as yours"],
	["waiting", "Can be asked"],
];

export function Publish(): ReactElement {
	const [draft, setDraft] = useState<Draft>(readDraft);
	const [file, setFile] = useState<Inspected>();
	const [fault, setFault] = useState<string>();
	const [stage, setStage] = useState<Stage>();
	const [sent, setSent] = useState({ done: 0, total: 0 });
	const client = useQueryClient();
	const session = useSession();
	const checked = checkDraft(draft);
	const set = (part: Partial<Draft>): void => setDraft((before) => ({ ...before, ...part }));
	useEffect(() => keepDraft(draft), [draft]);
	useEffect(warmUp, []);

	const anyModel = useInfiniteQuery(modelsQuery({ sort: "newest" }, 20)).data?.pages[0]?.models.find(({ latest }) => latest !== undefined)?.model;
	const quote = useQuery({ ...quoteQuery(anyModel ?? ""), enabled: anyModel !== undefined });
	const publish = useMutation({
		mutationFn: async (): Promise<Published> => {
			if (file === undefined || checked.perCall === undefined) throw new Error("The form is not complete.");
			await requireAccount();
			const freehold = await freeholdOf(await client.ensureQueryData(networkQuery));
			let base = 0;
			const stop = onUpload((bytesSent) => setSent((before) => ({ ...before, done: base + bytesSent })));
			try {
				return await freehold.publish({
					name: draft.name,
					version: draft.version,
					model: file.bytes,
					price: { perCall: checked.perCall },
					licence: draft.licence.trim(),
					parents: checked.parents.map(({ release, bps }) => ({ release, bps: bps ?? 0 })),
					terms: { leastBps: checked.leastBps ?? 0 },
					...(draft.title.trim() === "" ? {} : { title: draft.title.trim() }),
					...(draft.task.trim() === "" ? {} : { task: draft.task.trim() }),
					...(draft.card.trim() === "" ? {} : { card: draft.card }),
					tags: draft.tags.split(/[\s,]+/).filter((tag) => tag !== ""),
					progress: (progress) => {
						setStage(progress.step);
						if (progress.step !== "uploading") return;
						base = progress.doneBytes;
						setSent({ done: progress.doneBytes, total: progress.totalBytes });
					},
				});
			} finally {
				stop();
			}
		},
		onSuccess: () => {
			dropDraft();
			void client.invalidateQueries({ queryKey: ["models"] });
			void client.invalidateQueries({ queryKey: ["balance"] });
		},
	});
	const take = async (chosen: File): Promise<void> => {
		setFault(undefined);
		publish.reset();
		setStage(undefined);
		try {
			if (chosen.size > MOST_BYTES) throw new Error(`${chosen.name} is ${bytes(chosen.size)}. Above ${bytes(MOST_BYTES)} use: npx freehold model publish`);
			const data = new Uint8Array(await chosen.arrayBuffer());
			const onnx = inspectOnnx(data);
			const sha256 = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", data)));
			setFile({ fileName: chosen.name, bytes: data, sha256, onnx });
		} catch (error) {
			setFile(undefined);
			setFault(error instanceof Error ? error.message : String(error));
		}
	};
	if (publish.isSuccess)
		return (
			<Done
				published={publish.data}
				again={() => {
					publish.reset();
					setFile(undefined);
					setStage(undefined);
					setDraft(emptyDraft);
				}}
			/>
		);
	const complete = file !== undefined && draft.name !== "" && Object.keys(checked.faults).length === 0;
	return (
		<>
			<RoomHead title="Publish a model">A file becomes property: yours, with a price that anybody can pay and nobody can take from you.</RoomHead>
			<FileDrop
				label="Model file"
				invitation={file === undefined ? "Drop an ONNX file here" : file.fileName}
				action={file === undefined ? "Choose a file" : "Choose another"}
				icon="models"
				accept=".onnx"
				small={file !== undefined}
				onFile={(chosen) => void take(chosen)}
			/>
			{fault && <TroubleNote className="mt-4" trouble={{ title: "This file cannot be published", detail: fault, retryable: false }} />}
			{file && <Findings file={file} />}
			<fieldset disabled={publish.isPending} className="contents">
				<Section title="Name">
					<div className="grid gap-4 sm:grid-cols-[minmax(0,1fr)_8rem]">
						<TextField
							label="Name"
							placeholder="you/thing"
							autoCapitalize="off"
							spellCheck={false}
							value={draft.name}
							fault={checked.faults.name}
							hint="A namespace that is free becomes yours."
							onChange={(event) => set({ name: event.target.value.trim() })}
						/>
						<TextField label="Release" value={draft.version} fault={checked.faults.version} onChange={(event) => set({ version: event.target.value.trim() })} />
						<TextField
							label="Title"
							placeholder="What it does, in a few words"
							maxLength={120}
							value={draft.title}
							onChange={(event) => set({ title: event.target.value })}
						/>
						<TextField label="Licence" value={draft.licence} fault={checked.faults.licence} onChange={(event) => set({ licence: event.target.value })} />
					</div>
					<div className="mt-3">
						<More summary="Task, tags and card" open={draft.card !== "" || draft.tags !== ""}>
							<div className="grid gap-4 sm:grid-cols-2">
								<TextField label="Task" placeholder="image-classification" value={draft.task} onChange={(event) => set({ task: event.target.value })} />
								<TextField label="Tags" placeholder="digits small" value={draft.tags} onChange={(event) => set({ tags: event.target.value })} />
								<div className="sm:col-span-2">
									<TextArea
										label="Card"
										hint="Markdown: what it was made from, how good it is, what it is not for."
										value={draft.card}
										fault={checked.faults.card}
										onChange={(event) => set({ card: event.target.value })}
									/>
								</div>
							</div>
						</More>
					</div>
				</Section>
				<Section title="Where it comes from" aside="Releases that it was made from get a share of what it earns">
					<Parents draft={draft} set={set} fault={checked.faults.parents} />
				</Section>
				<Section title="Price">
					<div className="grid max-w-xl gap-4 sm:grid-cols-2">
						<TextField
							label="Your price for a call"
							unit="OPG"
							inputMode="decimal"
							value={draft.price}
							fault={checked.faults.price}
							onChange={(event) => set({ price: event.target.value })}
						/>
						<TextField
							label="Least share from descendants"
							unit="%"
							inputMode="decimal"
							value={draft.leastShare}
							fault={checked.faults.leastShare}
							hint="Of what is made from yours"
							onChange={(event) => set({ leastShare: event.target.value })}
						/>
					</div>
				</Section>
			</fieldset>
			{checked.perCall !== undefined && checked.perCall > 0n && checked.faults.parents === undefined && (
				<Section title="Who gets what of one call">
					<Preview
						name={draft.name}
						owner={addressOf(session)}
						perCall={checked.perCall}
						parents={checked.parents.map(({ release, bps }) => ({ release, bps: bps ?? 0 }))}
						fees={feesOf(quote.data)}
					/>
				</Section>
			)}
			<div className="mt-10 border-t border-line pt-6">
				{stage !== undefined && (
					<div className="card mb-4 max-w-xl px-4 py-1.5" aria-live="polite">
						<Steps steps={stageSteps(stage, publish.isError)} />
						{stage === "uploading" && publish.isPending && (
							<div className="pb-3">
								<Progress label={`${bytes(sent.done)} of ${bytes(sent.total)}`} done={sent.done} total={sent.total} />
							</div>
						)}
					</div>
				)}
				{publish.isError && (
					<TroubleNote
						className="mb-4 max-w-xl"
						trouble={{
							...troubleOf(publish.error, "Publishing"),
							...(stage === undefined || stage === "checking"
								? {}
								: { detail: `${troubleOf(publish.error, "").detail} What is done stays done; continuing sends only the rest.` }),
						}}
					/>
				)}
				<div className="flex flex-wrap items-center gap-4">
					<Button kind="solid" icon="publish" disabled={!complete} busy={publish.isPending && "Publishing"} onClick={() => publish.mutate()}>
						{publish.isError ? "Continue" : "Publish"}
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

function feesOf(quote: QuoteBody | undefined) {
	return quote && { nodeFee: BigInt(quote.nodeFee), gatewayFee: BigInt(quote.gatewayFee), protocolFeeBps: quote.protocolFeeBps, gateway: quote.gateway };
}

function stageSteps(stage: Stage, failed: boolean): readonly Step[] {
	const at = STAGES.findIndex(([id]) => id === stage);
	return STAGES.map(([id, title], index) => ({ id, title, result: index < at ? "holds" : index === at && failed ? "fails" : "waiting" }));
}

function Findings({ file: { onnx, sha256, bytes: data } }: { readonly file: Inspected }): ReactElement {
	return (
		<div className="rise mt-4 grid grid-cols-1 items-start gap-x-10 md:grid-cols-2" data-testid="findings">
			<Facts
				rows={[
					[
						"Size",
						<span key="s" data-exact={`${data.length} bytes`}>
							{bytes(data.length)}
						</span>,
					],
					["SHA-256", <Hash key="h" value={sha256} label="SHA-256" />],
					["Parameters", groups(onnx.parameters)],
					["Made by", `${onnx.producer.name || "unknown"} ${onnx.producer.version}`],
				]}
			/>
			<Facts
				rows={[
					...onnx.inputs.map(
						({ name, dtype, shape }) =>
							[
								`Takes ${name}`,
								<code key={name} className="font-mono text-fine">
									{dtype} {formatShape(shape)}
								</code>,
							] as const,
					),
					...onnx.outputs.map(
						({ name, dtype, shape }) =>
							[
								`Gives ${name}`,
								<code key={name} className="font-mono text-fine">
									{dtype} {formatShape(shape)}
								</code>,
							] as const,
					),
				]}
			/>
			{onnx.random && (
				<Note tone="warn" className="mt-3 md:col-span-2">
					It draws random numbers, so two runs may differ. It can be asked, and never bit-exact.
				</Note>
			)}
		</div>
	);
}

function Parents({
	draft,
	set,
	fault,
}: {
	readonly draft: Draft;
	readonly set: (part: Partial<Draft>) => void;
	readonly fault: string | undefined;
}): ReactElement {
	const change = (index: number, part: Partial<Draft["parents"][number]>): void =>
		set({ parents: draft.parents.map((parent, other) => (other === index ? { ...parent, ...part } : parent)) });
	return (
		<div className="flex max-w-xl flex-col gap-3">
			{draft.parents.map(({ release, share }, index) => (
				// biome-ignore lint/suspicious/noArrayIndexKey: a parent that is being typed has no other identity.
				<div key={index} className="grid grid-cols-[minmax(0,1fr)_7rem_auto] items-end gap-3">
					<TextField
						label={`Parent ${index + 1}`}
						placeholder="base/digits@1.0"
						spellCheck={false}
						autoCapitalize="off"
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

function Done({ published, again }: { readonly published: Published; readonly again: () => void }): ReactElement {
	const [path = ""] = published.model.split("@");
	const [namespace = "", name = ""] = path.split("/");
	return (
		<div className="rise sheet rounded-card bg-field-wash px-6 py-12 text-center" data-testid="published">
			<h1 className="text-head font-bold">{published.model} is yours</h1>
			<p className="mx-auto mt-3 max-w-md">
				Anybody can ask it now
				{published.quote.charge !== undefined && (
					<>
						{" "}
						for <Amount value={published.quote.charge} />
					</>
				)}
				. What it earns is credited to you within one batch.
			</p>
			<p className="mt-3 flex flex-wrap justify-center gap-x-4 text-small">
				<span>
					Release <Hash value={published.release} label="release id" />
				</span>
				{published.transaction && (
					<span>
						Transaction <Hash value={published.transaction} label="transaction" />
					</span>
				)}
			</p>
			<div className="mt-6 flex flex-wrap justify-center gap-3">
				<Link to="/models/$namespace/$name" params={{ namespace, name }} className={buttonClass("solid")}>
					See it
				</Link>
				<Button onClick={again}>Publish another</Button>
			</div>
		</div>
	);
}
