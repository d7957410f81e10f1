/**
 * Speed, measured: `npm run bench` for all, `npm run bench -- ledger gateway` for some, `--json` for machines.
 * Each scenario measures its rival in the same run where it can be had here; where it cannot, the column is empty.
 */

import { readdirSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const json = process.argv.includes("--json");
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const names = readdirSync(new URL("scenarios", import.meta.url))
	.filter((file) => file.endsWith(".mjs"))
	.map((file) => file.slice(0, -4))
	.filter((name) => wanted.length === 0 || wanted.includes(name));
if (names.length === 0) {
	process.stderr.write(`There is no such scenario.\n`);
	process.exit(2);
}

const processors = cpus();
const machine = `${processors.length} × ${processors[0]?.model.trim() ?? "unknown"}, Node ${process.versions.node}`;
const rows = [];
for (const name of names) {
	process.stderr.write(`${name} …\n`);
	const { run } = await import(new URL(`scenarios/${name}.mjs`, import.meta.url).href);
	for (const row of await run({ root: fileURLToPath(new URL("..", import.meta.url)) })) rows.push({ rival: null, cpuMs: null, target: null, ...row, machine });
}

if (json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
else print();

function print() {
	process.stdout.write(`\n${machine}\n\n`);
	const cells = [["what", "measured", "aim", "", "beside"], ...rows.map(cellsOf)];
	const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
	for (const row of cells)
		process.stdout.write(
			`${row
				.map((cell, column) => cell.padEnd(widths[column]))
				.join("  ")
				.trimEnd()}\n`,
		);
}

function cellsOf({ name, unit, value, target, better, rival }) {
	const reached = target === null ? "" : (better === "lower" ? value <= target : value >= target) ? "reached" : "not reached";
	const aim = target === null ? "–" : `${better === "lower" ? "≤" : "≥"} ${number(target)}`;
	return [name, `${number(value)} ${unit}`, aim, reached, rival === null ? "–" : `${rival.name} ${rival.version}: ${number(rival.value)}`];
}

function number(value) {
	return value >= 100 ? Math.round(value).toLocaleString("en") : value >= 10 ? value.toFixed(1) : value.toPrecision(3);
}
