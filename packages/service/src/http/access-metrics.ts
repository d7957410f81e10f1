/** One histogram of requests by route pattern, method and class of status: few series, whatever the clients send. */
import { Histogram, type Registry } from "prom-client";
import { chassisMetrics } from "../program/chassis-metrics.js";

export interface AccessMetrics {
	observe(route: string, method: string, status: number, seconds: number): void;
}

const { requests } = chassisMetrics;

/** Programs with more than one server count them together. */
export function accessMetrics(registry: Registry): AccessMetrics {
	const known = registry.getSingleMetric(requests.name) as Histogram<keyof typeof requests.labels> | undefined;
	const histogram =
		known ??
		new Histogram({
			name: requests.name,
			help: requests.help,
			labelNames: Object.keys(requests.labels) as (keyof typeof requests.labels)[],
			buckets: [...(requests.buckets ?? [])],
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
