/** `freehold node run <role>` and what belongs to it. A role's code is loaded alone, so that it starts fast and small. */
import { FreeholdError, hubRoutes } from "@freehold/protocol";
import { commonOptions, environmentName, fetchJson, flagOf, type OptionTable, type Program, type RoleName, runProgram } from "@freehold/service";
import { findNetwork } from "../accounts/network.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

const loaders: Readonly<Record<RoleName, () => Promise<Program>>> = {
	ledger: async () => (await import("@freehold/ledger")).ledgerProgram as unknown as Program,
	storage: async () => (await import("@freehold/storage")).storageProgram as unknown as Program,
	inference: async () => (await import("@freehold/inference")).inferenceProgram as unknown as Program,
	gateway: async () => (await import("@freehold/gateway")).gatewayProgram as unknown as Program,
	hub: async () => (await import("@freehold/hub")).hubProgram as unknown as Program,
};

/** Runs a role until it is told to stop. Resolves with the exit status. */
export async function runRole(role: string, argv: readonly string[]): Promise<number> {
	if (!Object.hasOwn(loaders, role)) {
		process.stderr.write(`There is no role ${role}; there are: ${Object.keys(loaders).join(", ")}\n`);
		return 2;
	}
	const program = await loaders[role as RoleName]();
	if (argv.includes("--help")) {
		process.stdout.write(helpOf(program));
		return 0;
	}
	return runProgram(program, argv, process.env);
}

/** Options of a role as its own table declares them, by group. */
function helpOf({ role, summary, options }: Program): string {
	const all = Object.entries({ ...options, ...commonOptions } as OptionTable).map(([name, option]) => ({
		flag: `${flagOf(name)} ${option.argument}`,
		env: environmentName(role, name),
		option,
	}));
	const width = Math.max(...all.map(({ flag }) => flag.length));
	const groups = [...new Set(all.map(({ option }) => option.group))];
	const lines = groups.flatMap((group) => [
		"",
		`${group}:`,
		...all.filter(({ option }) => option.group === group).map(({ flag, env, option }) => `  ${flag.padEnd(width)}  ${option.help} [${env}]`),
	]);
	return `Usage: freehold node run ${role} [options]\n\n${summary}\n${lines.join("\n")}\n`;
}

export const crashPoints: Action = async ({ output }) => {
	const programs = await Promise.all(Object.values(loaders).map((load) => load()));
	const points = programs.flatMap((program) => program.crashPoints.map((name) => ({ role: program.role, name })));
	output.result(points, () => points.map(({ role, name }) => `${role.padEnd(10)} ${name}`).join("\n"));
	return 0;
};

interface NodesBody {
	readonly nodes: readonly {
		readonly operator: string;
		readonly roles: readonly string[];
		readonly endpoint: string;
		readonly nodeFee: string;
		readonly bond: string;
		readonly heartbeats: readonly { readonly alive: boolean; readonly sentAt: number }[];
	}[];
}

export const nodeStatus: Action = async (context) => {
	const network = await findNetwork(context);
	const body = (await fetchJson(new URL(hubRoutes.nodes.path, network.hubUrl).href, {
		what: "The hub",
		deadlineMs: 10_000,
		signal: context.signal,
	})) as NodesBody;
	if (!Array.isArray(body.nodes)) throw new FreeholdError("upstream.failed", { what: "The hub", reason: "not a list of nodes" });
	context.output.result(body, () =>
		table([
			["operator", "roles", "endpoint", "alive"],
			...body.nodes.map((node) => [node.operator, node.roles.join(","), node.endpoint, node.heartbeats.some((beat) => beat.alive) ? "yes" : "–"]),
		]),
	);
	return 0;
};
