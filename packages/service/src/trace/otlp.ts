/** Sends spans to a collector over OTLP/HTTP. Loaded only when one is named: the libraries behind it are the largest that a program can load. */
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { setGlobalErrorHandler, W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { setRecording } from "./trace.js";

export interface OtlpOptions {
	/** Origin of the collector; spans go to `/v1/traces` below it. */
	readonly url: string;
	readonly role: string;
	readonly version: string;
	/** Told that spans could not be delivered. */
	readonly failed: (reason: string) => void;
}

/** Beyond so many spans that wait, new ones are dropped: a collector that is away costs memory to a bound, and nothing else. */
const MAX_WAITING_SPANS = 4_096;
const SPANS_A_REQUEST = 512;
const DELIVERY_MS = 1_000;
const DEADLINE_MS = 5_000;

/** Begins to record. The returned function delivers what is left, within a deadline, and ends. */
export function startOtlp({ url, role, version, failed }: OtlpOptions): () => Promise<void> {
	const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces`, timeoutMillis: DEADLINE_MS });
	const processor = new BatchSpanProcessor(exporter, {
		maxQueueSize: MAX_WAITING_SPANS,
		maxExportBatchSize: SPANS_A_REQUEST,
		scheduledDelayMillis: DELIVERY_MS,
		exportTimeoutMillis: DEADLINE_MS,
	});
	const resource = resourceFromAttributes({
		"service.namespace": "freehold",
		"service.name": `freehold-${role}`,
		"service.version": version,
		"process.pid": process.pid,
	});
	const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
	setGlobalErrorHandler((error) => failed(error instanceof Error ? error.message : typeof error === "string" ? error : "unknown"));
	context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
	propagation.setGlobalPropagator(new W3CTraceContextPropagator());
	trace.setGlobalTracerProvider(provider);
	setRecording(true);
	return async () => {
		setRecording(false);
		await provider.shutdown().catch((error: unknown) => failed(String(error)));
	};
}
