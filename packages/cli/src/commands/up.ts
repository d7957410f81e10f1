/** `freehold up`: the local network, for as long as this command runs. */

import { relative } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import { commonOptions, environmentName, roleNames, sizeOption } from "@freehold/service";
import type { CommandContext } from "../context.js";
import type { Action } from "../main.js";
import { DEFAULT_PORT_BASE } from "../supervisor/local-network.js";
import { type RunningNetwork, startNetwork } from "../supervisor/running-network.js";
import type { Supervisor } from "../supervisor/supervisor.js";
import { MOST_VALIDATORS } from "../supervisor/validators.js";

/** Two signals closer than this are one: terminals and supervisors often send both. */
const SAME_SIGNAL_MS = 1_000;
/** Exit status of a start that was broken off, and of a stop that was demanded. */
const STOPPED = 130;
/** Five processes and three models. */
const STEPS = 8;
const LOG_SIZE = sizeOption({ help: "", group: "" });
const LEAST_LOG_BYTES = 1024 ** 2;

export interface NetworkOptions {
	readonly portBase: number;
	readonly batchAgeMs: string | undefined;
	readonly traceUrl: string | undefined;
	/** Undefined: the usual size. */
	readonly logBytes: number | undefined;
	/** Undefined: what the folder has, or one. */
	readonly validators: number | undefined;
}

export const up: Action = async (context, _args, options) => {
	const { output, folder } = context;
	const startedAt = performance.now();
	let asked = false;
	let stopRequested = (): void => {};
	const stopped = new Promise<void>((resolve) => {
		stopRequested = () => {
			asked = true;
			resolve();
		};
	});
	let supervisor: Supervisor | undefined;
	const release = onStopSignals(
		() => stopRequested(),
		() => {
			supervisor?.killAll();
			// The exception to an orderly end: whatever else this process waits for does not count any more.
			void supervisor?.drain().finally(() => process.exit(STOPPED));
		},
	);
	output.line(`${output.bold("  Freehold")} · local network · chain 10741 · one operator (this machine)`);
	const starting = start(context, options, {
		started: (it) => {
			supervisor = it;
			// A signal may have come before there was anything to stop.
			if (asked) void it.drain();
		},
	});
	const running = await Promise.race([starting, stopped.then(() => undefined)]);
	if (running === undefined) {
		await supervisor?.drain();
		await starting.catch(() => {});
		release();
		return STOPPED;
	}
	const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
	const tick = output.good("✓");
	const ledgers = running.validators === 1 ? "ledger" : `${running.validators} validators`;
	output.line(`  ${tick} ${ledgers}  ${tick} storage  ${tick} 1 inference node  ${tick} gateway  ${tick} hub     ready in ${seconds} s`);
	output.line(`  Open ${running.network.webUrl}    Try ${output.bold("npm run demo")}    Stop Ctrl-C    Files ${relative(process.cwd(), folder.root) || "."}`);
	if (output.json) output.result(running.network, () => "");
	await stopped;
	output.line("  Stopping …");
	await running.stop();
	release();
	return 0;
};

/** Starts a network with what the command line says, and words for what happens. */
export async function start(
	context: CommandContext,
	options: Readonly<Record<string, unknown>>,
	hooks: { readonly started: (supervisor: Supervisor) => void },
): Promise<RunningNetwork> {
	const { portBase, batchAgeMs, traceUrl, validators, logBytes } = readNetworkOptions(options);
	const progress = context.output.progress("starting");
	let ready = 0;
	const steps = STEPS + (validators ?? 1) - 1;
	try {
		return await startNetwork({
			folder: context.folder,
			portBase,
			...(batchAgeMs === undefined ? {} : { batchAgeMs }),
			...(validators === undefined ? {} : { validators }),
			...(logBytes === undefined ? {} : { logBytes }),
			building: () => context.output.note("  Building CometBFT (once, about a minute) …"),
			env: traceUrl === undefined ? context.env : { ...context.env, ...traceEnvironment(traceUrl) },
			clock: Date,
			started: hooks.started,
			ready: () => progress.update(++ready, steps),
			seeding: () => progress.update(++ready, steps),
			died: (name, how, restarts) => context.output.note(`  ${context.output.bad("!")} ${name} ended (${how}); started again (${restarts})`),
		});
	} finally {
		progress.stop();
	}
}

export function readNetworkOptions(options: Readonly<Record<string, unknown>>): NetworkOptions {
	const portBase = Number(options["portBase"] ?? DEFAULT_PORT_BASE);
	if (!Number.isInteger(portBase) || portBase < 1024 || portBase > 65_400)
		throw new FreeholdError("config.invalid", { option: "--port-base", reason: "must be a port from 1024 to 65400" });
	const validators = options["validators"] === undefined ? undefined : Number(options["validators"]);
	if (validators !== undefined && !(Number.isInteger(validators) && validators >= 1 && validators <= MOST_VALIDATORS))
		throw new FreeholdError("config.invalid", { option: "--validators", reason: `must be a whole number from 1 to ${MOST_VALIDATORS}` });
	const batchAge = options["batchAge"];
	if (batchAge !== undefined && (typeof batchAge !== "string" || !/^\d{2,4}$/.test(batchAge)))
		throw new FreeholdError("config.invalid", { option: "--batch-age", reason: "must be 10 to 9999 milliseconds" });
	const traceUrl = options["traceUrl"];
	const logSize = options["logSize"];
	const logBytes = typeof logSize === "string" ? LOG_SIZE.parse(logSize, "--log-size") : undefined;
	if (logBytes !== undefined && logBytes < LEAST_LOG_BYTES)
		throw new FreeholdError("config.invalid", { option: "--log-size", reason: "must be at least 1MiB" });
	return {
		portBase,
		validators,
		batchAgeMs: batchAge,
		logBytes,
		traceUrl: typeof traceUrl === "string" ? commonOptions.traceUrl.parse(traceUrl, "--trace-url") : undefined,
	};
}

/** Every role gets the collector as if it had been given on its own command line. */
function traceEnvironment(traceUrl: string): Readonly<Record<string, string>> {
	return Object.fromEntries(roleNames.map((role) => [environmentName(role, "traceUrl"), traceUrl]));
}

/** The first signal asks for a stop, a second one demands it. */
export function onStopSignals(ask: () => void, demand: () => void): () => void {
	let firstAt: number | undefined;
	const handle = (): void => {
		const now = performance.now();
		if (firstAt === undefined) {
			firstAt = now;
			ask();
		} else if (now - firstAt > SAME_SIGNAL_MS) demand();
	};
	process.on("SIGINT", handle);
	process.on("SIGTERM", handle);
	return () => {
		process.off("SIGINT", handle);
		process.off("SIGTERM", handle);
	};
}
