/** One histogram of requests by route pattern, method and class of status: few series, whatever the clients send. */
import { Histogram, type Registry } from "prom-client";

export interface AccessMetrics {
	observe(route: string, method: string, status: number, seconds: number): void;
}

const BUCKETS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export function accessMetrics(registry: Registry): AccessMetrics {
	const name = "freehold_http_request_seconds";
	const known = registry.getSingleMetric(name) as Histogram<"route" | "method" | "status"> | undefined;
	const histogram =
		known ??
		new Histogram({
			name,
			help: "Time from the request's head to the end of the answer.",
			labelNames: ["route", "method", "status"],
			buckets: BUCKETS,
			registers: [registry],
		});
	// Resolving labels costs more than the observation itself.
	const children = new Map<string, Histogram.Internal<"route" | "method" | "status">>();
	return {
		observe(route, method, status, seconds) {
			const key = `${method} ${route} ${status < 600 ? Math.floor(status / 100) : 0}`;
			let child = children.get(key);
			if (child === undefined) {
				child = histogram.labels(route, method, `${Math.floor(status / 100)}xx`);
				children.set(key, child);
			}
			child.observe(seconds);
		},
	};
}
