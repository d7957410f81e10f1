/** Writes the reference pages from the tables in the code: errors, limits, metrics, routes, options. `--check` says which page is out of date. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { fieldTables } from "@freehold/dialects";
import { rpcMethodTable } from "@freehold/ledger";
import { commonRoutes, errorCatalogue, errorRemedies, gatewayRoutes, hubRoutes, limits, nodeRoutes, storageRoutes } from "@freehold/protocol";
import { chassisMetrics, commonOptions, environmentName, flagOf } from "@freehold/service";

const check = process.argv.includes("--check");
const folder = fileURLToPath(new URL("../docs/reference", import.meta.url));
const made = "<!-- Made by scripts/reference.mjs from the code. -->";

const pages = {
	"errors.md": errorsPage(),
	"limits.md": limitsPage(),
	"routes.md": routesPage(),
	"rpc.md": rpcPage(),
	"fields.md": fieldsPage(),
	"commands.md": await commandsPage(),
	"options.md": await optionsPage(),
	"metrics.md": await metricsPage(),
};

mkdirSync(folder, { recursive: true });
for (const [name, text] of Object.entries(pages)) {
	const path = join(folder, name);
	const current = existsSync(path) ? readFileSync(path, "utf8") : "";
	if (current === text) continue;
	if (check) {
		process.stderr.write(`docs/reference/${name} is out of date: node scripts/reference.mjs\n`);
		process.exitCode = 1;
	} else writeFileSync(path, text);
}

function errorsPage() {
	const entries = Object.entries(errorCatalogue).sort(([a], [b]) => a.localeCompare(b));
	const sections = entries.map(
		([code, { status, fault, retryable, message }]) =>
			`<a id="${code.toLowerCase().replaceAll(".", "-")}"></a>\n### ${code}\n\n${message}\n\n**Why:** ${errorRemedies[code].cause}\n**What to do:** ${errorRemedies[code].remedy}\n\nHTTP ${status} · whose doing: ${fault} · ${retryable ? "may succeed if tried again" : "the same request will fail again"}\n`,
	);
	return `# Errors\n\n${made}\n\nEvery refusal has a code; the message fills in what stands in braces.\n\n${sections.join("\n")}`;
}

function limitsPage() {
	const rows = Object.entries(limits).map(([name, value]) => `| \`${name}\` | ${value.toLocaleString("en")} |`);
	return `# Limits\n\n${made}\n\nBounds on everything that comes from outside. Sizes in bytes, times in milliseconds.\n\n| limit | value |\n|---|---|\n${rows.join("\n")}\n`;
}

function routesPage() {
	const groups = { "Every program": commonRoutes, Gateway: gatewayRoutes, Hub: hubRoutes, Storage: storageRoutes, "Inference node": nodeRoutes };
	const tables = Object.entries(groups).map(([title, routes]) => {
		const rows = Object.values(routes).map(({ method, path, summary }) => `| \`${method} ${path}\` | ${summary} |`);
		return `## ${title}\n\n| route | what it does |\n|---|---|\n${rows.join("\n")}\n`;
	});
	return `# HTTP routes\n\n${made}\n\n${tables.join("\n")}`;
}

function rpcPage() {
	const groups = new Map();
	for (const entry of Object.entries(rpcMethodTable)) {
		const group = entry[0].slice(0, entry[0].indexOf("_"));
		groups.set(group, [...(groups.get(group) ?? []), entry]);
	}
	const cell = (text) => text.replaceAll("|", "\\|");
	const tables = [...groups].map(([group, methods]) => {
		const rows = methods.map(
			([name, { parameters, gives, bounds = "–", transport }]) =>
				`| \`${name}\`${transport === undefined ? "" : ` (${transport})`} | ${cell(parameters) || "–"} | ${cell(gives)} | ${cell(bounds)} |`,
		);
		return `## ${group}\n\n| method | parameters | result | bounds |\n|---|---|---|---|\n${rows.join("\n")}\n`;
	});
	const { rpcBodyBytes, rpcBatch, logRangeBlocks, logResults } = limits;
	const number = (value) => value.toLocaleString("en");
	return `# JSON-RPC\n\n${made}\n\nOver HTTP and WebSocket of the ledger. A block is a number, a hash (EIP-1898 too where state is asked), or \`latest\`, \`safe\`, \`finalized\` (all three the head: a block is final when it is made), \`earliest\`, \`pending\`. \`?\` marks what may be left out. Every request: ${number(rpcBodyBytes)} bytes, ${number(rpcBatch)} calls in a batch; log queries: ${number(logRangeBlocks)} blocks, ${number(logResults)} logs. Beyond a bound the code is -32005.\n\n${tables.join("\n")}`;
}

async function programs() {
	return [
		(await import("@freehold/ledger")).ledgerProgram,
		(await import("@freehold/storage")).storageProgram,
		(await import("@freehold/inference")).inferenceProgram,
		(await import("@freehold/gateway")).gatewayProgram,
		(await import("@freehold/hub")).hubProgram,
	];
}

async function metricsPage() {
	const tables = (await programs()).map(({ role, metrics }) => `## ${role}\n\n${metricTable(metrics)}`);
	return `# Metrics\n\n${made}\n\n\`GET /metrics\` of every program, in Prometheus's text format. Times are seconds, sizes bytes, money OPG. Labels take the values listed here and no others.\n\n${tables.join("\n")}\n## Every program\n\n${metricTable(chassisMetrics)}\nBeside these, \`process_*\` and \`nodejs_*\` as prom-client has them: memory, processor time, event loop, open files.\n`;
}

function metricTable(metrics) {
	const values = (label) => (typeof label === "string" ? label : label.length > 10 ? `many values, such as ${label.slice(0, 3).join(", ")}` : label.join(", "));
	const rows = Object.values(metrics).map(({ name, kind, help, labels }) => {
		const told = Object.entries(labels).map(([label, allowed]) => `\`${label}\`: ${values(allowed)}`);
		return `| \`${name}\` | ${kind} | ${told.length === 0 ? "–" : told.join("; ")} | ${help} |`;
	});
	return `| metric | kind | labels | |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

function fieldsPage() {
	const tables = Object.entries(fieldTables).map(([route, table]) => {
		const rows = Object.entries(table).map(([name, { treatment, note, neutral = [] }]) => {
			const unless = neutral.length === 0 ? "" : ` (unless ${neutral.map((value) => `\`${JSON.stringify(value)}\``).join(" or ")})`;
			return `| \`${name}\` | ${treatment}${unless} | ${note} |`;
		});
		return `## \`${route}\`\n\n| field | | |\n|---|---|---|\n${rows.join("\n")}\n`;
	});
	return `# Fields of the language model routes\n\n${made}\n\nHonoured: it shapes the answer as the client's own documentation says. Passed: it is taken and cannot change the answer. Refused: asking for it is an error; null asks for nothing. A field that is not listed is refused.\n\n${tables.join("\n")}`;
}

async function commandsPage() {
	const { commandTree } = await import("../packages/cli/dist/main.js");
	const cell = (text) => text.replaceAll("|", "\\|");
	// Outside of code, an angle bracket would begin an element.
	const words = (text) => text.replaceAll("<", "&lt;");
	const table = ({ options }) =>
		options.length === 0
			? ""
			: `\n| option | default | |\n|---|---|---|\n${options.map(({ flags, defaultValue, description }) => `| \`${cell(flags)}\` | ${Array.isArray(defaultValue) ? "–" : (defaultValue ?? "–")} | ${cell(words(description))} |`).join("\n")}\n`;
	const sections = (command, path) => {
		const verb = [...path, command.name()];
		if (command.commands.length > 0) return command.commands.flatMap((child) => sections(child, verb));
		const given = command.registeredArguments.map((argument) => {
			const { required, variadic } = argument;
			const word = `${argument.name()}${variadic ? "..." : ""}`;
			return required ? `<${word}>` : `[${word}]`;
		});
		return [`### \`freehold ${[...verb, ...given].join(" ")}\`\n\n${words(command.description())}\n${table(command)}`];
	};
	const tree = commandTree(() => async () => {});
	const all = tree.commands.flatMap((command) => [`## ${command.name()}\n\n${sections(command, []).join("\n")}`]);
	return `# Commands\n\n${made}\n\nThese options may stand before or after every verb. A role's own options (\`freehold node run <role>\`) stand in [Options of the programs](options.md).\n${table(tree)}\n${all.join("\n")}`;
}

async function optionsPage() {
	const tables = (await programs()).map(({ role, summary, options }) => `## ${role}\n\n${summary}\n\n${optionTable(options, role)}`);
	return `# Options of the programs\n\n${made}\n\nOn the command line (\`freehold node run <role> --option value\`) or in the environment.\n\n${tables.join("\n")}\n## Every program\n\n${optionTable(commonOptions, "<role>")}`;
}

function optionTable(options, role) {
	const rows = Object.entries(options).map(
		([name, { argument, help, default: standard }]) =>
			`| \`${flagOf(name)}${argument === "" ? "" : ` ${argument}`}\` | \`${environmentName(role, name)}\` | ${spell(standard, name, argument)} | ${help.replaceAll("|", "\\|")} |`,
	);
	return `| option | environment | default | |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

function spell(value, _name, argument) {
	if (value === undefined) return "–";
	if (argument === "OPG" && typeof value === "bigint") return `${Number(value) / 1e18} OPG`;
	if (argument === "DURATION") return `${value} ms`;
	if (Array.isArray(value)) return value.length === 0 ? "–" : value.join(", ");
	return String(value).replace(process.cwd(), ".");
}
