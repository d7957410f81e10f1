/** Runs a program: configuration, log, metrics, signals, common routes, and an orderly end. */
import { rm } from "node:fs/promises";
import { commonRoutes, FreeholdError } from "@freehold/protocol";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import { type Environment, readConfig } from "../config/config.js";
import { choiceOption, durationOption, optional, pathOption, urlOption } from "../config/options.js";
import { secp256k1Kind } from "../crypto/native.js";
import { pooledRandom } from "../crypto/random.js";
import { jsonResponse } from "../http/responses.js";
import { type HttpServer, type RouteBinding, startHttpServer } from "../http/server.js";
import { atomicWriteFile } from "../net/atomic-file.js";
import { startChassisMetrics } from "./chassis-metrics.js";
import { crashPoints, killThisProcess } from "./crash-point.js";
import { createLog, logLevels } from "./log.js";
import type { ConfigOf, OptionTable, Program, ProgramContext, ReadyReport, RunningService } from "./program.js";
import { onStop, watchSupervisor } from "./stop-signals.js";
import { programVersion } from "./version.js";

/** Options that every program has beside its own. */
export const commonOptions = {
	runFile: optional(pathOption({ argument: "FILE", help: "Write {pid, url, startedAt} here once the program answers.", group: "Process" })),
	logLevel: choiceOption(logLevels, { default: "info", help: "Least important lines that are logged.", group: "Process" }),
	traceUrl: optional(urlOption({ help: "Collector (OTLP over HTTP) that traces of calls are sent to; without it there are none.", group: "Process" })),
	drainTimeout: durationOption({ default: 15_000, help: "Longest time to finish work after a signal.", group: "Process" }),
} as const satisfies OptionTable;

/** What the chassis reads of the environment beside options. */
export const environmentNames = { crashAt: "FREEHOLD_CRASH_AT", supervised: "FREEHOLD_SUPERVISED" } as const;

export const exitCodes = { ended: 0, failed: 1, usage: 2, stopped: 130 } as const;

/**
 * Runs until it is told to stop; resolves with the exit code: 0 after a drain, 1 after a failure, 2 for a wrong configuration. The process then ends by
 * itself, since nothing is left open.
 */
export async function runProgram<O extends OptionTable>(program: Program<O>, argv: readonly string[], env: Environment): Promise<number> {
	const { role } = program;
	const options = { ...program.options, ...commonOptions };
	let common: ConfigOf<typeof commonOptions>;
	let config: ConfigOf<O>;
	try {
		const all = readConfig(options, argv, env, role);
		common = all as ConfigOf<typeof commonOptions>;
		config = all as unknown as ConfigOf<O>;
	} catch (error) {
		createLog({ role, level: "info" }).fatal(error instanceof Error ? error.message : String(error));
		return exitCodes.usage;
	}
	const log = createLog({ role, level: common.logLevel });
	const life = new Life(program, config, common, log, env);
	return life.run();
}

class Life<O extends OptionTable> {
	readonly #program: Program<O>;
	readonly #config: ConfigOf<O>;
	readonly #common: ConfigOf<typeof commonOptions>;
	readonly #log: Logger;
	readonly #env: Environment;
	readonly #metrics = new Registry();
	readonly #hardStop = new AbortController();
	readonly #servers: HttpServer[] = [];
	readonly #stopAsked: Promise<string>;
	#askToStop: (reason: string) => void = () => {};
	#service: RunningService | undefined;
	#draining = false;
	#deadline: NodeJS.Timeout | undefined;
	#failed = false;
	#endTraces: () => Promise<void> = async () => {};

	constructor(program: Program<O>, config: ConfigOf<O>, common: ConfigOf<typeof commonOptions>, log: Logger, env: Environment) {
		this.#program = program;
		this.#config = config;
		this.#common = common;
		this.#log = log;
		this.#env = env;
		this.#stopAsked = new Promise((resolve) => {
			this.#askToStop = resolve;
		});
	}

	async run(): Promise<number> {
		const { data } = this.#config as { readonly data?: unknown };
		startChassisMetrics(this.#metrics, {
			ready: async () => (await this.#ready()).ready,
			dataFolder: typeof data === "string" ? data : undefined,
		});
		const supervised = this.#env[environmentNames.supervised] === "1";
		const unlisten = onStop(
			{ signals: process, now: () => performance.now(), ...(supervised ? { watchSupervisor } : {}) },
			{ drain: (reason) => this.#stopSoon(reason), now: (reason) => this.#stopNow(reason) },
		);
		const onFault = (error: unknown): void => this.#fail(error);
		process.on("uncaughtException", onFault).on("unhandledRejection", onFault);
		try {
			const started = await this.#start();
			if (started) this.#log.info({ reason: await this.#stopAsked }, "draining");
			await this.#drain();
			return this.#failed ? exitCodes.failed : exitCodes.ended;
		} finally {
			unlisten();
			process.off("uncaughtException", onFault).off("unhandledRejection", onFault);
		}
	}

	/** False when it could not start; a stop during the start waits until the program can drain. */
	async #start(): Promise<boolean> {
		const { runFile } = this.#common;
		try {
			await this.#startTraces();
			this.#service = await this.#program.start(this.#context());
			if (runFile !== undefined) await atomicWriteFile(runFile, `${JSON.stringify({ pid: process.pid, url: this.#service.url, startedAt: Date.now() })}\n`);
			this.#log.info({ url: this.#service.url, pid: process.pid, secp256k1: secp256k1Kind }, "ready");
			return true;
		} catch (error) {
			this.#failed = true;
			this.#log.fatal({ err: error }, `cannot start: ${error instanceof Error ? error.message : String(error)}`);
			return false;
		}
	}

	async #startTraces(): Promise<void> {
		const { traceUrl } = this.#common;
		if (traceUrl === undefined) return;
		const { startOtlp } = await import("../trace/otlp.js");
		let told = false;
		this.#endTraces = startOtlp({
			url: traceUrl,
			role: this.#program.role,
			version: programVersion,
			failed: (reason) => {
				// Once is enough: what is lost is only what somebody wanted to look at.
				if (!told) this.#log.warn({ collector: traceUrl, reason }, "traces cannot be delivered; calls go on without them");
				told = true;
			},
		});
	}

	async #drain(): Promise<void> {
		this.#draining = true;
		this.#armDeadline();
		try {
			await this.#service?.drain();
		} catch (error) {
			this.#failed = true;
			this.#log.error({ err: error }, "draining failed");
		}
		await Promise.all(this.#servers.map((server) => server.close(this.#common.drainTimeout)));
		this.#hardStop.abort(new FreeholdError("request.aborted"));
		await this.#endTraces();
		clearTimeout(this.#deadline);
		if (this.#common.runFile !== undefined) await rm(this.#common.runFile, { force: true });
		this.#log.info("stopped");
	}

	/** The time to stop runs from here, also while the program still starts. */
	#stopSoon(reason: string): void {
		this.#armDeadline();
		this.#askToStop(reason);
	}

	#armDeadline(): void {
		this.#deadline ??= setTimeout(() => this.#stopNow(`not drained within ${this.#common.drainTimeout / 1000} s`), this.#common.drainTimeout);
	}

	/** The exception to an orderly end: somebody asked twice, or the time to drain is over. */
	#stopNow(reason: string): void {
		this.#log.warn({ reason }, "stopping at once");
		this.#hardStop.abort(new FreeholdError("request.aborted"));
		process.exit(reason.startsWith("SIG") ? exitCodes.stopped : exitCodes.failed);
	}

	#fail(error: unknown): void {
		this.#failed = true;
		this.#log.fatal({ err: error }, "an unexpected fault: the program stops");
		this.#stopSoon("fault");
	}

	#context(): ProgramContext<ConfigOf<O>> {
		const points = crashPoints(this.#env[environmentNames.crashAt], this.#program.crashPoints, killThisProcess);
		return {
			config: this.#config,
			log: this.#log,
			metrics: this.#metrics,
			clock: { now: () => Date.now() },
			random: pooledRandom(),
			signal: this.#hardStop.signal,
			onChain: points.enable,
			crashPoint: points.reach,
			listen: async (bindings, { host, port, upgrade }) => {
				const server = await startHttpServer([...this.#commonBindings(), ...bindings], {
					host,
					port,
					log: this.#log,
					metrics: this.#metrics,
					...(upgrade === undefined ? {} : { upgrade }),
				});
				this.#servers.push(server);
				return server;
			},
			fail: (error) => this.#fail(error),
		};
	}

	#commonBindings(): readonly RouteBinding[] {
		return [
			{ route: commonRoutes.health, handler: () => jsonResponse({ status: "alive", role: this.#program.role, version: programVersion }) },
			{ route: commonRoutes.ready, handler: async () => jsonResponse(...readyBody(await this.#ready())) },
			{
				route: commonRoutes.metrics,
				handler: async () => ({ status: 200, headers: { "content-type": this.#metrics.contentType }, body: await this.#metrics.metrics() }),
			},
		];
	}

	async #ready(): Promise<ReadyReport> {
		if (this.#draining) return { ready: false, detail: { draining: true } };
		if (this.#service === undefined) return { ready: false, detail: { starting: true } };
		return this.#service.ready();
	}
}

function readyBody({ ready, detail }: ReadyReport): [body: unknown, status: number] {
	return [{ ready, detail }, ready ? 200 : 503];
}
