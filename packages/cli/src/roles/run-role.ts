/** `freehold node run <role>`: a role's code is loaded alone, so that it starts fast and small; `--network` tells it where the others are. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import {
	commonOptions,
	type Environment,
	environmentName,
	exitCodes,
	flagOf,
	type OptionTable,
	type Program,
	type RoleName,
	readConfig,
	runProgram,
} from "@freehold/service";
import { readNetwork } from "../accounts/network.js";
import { writeJson } from "../supervisor/data-folder.js";
import { trustedCheckpoint } from "./checkpoint.js";

const loaders: Readonly<Record<RoleName, () => Promise<Program>>> = {
	ledger: async () => (await import("@freehold/ledger")).ledgerProgram as unknown as Program,
	storage: async () => (await import("@freehold/storage")).storageProgram as unknown as Program,
	inference: async () => (await import("@freehold/inference")).inferenceProgram as unknown as Program,
	gateway: async () => (await import("@freehold/gateway")).gatewayProgram as unknown as Program,
	hub: async () => (await import("@freehold/hub")).hubProgram as unknown as Program,
};

const NETWORK_FLAG = "--network";
const NETWORK_HELP = `  ${NETWORK_FLAG} FILE|URL  network.json of a network, or its gateway's address: where the other roles are, and what this one trusts`;

/** Runs a role until it is told to stop. Resolves with the exit status. */
export async function runRole(role: string, argv: readonly string[], env: Environment): Promise<number> {
	if (!Object.hasOwn(loaders, role)) {
		process.stderr.write(`There is no role ${role}; there are: ${Object.keys(loaders).join(", ")}\n`);
		return exitCodes.usage;
	}
	const program = await loaders[role as RoleName]();
	if (argv.includes("--help")) {
		process.stdout.write(helpOf(program));
		return 0;
	}
	try {
		const { network, rest } = takeNetwork(argv);
		const around = { ...(role === "ledger" ? await engineEnvironment(env) : {}), ...env };
		return await runProgram(program, rest, network === undefined ? around : { ...(await networkEnvironment(program, network, rest, env)), ...around });
	} catch (error) {
		if (!(error instanceof FreeholdError)) throw error;
		process.stderr.write(`${error.message}\n`);
		return exitCodes.usage;
	}
}

function takeNetwork(argv: readonly string[]): { readonly network: string | undefined; readonly rest: readonly string[] } {
	const at = argv.findIndex((word) => word === NETWORK_FLAG || word.startsWith(`${NETWORK_FLAG}=`));
	if (at < 0) return { network: undefined, rest: argv };
	const word = argv[at] as string;
	const joined = word.startsWith(`${NETWORK_FLAG}=`);
	const network = joined ? word.slice(NETWORK_FLAG.length + 1) : argv[at + 1];
	if (network === undefined || network === "" || network.startsWith("--"))
		throw new FreeholdError("config.invalid", { option: NETWORK_FLAG, reason: "needs a file or an address" });
	return { network, rest: [...argv.slice(0, at), ...argv.slice(at + (joined ? 1 : 2))] };
}

/** What the network's description says, as environment: weaker than what the command line or the environment say themselves. */
async function networkEnvironment(program: Program, where: string, argv: readonly string[], env: Environment): Promise<Environment> {
	const network = await readNetwork(where);
	const { data } = readConfig({ data: (program.options as OptionTable)["data"] } as OptionTable, onlyData(argv), env, program.role) as {
		readonly data: string;
	};
	await mkdir(data, { recursive: true });
	const given: Record<string, () => Promise<string> | string> = {
		rpcUrl: () => network.rpcUrl,
		storageUrl: () => network.storageUrl,
		hubUrl: () => network.hubUrl,
		chainId: () => String(network.chainId),
		follow: () => network.rpcUrl,
		checkpoint: () => trustedCheckpoint(data, network),
		networkFile: async () => {
			const path = join(data, "network.json");
			await writeJson(path, network);
			return path;
		},
	};
	const entries = Object.entries(given).filter(([name]) => Object.hasOwn(program.options, name));
	return Object.fromEntries(await Promise.all(entries.map(async ([name, value]) => [environmentName(program.role, name), await value()] as const)));
}

/** Where CometBFT's program is, for a ledger that is not told: what `FREEHOLD_COMETBFT` names, or what was built before. */
async function engineEnvironment(env: Environment): Promise<Environment> {
	const { findEngine } = await import("@freehold/ledger");
	const program = await findEngine(env);
	return program === undefined ? {} : { [environmentName("ledger", "cometbft")]: program };
}

/** `--data DIR` of a command line, whatever else it says. */
function onlyData(argv: readonly string[]): readonly string[] {
	const at = argv.findIndex((word) => word === "--data" || word.startsWith("--data="));
	if (at < 0) return [];
	return argv[at] === "--data" ? argv.slice(at, at + 2) : argv.slice(at, at + 1);
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
	return `Usage: freehold node run ${role} [options]\n\n${summary}\n\n${NETWORK_HELP}\n${lines.join("\n")}\n`;
}

/** Names for `FREEHOLD_CRASH_AT`, of every role. */
export async function crashPointsOfRoles(): Promise<readonly { readonly role: string; readonly name: string }[]> {
	const programs = await Promise.all(Object.values(loaders).map((load) => load()));
	return programs.flatMap((program) => program.crashPoints.map((name) => ({ role: program.role, name })));
}
