/** A collector that keeps what it is sent: OTLP/HTTP in JSON, `/v1/traces`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedSpan {
	readonly service: string;
	readonly traceId: string;
	readonly spanId: string;
	readonly parentSpanId: string | undefined;
	readonly name: string;
	readonly attributes: Readonly<Record<string, unknown>>;
}

interface OtlpAttribute {
	readonly key: string;
	readonly value: { readonly stringValue?: string; readonly intValue?: string | number };
}

interface OtlpRequest {
	readonly resourceSpans: readonly {
		readonly resource: { readonly attributes: readonly OtlpAttribute[] };
		readonly scopeSpans: readonly {
			readonly spans: readonly {
				readonly traceId: string;
				readonly spanId: string;
				readonly parentSpanId?: string;
				readonly name: string;
				readonly attributes: readonly OtlpAttribute[];
			}[];
		}[];
	}[];
}

export async function startOtlpReceiver(): Promise<{ readonly url: string; readonly spans: readonly ReceivedSpan[]; readonly close: () => Promise<void> }> {
	const spans: ReceivedSpan[] = [];
	const server = createServer((request, response) => {
		let body = "";
		request.setEncoding("utf8").on("data", (text: string) => (body += text));
		request.on("end", () => {
			if (request.url === "/v1/traces") spans.push(...read(JSON.parse(body) as OtlpRequest));
			response.writeHead(request.url === "/v1/traces" ? 200 : 404, { "content-type": "application/json" }).end("{}");
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		spans,
		close: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}

function read({ resourceSpans }: OtlpRequest): readonly ReceivedSpan[] {
	return resourceSpans.flatMap(({ resource, scopeSpans }) => {
		const service = String(valuesOf(resource.attributes)["service.name"]);
		return scopeSpans.flatMap((scope) =>
			scope.spans.map(({ traceId, spanId, parentSpanId, name, attributes }) => ({
				service,
				traceId,
				spanId,
				parentSpanId: parentSpanId === "" ? undefined : parentSpanId,
				name,
				attributes: valuesOf(attributes),
			})),
		);
	});
}

function valuesOf(attributes: readonly OtlpAttribute[]): Readonly<Record<string, unknown>> {
	return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)]));
}
