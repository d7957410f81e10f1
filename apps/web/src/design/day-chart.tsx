/** One value for each day, as bars; the same as a table below. */
import { type ReactElement, useEffect, useRef, useState, useSyncExternalStore } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface DayValue {
	/** `2026-11-21`. */
	readonly day: string;
	readonly value: number;
	/** Shown while a pointer is over the day, with its unit. */
	readonly exact: string;
}

/** Where a day stands in the drawing, in pixels. */
interface Place {
	readonly left: number;
	readonly width: number;
}

const HEIGHT = 190;
const DAY_S = 86_400;

export function DayChart({
	days,
	label,
	format,
}: {
	readonly days: readonly DayValue[];
	readonly label: string;
	readonly format: (value: number) => string;
}): ReactElement {
	const box = useRef<HTMLDivElement>(null);
	const [places, setPlaces] = useState<readonly Place[]>([]);
	const theme = useSyncExternalStore(onTheme, () => document.documentElement.dataset["theme"]);
	// biome-ignore lint/correctness/useExhaustiveDependencies: the canvas takes its colours from the theme, so another theme is another drawing.
	useEffect(() => {
		const place = box.current;
		const bars = uPlot.paths.bars;
		if (place === null || bars === undefined) return;
		const css = getComputedStyle(document.documentElement);
		const colour = (name: string): string => css.getPropertyValue(name).trim();
		const times = days.map(({ day }) => Date.parse(`${day}T00:00:00Z`) / 1000);
		const first = times[0] ?? 0;
		const last = times.at(-1) ?? 0;
		const spare = Math.max(0, 14 * DAY_S - (last - first));
		const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "12px Instrument Sans" };
		const shownDays = (last - first + spare) / DAY_S + 1;
		const widest = Math.max(3, Math.min(28, ((place.clientWidth - 90) / shownDays) * 0.7));
		const chart = new uPlot(
			{
				width: place.clientWidth,
				height: HEIGHT,
				legend: { show: false },
				cursor: { show: false },
				tzDate: (stamp) => uPlot.tzDate(new Date(stamp * 1000), "UTC"),
				scales: { x: { range: () => [first - spare - DAY_S / 2, last + DAY_S / 2] }, y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
				axes: [
					{
						...axis,
						grid: { show: false },
						size: 30,
						space: 90,
						values: (_, ticks) => ticks.map((tick) => new Date(tick * 1000).toISOString().slice(5, 10)),
						incrs: [DAY_S, 7 * DAY_S, 30 * DAY_S, 90 * DAY_S],
					},
					{ ...axis, size: 66, values: (_, ticks) => ticks.map(format) },
				],
				series: [{}, { stroke: colour("--field"), fill: colour("--field-wash"), width: 1.5, paths: bars({ size: [0.7, widest] }), points: { show: false } }],
			},
			[times, days.map(({ value }) => value)],
			place,
		);
		const measure = (): void => {
			const width = chart.valToPos(first + DAY_S, "x") - chart.valToPos(first, "x");
			const left = chart.over.offsetLeft;
			setPlaces(times.map((time) => ({ left: left + chart.valToPos(time, "x") - width / 2, width })));
		};
		measure();
		const resize = new ResizeObserver(() => {
			chart.setSize({ width: place.clientWidth, height: HEIGHT });
			measure();
		});
		resize.observe(place);
		return () => {
			resize.disconnect();
			chart.destroy();
		};
	}, [days, format, theme]);
	return (
		<div className="relative" role="img" aria-label={label}>
			<div ref={box} className="min-h-[190px] w-full" />
			{places.map(({ left, width }, index) => {
				const day = days[index];
				return day && <span key={day.day} data-exact={`${day.day}: ${day.exact}`} className="absolute inset-y-0 hover:bg-ink/5" style={{ left, width }} />;
			})}
		</div>
	);
}

function onTheme(listener: () => void): () => void {
	const observer = new MutationObserver(listener);
	observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
	return () => observer.disconnect();
}
