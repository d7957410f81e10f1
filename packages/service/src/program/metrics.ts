/**
 * Metrics as a table: name, kind, unit and the values that each label can take, declared once. The reference page, the dashboard's test and the program read
 * the same table, and no label can grow with what strangers send.
 */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Values of each label: all of them, or the bounded set that they come from, in words. */
export type LabelTable = Readonly<Record<string, readonly string[] | string>>;

export interface MetricSpec<K extends "counter" | "gauge" | "histogram" = "counter" | "gauge" | "histogram", L extends LabelTable = LabelTable> {
	readonly kind: K;
	/** As Prometheus has it: `freehold_<role>_<what>_<unit>`, counters with `_total`. */
	readonly name: string;
	readonly help: string;
	readonly labels: L;
	/** Upper bounds of a histogram's buckets, in the metric's unit. */
	readonly buckets?: readonly number[];
}

export type MetricTable = Readonly<Record<string, MetricSpec>>;

// biome-ignore lint/complexity/noBannedTypes: no label at all
type NoLabels = {};

// Overloads, since a table's expected type would otherwise stand in for labels that are not given.
export function counter(name: string, help: string): MetricSpec<"counter", NoLabels>;
export function counter<const L extends LabelTable>(name: string, help: string, labels: L): MetricSpec<"counter", L>;
export function counter(name: string, help: string, labels: LabelTable = {}): MetricSpec<"counter"> {
	return { kind: "counter", name, help, labels };
}

export function gauge(name: string, help: string): MetricSpec<"gauge", NoLabels>;
export function gauge<const L extends LabelTable>(name: string, help: string, labels: L): MetricSpec<"gauge", L>;
export function gauge(name: string, help: string, labels: LabelTable = {}): MetricSpec<"gauge"> {
	return { kind: "gauge", name, help, labels };
}

export function histogram(name: string, help: string, buckets: readonly number[]): MetricSpec<"histogram", NoLabels>;
export function histogram<const L extends LabelTable>(name: string, help: string, buckets: readonly number[], labels: L): MetricSpec<"histogram", L>;
export function histogram(name: string, help: string, buckets: readonly number[], labels: LabelTable = {}): MetricSpec<"histogram"> {
	return { kind: "histogram", name, help, buckets, labels };
}

type ValuesOf<L extends LabelTable> = { readonly [N in keyof L]: L[N] extends readonly (infer V)[] ? V : string };
type Labelled<L extends LabelTable> = keyof L extends never ? [] : [labels: ValuesOf<L>];

export interface CounterOf<L extends LabelTable> {
	readonly add: (amount: number, ...labels: Labelled<L>) => void;
}
export interface GaugeOf<L extends LabelTable> {
	readonly set: (value: number, ...labels: Labelled<L>) => void;
	/** Asks at every scrape; undefined leaves the gauge out of it. Gauges without labels only. */
	readonly follow: (read: () => number | undefined | Promise<number | undefined>) => void;
}
export interface HistogramOf<L extends LabelTable> {
	readonly observe: (value: number, ...labels: Labelled<L>) => void;
}

type InstrumentOf<S> = S extends MetricSpec<infer K, infer L> ? (K extends "counter" ? CounterOf<L> : K extends "gauge" ? GaugeOf<L> : HistogramOf<L>) : never;

export type InstrumentsOf<T extends MetricTable> = { readonly [N in keyof T]: InstrumentOf<T[N]> };

/** Makes the metrics of a table in a registry. A table is registered once in a registry. */
export function registerMetrics<const T extends MetricTable>(table: T, registry: Registry): InstrumentsOf<T> {
	return Object.fromEntries(Object.entries(table).map(([name, spec]) => [name, instrument(spec, registry)])) as InstrumentsOf<T>;
}

function instrument(spec: MetricSpec, registry: Registry): CounterOf<LabelTable> | GaugeOf<LabelTable> | HistogramOf<LabelTable> {
	const common = { name: spec.name, help: spec.help, labelNames: Object.keys(spec.labels), registers: [registry] };
	if (spec.kind === "counter") {
		const metric = new Counter(common);
		return { add: (amount, ...[labels]) => (labels === undefined ? metric.inc(amount) : metric.inc(labels, amount)) };
	}
	if (spec.kind === "histogram") {
		const metric = new Histogram({ ...common, buckets: [...(spec.buckets ?? [])] });
		return { observe: (value, ...[labels]) => (labels === undefined ? metric.observe(value) : metric.observe(labels, value)) };
	}
	let read: (() => number | undefined | Promise<number | undefined>) | undefined;
	const metric = new Gauge({
		...common,
		async collect() {
			if (read === undefined) return;
			const value = await read();
			if (value === undefined) this.remove();
			else this.set(value);
		},
	});
	return {
		set: (value, ...[labels]) => (labels === undefined ? metric.set(value) : metric.set(labels, value)),
		follow: (source) => {
			read = source;
		},
	};
}
