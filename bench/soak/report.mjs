/** One page that needs nothing else: what was found, and every series drawn. */
const COLOURS = {
	ledger: "#3f6fb5",
	storage: "#b5793f",
	inference: "#4b8f5a",
	gateway: "#9c4f96",
	hub: "#8a8a3a",
	p50: "#4b8f5a",
	p99: "#b5483f",
	answers: "#3f6fb5",
};
const WIDTH = 560;
const HEIGHT = 180;
const MARGIN = { left: 54, right: 8, top: 10, bottom: 22 };

export function reportPage({ minutes, rate, samples: { steady, roles }, steady: load, strained, judged, warmUpShare }) {
	const perRole = (pick) => roles.map((role) => ({ name: role, points: steady.map(({ at, programs }) => [at / 60_000, pick(programs[role])]) }));
	const queues = [...new Set(steady.flatMap(({ programs }) => roles.flatMap((role) => Object.keys(programs[role]?.queues ?? {}))))];
	const warm = ((steady.at(-1)?.at ?? 0) / 60_000) * warmUpShare;
	const charts = [
		chart(
			"Memory of its own (MiB)",
			perRole((program) => program && program.memory / 2 ** 20),
			warm,
		),
		chart(
			"JavaScript heap in use (MiB)",
			perRole((program) => program && program.heap / 2 ** 20),
			warm,
		),
		chart(
			"Open files",
			perRole((program) => program?.files),
			warm,
		),
		chart(
			"Disk (MiB)",
			perRole((program) => program && program.disk / 2 ** 20),
			warm,
		),
		chart("Latency of a paid call (ms)", [series("p50", steady, ({ p50 }) => p50), series("p99", steady, ({ p99 }) => p99)], warm),
		chart("Answers in an interval", [series("answers", steady, ({ answers }) => answers)], warm),
		chart(
			"Event loop, P99 delay (ms)",
			perRole((program) => program?.lagP99),
			warm,
		),
		chart(
			"Queues",
			queues.map((name, index) => ({
				name: name.replace(/^freehold_/, "").replaceAll("_", " "),
				colour: Object.values(COLOURS)[index],
				points: steady.map(({ at, programs }) => [at / 60_000, roles.map((role) => programs[role]?.queues[name]).find((value) => value !== undefined)]),
			})),
			warm,
		),
	];
	const rows = judged.map(
		({ name, ok, detail }) =>
			`<tr class="${ok ? "good" : "bad"}"><td>${ok ? "✓" : "✗"}</td><th scope="row">${quoted(name)}</th><td>${quoted(detail)}</td></tr>`,
	);
	return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Freehold soak, ${minutes} minutes</title>
<meta name="viewport" content="width=device-width"><style>
:root{color-scheme:light dark;--ink:#1d1d1b;--paper:#fbfaf7;--line:#d8d5cc}
@media (prefers-color-scheme:dark){:root{--ink:#e8e6e0;--paper:#171715;--line:#3a3833}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:74rem;padding:0 1rem;color:var(--ink);background:var(--paper)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);font-weight:400;vertical-align:top}
.good td:first-child{color:#3c8a52}.bad td:first-child,.bad th{color:#c0392b;font-weight:600}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(30rem,1fr));gap:1.5rem;margin-top:2rem}figure{margin:0}svg{width:100%;height:auto}
text{fill:var(--ink);font-size:11px}.axis{stroke:var(--line)}.warm{fill:var(--line);opacity:.35}figcaption{font-weight:600}.key{font-weight:400;margin-left:.8rem;white-space:nowrap}
.key i{display:inline-block;width:.7rem;height:.7rem;margin-right:.3rem;vertical-align:baseline}
</style></head><body>
<h1>Soak: ${minutes} minutes at ${rate} calls a second</h1>
<p>${load.answered.toLocaleString("en")} paid answers, ${load.anchored} of ${load.toVerify} followed receipts proved and verified, ${load.published} models published, ${load.withdrawn} withdrawals; ${load.missed} calls were not sent because the clients were busy. Overload: ${strained.offered.toFixed(0)} requests a second offered, ${strained.peak.toFixed(0)} answers a second at the peak, ${strained.goodput.toFixed(0)} under overload. The shaded part is the warm-up and is not judged.</p>
<table>${rows.join("\n")}</table>
<div class="charts">${charts.join("\n")}</div>
</body></html>
`;
}

const series = (name, samples, pick) => ({ name, points: samples.map((sample) => [sample.at / 60_000, pick(sample)]) });

function chart(title, lines, warm) {
	const points = lines.flatMap((line) => line.points).filter(([, y]) => Number.isFinite(y));
	if (points.length === 0) return "";
	const maxX = Math.max(...points.map(([x]) => x), 0.01);
	const maxY = nice(Math.max(...points.map(([, y]) => y), 1));
	const x = (value) => MARGIN.left + (value / maxX) * (WIDTH - MARGIN.left - MARGIN.right);
	const y = (value) => HEIGHT - MARGIN.bottom - (value / maxY) * (HEIGHT - MARGIN.top - MARGIN.bottom);
	const grid = [0, 0.25, 0.5, 0.75, 1].map(
		(share) =>
			`<line class="axis" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(share * maxY)}" y2="${y(share * maxY)}"/><text x="${MARGIN.left - 6}" y="${y(share * maxY) + 4}" text-anchor="end">${short(share * maxY)}</text>`,
	);
	const ticks = [0, 0.5, 1].map(
		(share) =>
			`<text x="${x(share * maxX)}" y="${HEIGHT - 6}" text-anchor="${share === 1 ? "end" : share === 0 ? "start" : "middle"}">${(share * maxX).toFixed(1)} min</text>`,
	);
	const paths = lines.map(({ points: own, name, colour = COLOURS[name] }) => {
		const path = own
			.filter(([, value]) => Number.isFinite(value))
			.map(([at, value], index) => `${index === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`);
		return `<path d="${path.join("")}" fill="none" stroke="${colour}" stroke-width="1.5"><title>${quoted(name)}</title></path>`;
	});
	const keys = lines.map(({ name, colour = COLOURS[name] }) => `<span class="key"><i style="background:${colour}"></i>${quoted(name)}</span>`);
	return `<figure><figcaption>${quoted(title)}${keys.join("")}</figcaption><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${quoted(title)}"><rect class="warm" x="${MARGIN.left}" y="${MARGIN.top}" width="${x(warm) - MARGIN.left}" height="${HEIGHT - MARGIN.top - MARGIN.bottom}"/>${grid.join("")}${ticks.join("")}${paths.join("")}</svg></figure>`;
}

function nice(value) {
	const step = 10 ** Math.floor(Math.log10(value));
	return [1, 2, 2.5, 5, 10].map((factor) => factor * step).find((limit) => limit >= value) ?? value;
}

const short = (value) => (value >= 1_000 ? `${(value / 1_000).toFixed(1)}k` : value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1));
const quoted = (text) => String(text).replace(/[&<>"]/g, (character) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[character]);
