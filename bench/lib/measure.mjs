/** Timing helpers: the machine is shared, so a figure is the best of several rounds, and processor time stands beside it. */

/** Milliseconds per call of `work`: the best of `rounds` rounds of `times` calls, after one round to warm up. */
export async function perCall(work, { times, rounds = 5 }) {
	let best = Number.POSITIVE_INFINITY;
	let cpuMs = Number.POSITIVE_INFINITY;
	for (let round = 0; round <= rounds; round++) {
		const cpu = process.cpuUsage();
		const start = performance.now();
		for (let index = 0; index < times; index++) await work(index);
		const elapsed = (performance.now() - start) / times;
		const used = process.cpuUsage(cpu);
		if (round === 0) continue;
		best = Math.min(best, elapsed);
		cpuMs = Math.min(cpuMs, (used.user + used.system) / 1000 / times);
	}
	return { ms: best, cpuMs };
}

/** Milliseconds of each of `count` calls with `connections` under way at once. */
export async function latencies(work, { count, connections }) {
	const times = [];
	let next = 0;
	const start = performance.now();
	await Promise.all(
		Array.from({ length: connections }, async (_, connection) => {
			for (let index = next++; index < count; index = next++) {
				const began = performance.now();
				await work(index, connection);
				times.push(performance.now() - began);
			}
		}),
	);
	return { times: times.sort((a, b) => a - b), seconds: (performance.now() - start) / 1000 };
}

export const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
