/**
 * A long steady load on a real local network, and then five times what it can bear, in one report: `npm run soak -- --minutes 10`.
 *
 *   --minutes N      steady load (default 10)          --rate N      paid calls a second (default 20)
 *   --out FILE       the report (default .freehold/soak.html)
 *   --json           the findings on standard output   --port-base N
 *
 * Exits 1 when memory grows after the warm-up, a paid call has no answer, or goodput falls under overload.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { publishModel, withNetwork } from "../lib/network.mjs";
import { standAside } from "../lib/processes.mjs";
import { startLoad } from "./load.mjs";
import { overload } from "./overload.mjs";
import { reportPage } from "./report.mjs";
import { floor, growth } from "./slope.mjs";
import { startWatch } from "./watch.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values } = parseArgs({
	options: {
		minutes: { type: "string", default: "10" },
		rate: { type: "string", default: "20" },
		out: { type: "string", default: join(root, ".freehold", "soak.html") },
		json: { type: "boolean", default: false },
		"port-base": { type: "string" },
	},
});
const minutes = Number(values.minutes);
const rate = Number(values.rate);
if (!(minutes > 0) || !(rate > 0)) {
	process.stderr.write("--minutes and --rate are numbers above zero\n");
	process.exit(2);
}
const mib = (bytes) => (bytes / 2 ** 20).toFixed(0);
const signed = (value) => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}`;
const say = (text) => process.stderr.write(`${text}\n`);
/** Calls that the gateway takes at a time, so that its capacity is known and a laptop can send five times as much. */
const MAX_CALLS = 16;
/** The first part of the time is not judged: heaps grow to their working size, caches fill. */
const WARM_UP_SHARE = 0.4;

const aside = standAside();
say(aside ? "the load has a processor of its own" : "the load shares the processors with the network");

await withNetwork(
	root,
	async (local) => {
		const question = await publishModel(local);
		const watch = startWatch(local, { everyMs: Math.max(1_000, Math.min(10_000, (minutes * 60_000) / 120)) });
		const load = await startLoad(local, question, { rate, watch });
		say(`steady load: ${rate} calls/s for ${minutes} min`);
		await new Promise((settle) => setTimeout(settle, minutes * 60_000));
		const steady = await load.stop();
		say(`overload: five times the capacity (${MAX_CALLS} calls at a time)`);
		const strained = await overload(local, question, { maxCalls: MAX_CALLS });
		const samples = watch.stop();
		const judged = judge(samples, steady, strained);
		const out = resolve(values.out);
		mkdirSync(dirname(out), { recursive: true });
		writeFileSync(out, reportPage({ minutes, rate, samples, steady, strained, judged, warmUpShare: WARM_UP_SHARE }));
		for (const { ok, name, detail } of judged) say(`${ok ? "✓" : "✗"} ${name}: ${detail}`);
		say(`report: ${out}`);
		if (values.json) process.stdout.write(`${JSON.stringify({ minutes, rate, steady, strained, checks: judged }, null, 2)}\n`);
		if (judged.some(({ ok }) => !ok)) process.exitCode = 1;
	},
	{ env: { FREEHOLD_GATEWAY_MAX_CALLS: String(MAX_CALLS) }, ...(values["port-base"] === undefined ? {} : { portBase: Number(values["port-base"]) }) },
);

function judge({ steady: samples, roles }, steady, strained) {
	const checks = [];
	const settled = samples.slice(Math.floor(samples.length * WARM_UP_SHARE));
	for (const role of roles) {
		const kept = growth(
			settled.map(({ at, programs }) => ({ at, value: programs[role]?.kept })),
			{ of: floor, least: 8 * 2 ** 20 },
		);
		const whole = growth(settled.map(({ at, programs }) => ({ at, value: programs[role]?.memory })));
		checks.push({
			name: `memory of ${role}`,
			ok: kept.flat,
			detail: `what collections leave: ${mib(kept.mean)} MiB, ${signed(kept.perMinute / 2 ** 20)} MiB a minute (99 %: ${signed(kept.low / 2 ** 20)} to ${signed(kept.high / 2 ** 20)}); the process: ${mib(whole.mean)} MiB, ${signed(whole.perMinute / 2 ** 20)}`,
		});
		const files = growth(
			settled.map(({ at, programs }) => ({ at, value: programs[role]?.files })),
			{ least: 10 },
		);
		checks.push({ name: `file handles of ${role}`, ok: files.flat, detail: `${files.mean.toFixed(0)}, ${signed(files.perMinute)} a minute` });
	}
	checks.push({
		name: "nothing paid is lost, steady",
		ok: steady.lost.length === 0 && steady.failed.length === 0,
		detail: `${steady.answered} answers, ${steady.anchored} verified of ${steady.toVerify}, ${steady.published} published, ${steady.withdrawn} withdrawals; failures: ${steady.failed.concat(steady.lost).slice(0, 3).join("; ") || "none"}`,
	});
	checks.push({
		name: "goodput under overload",
		ok: strained.goodput >= 0.8 * strained.peak,
		detail: `${((100 * strained.goodput) / strained.peak).toFixed(0)} %: ${strained.goodput.toFixed(1)} of ${strained.peak.toFixed(1)} answers/s at ${(strained.offered / strained.peak).toFixed(1)} times the capacity; the load generator took ${strained.generatorAtPeak.toFixed(2)} of a processor at the peak and ${strained.generator.toFixed(2)} under overload, a refusal ${strained.refusalCpuMs.toFixed(3)} ms of the gateway's`,
	});
	checks.push({
		name: "refusals are fast and say when to come back",
		ok: strained.refusedWrongly === 0 && strained.refusalP50 < strained.answerP50 / 2,
		detail: `${strained.refused} refusals, P50 ${strained.refusalP50.toFixed(1)} ms, P99 ${strained.refusalP99.toFixed(1)} ms; answers P50 ${strained.answerP50.toFixed(1)} ms, P99 ${strained.answerP99.toFixed(1)} ms`,
	});
	checks.push({
		name: "nothing paid is lost, overload",
		ok: strained.lost === "0",
		detail: `charged ${strained.charged}, answered for ${strained.answeredFor}`,
	});
	return checks;
}
