/** The first room: ask a model, see who is paid, check it; below, what the network does right now. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, type ReactElement, Suspense, useEffect, useRef, useState } from "react";
import { rankingOf } from "../../asking/outputs.js";
import { RankingBars } from "../../asking/ranking-bars.js";
import { useAsk } from "../../asking/use-ask.js";
import { Button, buttonClass } from "../../design/button.js";
import { DigitPad } from "../../design/digit-pad.js";
import { More } from "../../design/parts.js";
import { Empty, Skeleton, TroubleNote } from "../../design/states.js";
import { Amount } from "../../design/values.js";
import { warmUp } from "../../network/freehold.js";
import { quoteQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { saveReceipt } from "../../receipt/save.js";
import { Activity } from "./activity.js";
import { examples } from "./examples.js";

const panels = () => import("../../receipt/receipt-panel.js");
const PaymentPanel = lazy(() => panels().then(({ PaymentPanel }) => ({ default: PaymentPanel })));
const VerifyPanel = lazy(() => panels().then(({ VerifyPanel }) => ({ default: VerifyPanel })));

const MODEL = "plus/digits";
const SIDE = 8;
const INK = 16;
const PAPER: readonly number[] = Array.from({ length: SIDE * SIDE }, () => 0);

export function Home(): ReactElement {
	const [pixels, setPixels] = useState(PAPER);
	const [example, setExample] = useState(0);
	const quote = useQuery(quoteQuery(MODEL));
	const { asking, answer, ask, clear } = useAsk(MODEL);
	const result = useRef<HTMLDivElement>(null);
	const blank = pixels.every((value) => value === 0);
	const callId = answer?.inference.callId;
	useEffect(() => {
		if (callId !== undefined && innerWidth < 1024) result.current?.scrollIntoView({ behavior: "smooth", block: "start" });
	}, [callId]);

	const missing = quote.isError && "code" in quote.error && quote.error.code === "model.notFound";
	return (
		<>
			<section className="grid grid-cols-1 items-start gap-x-14 gap-y-8 lg:grid-cols-[minmax(0,1fr)_21rem]" aria-label="Ask a model">
				<div ref={result} className="scroll-mt-20" aria-live="polite">
					{answer ? <Answer key={callId} answer={answer} /> : <Invitation />}
				</div>
				<div className="w-full max-w-[21rem] justify-self-center lg:max-w-none">
					<div className="mb-2 flex items-baseline justify-between gap-3">
						<h2 className="text-small font-semibold">Draw a digit</h2>
						<Link to="/models/$namespace/$name" params={{ namespace: "plus", name: "digits" }} className="font-mono text-fine text-soft hover:text-ink">
							{MODEL}
						</Link>
					</div>
					<DigitPad
						side={SIDE}
						most={INK}
						pixels={pixels}
						label="A digit from 0 to 9"
						onChange={(next) => {
							setPixels(next);
							warmUp();
						}}
						disabled={asking.phase === "asking"}
					/>
					<div className="mt-3 grid grid-cols-2 gap-2">
						<Button
							kind="outline"
							small
							icon="pen"
							disabled={asking.phase === "asking"}
							onClick={() => {
								setPixels(examples[example % examples.length] ?? PAPER);
								setExample(example + 1);
								warmUp();
							}}
						>
							Draw one for me
						</Button>
						<Button
							kind="quiet"
							small
							disabled={blank || asking.phase === "asking"}
							onClick={() => {
								setPixels(PAPER);
								clear();
							}}
						>
							Clear
						</Button>
						<Button
							kind="solid"
							className="col-span-2"
							disabled={blank || missing}
							busy={asking.phase === "asking" && "Asking, paying, checking"}
							onClick={() => ask({ pixels: [[...pixels]] })}
						>
							{quote.data?.charge === undefined ? (
								"Ask"
							) : (
								<>
									Ask for <Amount value={quote.data.charge} />
								</>
							)}
						</Button>
					</div>
					{asking.phase === "failed" && (
						<TroubleNote className="mt-3" trouble={asking.trouble} retry={blank ? undefined : () => ask({ pixels: [[...pixels]] })} />
					)}
					{quote.isError && !missing && asking.phase !== "failed" && (
						<TroubleNote className="mt-3" trouble={troubleOf(quote.error, "Asking for the price")} retry={() => void quote.refetch()} />
					)}
					{missing && (
						<div className="mt-3">
							<Empty
								title="This network has no digit reader"
								action={
									<Link to="/models" className={buttonClass("outline", true)}>
										See its models
									</Link>
								}
							/>
						</div>
					)}
				</div>
			</section>
			{answer && (
				<Suspense
					fallback={
						<div className="mt-10">
							<Skeleton lines={5} />
						</div>
					}
				>
					<PaymentPanel answer={answer} />
					<VerifyPanel key={callId} answer={answer} />
				</Suspense>
			)}
			<Activity />
		</>
	);
}

function Invitation(): ReactElement {
	return (
		<div className="lg:py-5">
			<h1 className="max-w-[15ch] text-hero font-bold">Models are property. Ask one.</h1>
			<p className="mt-4 max-w-[46ch] text-lead max-lg:text-base lg:mt-5 text-soft">
				Draw a digit. A model that somebody owns reads it, and the payment divides at once among the people it was built on. Then check all of it yourself,
				here.
			</p>
			<ol className="mt-8 grid max-w-2xl max-lg:hidden gap-x-8 gap-y-5 sm:grid-cols-3">
				{STEPS.map(([title, text]) => (
					<li key={title} className="border-t-2 border-ink pt-2.5">
						<h2 className="text-base font-semibold">{title}</h2>
						<p className="mt-1 text-small text-soft">{text}</p>
					</li>
				))}
			</ol>
		</div>
	);
}

const STEPS = [
	["Ask", "One signature a call. No subscription, nobody's permission."],
	["See who is paid", "Owner, ancestors, machine: each gets their part, exact to the last unit."],
	["Check", "Signatures and proofs, judged by your own browser. No trust in the network."],
] as const;

function Answer({ answer }: { readonly answer: import("../../asking/use-ask.js").Answered }): ReactElement {
	const { inference, tookMs, file } = answer;
	const ranking = rankingOf(inference.tensors);
	return (
		<div data-answer className="rise">
			<p className="text-small font-semibold text-soft">{MODEL} says</p>
			<div className="mt-1 flex flex-wrap items-center gap-x-12 gap-y-5">
				<p className="font-display text-[clamp(7rem,5rem+9vw,12rem)] leading-[0.82] font-bold tracking-tighter" data-testid="answer">
					{ranking?.best ?? "?"}
				</p>
				{ranking && (
					<div className="min-w-56 flex-1 basis-56">
						<RankingBars ranking={ranking} />
					</div>
				)}
			</div>
			<p className="mt-6 flex flex-wrap items-center gap-x-2 text-small text-soft">
				Paid <Amount value={inference.charge} className="font-semibold text-ink" />
				<span data-exact={`${tookMs.toFixed(1)} milliseconds, from price to checked answer`}>in {(tookMs / 1000).toFixed(2)} s</span>
				{inference.deposited > 0n && (
					<>
						from a channel that was opened with <Amount value={inference.deposited} />
					</>
				)}
			</p>
			<div className="mt-3 flex flex-wrap items-center gap-2">
				<Button small icon="download" onClick={() => saveReceipt(file)}>
					Keep the receipt
				</Button>
				<span className="text-fine text-soft">
					{answer.state === "final" ? "Complete: it proves itself anywhere, for ever." : "Signed. It is complete when the chain has it."}
				</span>
			</div>
			<div className="mt-3">
				<More summary="The answer in exact terms">
					<pre role="region" className="max-h-56 overflow-auto rounded-lg bg-sunken p-3 font-mono text-fine" tabIndex={0} aria-label="Outputs as JSON">
						{JSON.stringify(inference.outputs, null, 2)}
					</pre>
				</More>
			</div>
		</div>
	);
}
