/** Which tracer a caller wants: `tracer`, `tracerConfig` and the flags of the default tracer, as geth names them. */
import type { TraceWants } from "../execution/trace-record.js";
import { booleanParameter, objectParameter } from "../rpc/parameters.js";
import { invalidParams } from "../rpc/rpc-error.js";
import type { PrestateOptions } from "./prestate-tracer.js";
import type { StructLogOptions } from "./struct-logger.js";

export type TracerOptions =
	| { readonly kind: "calls"; readonly onlyTopCall: boolean; readonly withLog: boolean }
	| ({ readonly kind: "prestate" } & PrestateOptions)
	| ({ readonly kind: "steps" } & StructLogOptions)
	| { readonly kind: "none" };

const MAX_STEPS_SHOWN = 10_000_000;
const LONGEST_MS = 30_000;

export function tracerParameter(value: unknown): { readonly tracer: TracerOptions; readonly deadlineMs: number } {
	const config = value === undefined || value === null ? {} : objectParameter(value, "trace config");
	return { tracer: tracerOf(config), deadlineMs: durationParameter(config["timeout"]) };
}

function tracerOf(config: Readonly<Record<string, unknown>>): TracerOptions {
	const own = config["tracerConfig"] === undefined || config["tracerConfig"] === null ? {} : objectParameter(config["tracerConfig"], "tracerConfig");
	const flag = (name: string): boolean => booleanParameter(own[name], `tracerConfig.${name}`);
	const plain = (name: string): boolean => booleanParameter(config[name], name);
	switch (config["tracer"]) {
		case undefined:
		case null:
		case "":
			return {
				kind: "steps",
				enableMemory: plain("enableMemory"),
				disableStack: plain("disableStack"),
				disableStorage: plain("disableStorage"),
				enableReturnData: plain("enableReturnData"),
				limit: limitParameter(config["limit"]),
			};
		case "callTracer":
			return { kind: "calls", onlyTopCall: flag("onlyTopCall"), withLog: flag("withLog") };
		case "prestateTracer":
			return { kind: "prestate", diffMode: flag("diffMode"), disableCode: flag("disableCode"), disableStorage: flag("disableStorage") };
		case "noopTracer":
			return { kind: "none" };
		default:
			throw invalidParams(`tracer: must be callTracer, prestateTracer or noopTracer, or left out for steps`);
	}
}

export function wantsOf(tracer: TracerOptions): TraceWants {
	if (tracer.kind === "calls") return { calls: true, logs: tracer.withLog, topOnly: tracer.onlyTopCall };
	if (tracer.kind === "steps") return { steps: true, stack: !tracer.disableStack, memory: tracer.enableMemory, returnData: tracer.enableReturnData };
	return { topOnly: true };
}

function limitParameter(value: unknown): number {
	if (value === undefined || value === null) return 0;
	if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > MAX_STEPS_SHOWN) throw invalidParams("limit: must be a count of steps");
	return value;
}

/** Go's notation, as `5s` or `300ms`. */
function durationParameter(value: unknown): number {
	if (value === undefined || value === null || value === "") return LONGEST_MS;
	const parts = typeof value === "string" ? /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)$/.exec(value) : null;
	if (parts === null) throw invalidParams("timeout: must be a duration such as 5s or 300ms");
	const factor = parts[2] === "ms" ? 1 : parts[2] === "s" ? 1_000 : 60_000;
	return Math.min(LONGEST_MS, Math.max(1, Number(parts[1]) * factor));
}
