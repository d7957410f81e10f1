/** The tables of metrics, and the dashboard that is drawn from them: names say their unit, labels stay few, and no panel asks for what no program has. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gatewayProgram } from "@freehold/gateway";
import { hubProgram } from "@freehold/hub";
import { inferenceProgram } from "@freehold/inference";
import { ledgerProgram } from "@freehold/ledger";
import { chassisMetrics, type MetricSpec } from "@freehold/service";
import { storageProgram } from "@freehold/storage";
import { collectDefaultMetrics, Registry } from "prom-client";
import { describe, expect, it } from "vitest";

const programs = [ledgerProgram, storageProgram, inferenceProgram, gatewayProgram, hubProgram];
const prefixes: Readonly<Record<string, string>> = { inference: "node" };
const own = programs.flatMap(({ role, metrics }) =>
	Object.values(metrics as Readonly<Record<string, MetricSpec>>).map((spec) => ({ role: role as string, spec })),
);
const all = [...own.map(({ spec }) => spec), ...Object.values(chassisMetrics as Readonly<Record<string, MetricSpec>>)];

/** What a gauge or histogram may measure; a counter ends with `_total`. */
const UNITS = ["seconds", "bytes", "blocks", "calls", "transactions", "blobs", "uploads", "ids"];
/** Most label values together that one metric may have. */
const MOST_SERIES = 150;

describe("metrics", () => {
	it.each(own)("$role: $spec.name says whose it is and in which unit", ({ role, spec }) => {
		expect(spec.name).toMatch(new RegExp(`^freehold_${prefixes[role] ?? role}_[a-z]+(_[a-z]+)*$`));
		if (spec.kind === "counter") expect(spec.name).toMatch(/_total$/);
		else expect(UNITS).toContain(spec.name.split("_").at(-1));
		expect(spec.help).toMatch(/^[A-Z1].*\.$/);
	});

	it("have names of their own", () => expect(new Set(all.map(({ name }) => name)).size).toBe(all.length));

	it.each(all)("$name has few series, whatever strangers send", ({ labels }) => {
		const listed = Object.values(labels).filter((values) => typeof values !== "string");
		expect(listed.reduce((product, values) => product * values.length, 1)).toBeLessThanOrEqual(MOST_SERIES);
	});
});

interface Panel {
	readonly title: string;
	readonly description: string;
	readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

describe("the Grafana dashboard", () => {
	const dashboard = JSON.parse(readFileSync(fileURLToPath(new URL("../../docs/operations/grafana-dashboard.json", import.meta.url)), "utf8")) as {
		readonly panels: readonly Panel[];
	};
	const registry = new Registry();
	collectDefaultMetrics({ register: registry });
	const known = new Map(all.map((spec) => [spec.name, spec]));

	/** Names of series in an expression, and the labels that are asked of each by what stands around it. */
	const series = (expr: string): string[] => [...expr.matchAll(/\b((?:freehold|process|nodejs)_[a-z0-9_]+)/g)].map(([name]) => name);

	it.each(dashboard.panels)("$title: asks only for metrics and labels that programs have", ({ targets, description }) => {
		expect(description).not.toBe("");
		for (const { expr, legendFormat } of targets) {
			const names = series(expr);
			expect(names.length).toBeGreaterThan(0);
			const labels = new Set(["instance", "job", "le"]);
			for (const name of names) {
				const base = name.replace(/_(bucket|sum|count)$/, "");
				const spec = known.get(name) ?? (known.get(base)?.kind === "histogram" ? known.get(base) : undefined);
				if (spec === undefined) expect(registry.getSingleMetric(name), name).toBeDefined();
				for (const label of Object.keys(spec?.labels ?? {})) labels.add(label);
			}
			const asked = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => (list ?? "").split(",").map((label) => label.trim()));
			const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
			for (const label of [...asked, ...shown]) expect([...labels]).toContain(label);
		}
	});

	it("shows every metric that tells whether all is well", () => {
		const shown = new Set(dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => series(expr))));
		for (const name of [
			"freehold_ready",
			"freehold_data_free_bytes",
			"freehold_ledger_block_age_seconds",
			"freehold_gateway_unanchored_age_seconds",
			"freehold_gateway_calls_total",
		])
			expect([...shown]).toContain(name);
	});
});
