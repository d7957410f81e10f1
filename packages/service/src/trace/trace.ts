/**
 * Traces of calls across programs, by OpenTelemetry's interface and the `traceparent` header of W3C Trace Context. Without a collector (`--trace-url`) nothing
 * is recorded and every function here does next to nothing.
 */

import { FreeholdError } from "@freehold/protocol";
import { type Attributes, type Context, context, propagation, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

const tracer = trace.getTracer("freehold");
let recording = false;

/** Said once by the exporter's start, and once by its end. */
export function setRecording(on: boolean): void {
	recording = on;
}

/** A place in a trace, kept for something that happens after the request has ended. */
export type TracePlace = Context;

export interface RequestSpan {
	readonly method: string;
	/** Pattern of the route. */
	readonly route: string;
	readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
	/** Begin a trace where the caller sent none. */
	readonly begins: boolean;
}

/** Runs a handler as part of the caller's trace. */
export function traceRequest<R extends { readonly status: number }>(
	{ method, route, headers, begins }: RequestSpan,
	handle: () => R | Promise<R>,
): R | Promise<R> {
	if (!recording || (headers["traceparent"] === undefined && !begins)) return handle();
	const parent = propagation.extract(context.active(), headers);
	const attributes = { "http.request.method": method, "http.route": route };
	return tracer.startActiveSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, parent, (span) =>
		settle(span, handle, (answer) => {
			span.setAttribute("http.response.status_code", answer.status);
			if (answer.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
		}),
	);
}

/** Runs a step of a request that is traced; alone, it begins no trace. */
export function traceStep<T>(name: string, attributes: Attributes, work: () => T): T {
	if (!recording || trace.getActiveSpan() === undefined) return work();
	return tracer.startActiveSpan(name, { attributes }, (span) => settle(span, work, () => undefined) as T);
}

/** Says something of the request that is traced here. */
export function traceAttributes(attributes: Attributes): void {
	if (recording) trace.getActiveSpan()?.setAttributes(attributes);
}

/** Headers that carry the trace to another program. */
export function traceHeaders(): Readonly<Record<string, string>> {
	if (!recording) return NOTHING;
	const headers: Record<string, string> = {};
	propagation.inject(context.active(), headers);
	return headers;
}

/** Where we are in a trace; undefined outside of any. */
export function tracePlace(): TracePlace | undefined {
	return recording && trace.getActiveSpan() !== undefined ? context.active() : undefined;
}

export interface LateStep {
	readonly place: TracePlace;
	/** Unix milliseconds. */
	readonly startedAt: number;
}

/**
 * Runs work that finishes something for several requests at once, as a step of each of their traces that began when the request handed it over. The work itself, and
 * what it asks of other programs, belongs to the first; the others link to it.
 */
export async function traceTogether<T>(name: string, steps: readonly LateStep[], work: () => Promise<T>, attributes: (result: T) => Attributes): Promise<T> {
	const [first, ...others] = recording ? steps : [];
	if (first === undefined) return work();
	const span = tracer.startSpan(name, { startTime: first.startedAt }, first.place);
	const links = [{ context: span.spanContext() }];
	const rest = others.map(({ place, startedAt }) => tracer.startSpan(name, { startTime: startedAt, links }, place));
	try {
		const result = await context.with(trace.setSpan(first.place, span), work);
		for (const each of [span, ...rest]) each.setAttributes(attributes(result));
		return result;
	} catch (error) {
		for (const each of [span, ...rest]) fail(each, error);
		throw error;
	} finally {
		for (const each of [span, ...rest]) each.end();
	}
}

/** What a log line says of the trace that it belongs to; a new object, since the log adds to it. */
export function traceFields(): Record<string, string> {
	const current = recording ? trace.getActiveSpan()?.spanContext() : undefined;
	return current === undefined ? {} : { traceId: current.traceId, spanId: current.spanId };
}

/** `fetch` that takes the trace along. */
export function tracedFetch(url: string, init: RequestInit): Promise<Response> {
	if (!recording) return fetch(url, init);
	const headers = new Headers(init.headers);
	for (const [name, value] of Object.entries(traceHeaders())) headers.set(name, value);
	return fetch(url, { ...init, headers });
}

const NOTHING = Object.freeze({});

function settle<T>(span: Span, work: () => T | Promise<T>, ended: (result: T) => void): T | Promise<T> {
	const finish = (result: T): T => {
		ended(result);
		span.end();
		return result;
	};
	const broken = (error: unknown): never => {
		fail(span, error);
		span.end();
		throw error;
	};
	try {
		const result = work();
		return result instanceof Promise ? result.then(finish, broken) : finish(result);
	} catch (error) {
		return broken(error);
	}
}

function fail(span: Span, error: unknown): void {
	// The code alone: a message may hold what a stranger sent.
	const code = error instanceof FreeholdError ? error.code : "internal";
	span.setAttribute("error.type", code);
	span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}
