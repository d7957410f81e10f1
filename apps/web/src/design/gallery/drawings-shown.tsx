/** Payments as fields, days as bars, and the pad. */
import { lazy, type ReactElement, Suspense, useState } from "react";
import { shortOpg } from "../../format/amount.js";
import { DigitPad } from "../digit-pad.js";
import { Section } from "../parts.js";
import { Plot, type PlotPart } from "../plot.js";

const DayChart = lazy(() => import("../day-chart.js").then(({ DayChart }) => ({ default: DayChart })));

const UNIT = 10n ** 18n;
const PARTS: readonly PlotPart[] = [
	{ id: "a", label: "plus/digits@1.0", short: "plus/digits", why: "its owner", amount: (85n * UNIT) / 100n, hue: 0 },
	{ id: "b", label: "base/digits@1.0", short: "base", why: "an ancestor", amount: UNIT / 10n, hue: 1 },
	{ id: "c", label: "data/strokes@2.1", short: "data", why: "an ancestor", amount: UNIT / 20n, hue: 2 },
	{ id: "d", label: "The machine that ran it", short: "machine", why: "node", amount: UNIT / 20n, hue: 5 },
	{ id: "e", label: "The gateway", short: "gateway", why: "gateway", amount: (3n * UNIT) / 100n, hue: "stone" },
];
const TOTAL = PARTS.reduce((sum, { amount }) => sum + amount, 0n);
const DAYS = [3, 0, 5, 8, 2, 9, 4].map((value, index) => ({ day: `2026-11-2${index}`, value, exact: `${value}.00 OPG` }));
const opg = (value: number): string => shortOpg(BigInt(Math.round(value)) * UNIT);
const DRAWN: readonly number[] = Array.from({ length: 64 }, (_, index) => (index % 9 === 0 ? 16 : index % 7 === 0 ? 6 : 0));

export function DrawingsShown(): ReactElement {
	const [pixels, setPixels] = useState(DRAWN);
	return (
		<>
			<Section title="A payment, divided">
				<Plot total={TOTAL} parts={PARTS} foot="Each amount is exact; hover or tap to see every digit." />
			</Section>
			<Section title="A payment that the chain has not seen yet">
				<Plot total={TOTAL} parts={PARTS} pending />
			</Section>
			<Section title="Days">
				<div className="card max-w-2xl p-3">
					<Suspense fallback={<div className="h-[190px]" />}>
						<DayChart days={DAYS} label="A week of made-up earnings" format={opg} />
					</Suspense>
				</div>
			</Section>
			<Section title="Drawing pad" aside="With mouse, finger or keyboard">
				<div className="flex flex-wrap items-start gap-8">
					<div className="w-56">
						<DigitPad side={8} most={16} pixels={pixels} onChange={setPixels} label="A drawing" />
					</div>
					<div className="w-56 opacity-80">
						<DigitPad side={8} most={16} pixels={pixels} onChange={() => undefined} label="A drawing that waits" disabled />
					</div>
				</div>
			</Section>
		</>
	);
}
