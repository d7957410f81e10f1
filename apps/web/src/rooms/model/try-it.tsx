/** Asking a model from its page, in the way that its inputs suggest; every answer with its receipt. */
import type { JsonTensor, TensorSpec } from "@freehold/protocol";
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactElement, Suspense, useState } from "react";
import { callUnits, chargeFor } from "../../asking/call-units.js";
import { rankingOf } from "../../asking/outputs.js";
import { RankingBars } from "../../asking/ranking-bars.js";
import { type Answered, useAsk } from "../../asking/use-ask.js";
import { Button } from "../../design/button.js";
import { DigitPad } from "../../design/digit-pad.js";
import { TextArea, TextField } from "../../design/field.js";
import { Segments } from "../../design/segments.js";
import { Skeleton, TroubleNote } from "../../design/states.js";
import { Amount } from "../../design/values.js";
import { warmUp } from "../../network/freehold.js";
import { quoteQuery } from "../../network/queries.js";
import { saveReceipt } from "../../receipt/save.js";
import { asTensor, type InputKind, inputKinds, rowWidth, sampleJson } from "./input-kinds.js";
import { PriceWords } from "./price-words.js";

const panels = () => import("../../receipt/receipt-panel.js");
const PaymentPanel = lazy(() => panels().then(({ PaymentPanel }) => ({ default: PaymentPanel })));
const VerifyPanel = lazy(() => panels().then(({ VerifyPanel }) => ({ default: VerifyPanel })));

const LABELS: Readonly<Record<InputKind, string>> = { pad: "Draw", form: "Numbers", json: "JSON" };

interface Prepared {
	readonly inputs: Readonly<Record<string, JsonTensor>> | undefined;
	readonly fault: string | undefined;
}

export function TryIt({
	model,
	inputs,
	outputs,
}: {
	readonly model: string;
	readonly inputs: readonly TensorSpec[];
	readonly outputs: readonly TensorSpec[];
}): ReactElement {
	const kinds = inputKinds(inputs);
	const [kind, setKind] = useState<InputKind>(kinds[0] ?? "json");
	const [prepared, setPrepared] = useState<Prepared>({ inputs: undefined, fault: undefined });
	const { asking, answer, ask } = useAsk(model);
	const quote = useQuery(quoteQuery(model));
	// One row is asked by drawing or by the form; JSON may carry any number.
	const charge = quote.data && chargeFor(quote.data, kind === "json" ? undefined : callUnits({ inputs, outputs }));
	return (
		<>
			<div className="grid grid-cols-1 items-start gap-x-10 gap-y-6 md:grid-cols-[minmax(0,21rem)_minmax(0,1fr)]">
				<div>
					{kinds.length > 1 && (
						<div className="mb-3">
							<Segments
								label="How to ask"
								options={kinds.map((option) => [option, LABELS[option]] as const)}
								value={kind}
								onChange={(option) => {
									setKind(option);
									setPrepared({ inputs: undefined, fault: undefined });
								}}
							/>
						</div>
					)}
					<Editor key={kind} kind={kind} inputs={inputs} onChange={setPrepared} />
					<Button
						kind="solid"
						className="mt-3 w-full"
						disabled={prepared.inputs === undefined}
						busy={asking.phase === "asking" && "Asking, paying, checking"}
						onPointerEnter={warmUp}
						onClick={() => prepared.inputs && ask(prepared.inputs)}
					>
						{charge === undefined ? (
							"Ask"
						) : (
							<>
								Ask for <Amount value={charge} />
							</>
						)}
					</Button>
					{quote.data && (
						<p className="mt-2 text-fine text-soft">
							Owner <PriceWords price={quote.data.owner} />, machine <Amount value={quote.data.nodeFee} />, gateway <Amount value={quote.data.gatewayFee} />
						</p>
					)}
				</div>
				<div aria-live="polite" className="min-w-0">
					{asking.phase === "failed" && <TroubleNote trouble={asking.trouble} className="mb-4" />}
					{answer ? (
						<Outcome key={answer.inference.callId} answer={answer} />
					) : (
						<p className="text-small text-soft">The answer appears here, with who was paid for it and a receipt that anybody can check.</p>
					)}
				</div>
			</div>
			{answer && (
				<Suspense fallback={<Skeleton lines={5} />}>
					<PaymentPanel answer={answer} />
					<VerifyPanel key={answer.inference.callId} answer={answer} />
				</Suspense>
			)}
		</>
	);
}

function Outcome({ answer }: { readonly answer: Answered }): ReactElement {
	const { inference, file } = answer;
	const ranking = rankingOf(inference.tensors);
	return (
		<div className="rise" data-answer>
			{ranking && (
				<div className="mb-4 flex flex-wrap items-center gap-x-8 gap-y-3">
					<p className="font-display text-[5.5rem] leading-none font-bold tracking-tighter" data-testid="answer">
						{ranking.best}
					</p>
					<div className="min-w-52 flex-1">
						<RankingBars ranking={ranking} />
					</div>
				</div>
			)}
			<pre role="region" tabIndex={0} aria-label="Outputs as JSON" className="max-h-44 overflow-auto rounded-lg bg-sunken p-3 font-mono text-fine">
				{JSON.stringify(inference.outputs)}
			</pre>
			<p className="mt-3 flex flex-wrap items-center gap-3 text-small">
				Paid <Amount value={inference.charge} className="font-semibold" />
				<Button small icon="download" onClick={() => saveReceipt(file)}>
					Keep the receipt
				</Button>
			</p>
		</div>
	);
}

function Editor({
	kind,
	inputs,
	onChange,
}: {
	readonly kind: InputKind;
	readonly inputs: readonly TensorSpec[];
	readonly onChange: (prepared: Prepared) => void;
}): ReactElement | null {
	const [only] = inputs;
	if (kind === "json" || only === undefined) return <JsonEditor inputs={inputs} onChange={onChange} />;
	return kind === "pad" ? <PadEditor spec={only} onChange={onChange} /> : <FormEditor spec={only} onChange={onChange} />;
}

const SIDE = 8;

function PadEditor({ spec, onChange }: { readonly spec: TensorSpec; readonly onChange: (prepared: Prepared) => void }): ReactElement {
	const [pixels, setPixels] = useState<readonly number[]>(() => Array.from({ length: SIDE * SIDE }, () => 0));
	const take = (next: readonly number[]): void => {
		setPixels(next);
		onChange({ inputs: next.some((value) => value > 0) ? { [spec.name]: asTensor(spec, next) } : undefined, fault: undefined });
	};
	return (
		<>
			<DigitPad side={SIDE} most={16} pixels={pixels} onChange={take} label={`${spec.name}: an image of 8 by 8`} />
			<Button small kind="quiet" className="mt-2" onClick={() => take(pixels.map(() => 0))}>
				Clear
			</Button>
		</>
	);
}

function FormEditor({ spec, onChange }: { readonly spec: TensorSpec; readonly onChange: (prepared: Prepared) => void }): ReactElement {
	const width = rowWidth(spec) ?? 1;
	const [texts, setTexts] = useState<readonly string[]>(() => Array.from({ length: width }, () => ""));
	const whole = !spec.dtype.startsWith("float");
	const valid = (text: string): boolean => text.trim() !== "" && Number.isFinite(Number(text)) && (!whole || Number.isInteger(Number(text)));
	const take = (next: readonly string[]): void => {
		setTexts(next);
		onChange({ inputs: next.every(valid) ? { [spec.name]: asTensor(spec, next.map(Number)) } : undefined, fault: undefined });
	};
	const missing = texts.filter((text) => !valid(text)).length;
	return (
		<fieldset>
			<legend className="mb-2 text-small text-soft">
				<code className="font-mono text-ink">{spec.name}</code>: {width} numbers. A whole row can be pasted into any field.
			</legend>
			<div className="grid max-h-80 grid-cols-2 gap-x-3 gap-y-2 overflow-y-auto p-0.5">
				{texts.map((text, index) => (
					<TextField
						// biome-ignore lint/suspicious/noArrayIndexKey: a column is its place.
						key={index}
						label={`Column ${index + 1}`}
						inputMode="decimal"
						value={text}
						fault={text !== "" && !valid(text) ? (whole ? "A whole number" : "A number") : undefined}
						onChange={(event) => take(texts.map((old, other) => (other === index ? event.target.value : old)))}
						onPaste={(event) => {
							const values = event.clipboardData
								.getData("text")
								.split(/[\s,;[\]]+/)
								.filter((part) => part !== "");
							if (values.length < 2) return;
							event.preventDefault();
							take(texts.map((old, other) => (other >= index ? (values[other - index] ?? old) : old)));
						}}
					/>
				))}
			</div>
			<p className="mt-2 text-fine text-soft" role="status">
				{missing === 0 ? "All there." : `${missing} of ${width} still to fill.`}
			</p>
		</fieldset>
	);
}

function JsonEditor({ inputs, onChange }: { readonly inputs: readonly TensorSpec[]; readonly onChange: (prepared: Prepared) => void }): ReactElement {
	const [text, setText] = useState(() => sampleJson(inputs));
	const [fault, setFault] = useState<string>();
	const take = (next: string): void => {
		setText(next);
		const parsed = parse(next);
		setFault(parsed.fault);
		onChange(parsed);
	};
	return (
		<TextArea
			label="Inputs"
			hint="Tensors by name: nested lists, or {dtype, shape, data}."
			fault={fault}
			spellCheck={false}
			value={text}
			onChange={(event) => take(event.target.value)}
			onFocus={() => take(text)}
			className="min-h-48 font-mono text-fine"
		/>
	);
}

function parse(text: string): Prepared {
	try {
		const value: unknown = JSON.parse(text);
		if (typeof value !== "object" || value === null || Array.isArray(value)) return { inputs: undefined, fault: 'This must be an object: {"name": tensor}' };
		return { inputs: value as Readonly<Record<string, JsonTensor>>, fault: undefined };
	} catch (error) {
		return { inputs: undefined, fault: error instanceof Error ? error.message : "This is no JSON" };
	}
}
