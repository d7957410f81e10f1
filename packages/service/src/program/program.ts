/**
 * What a program is to the command line and the supervisor: a name, a table of options declared once, and a start function.
 * Explicit life: start → ready → drain → stop.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { HttpServer, RouteBinding } from "../http/server.js";
import type { MetricTable } from "./metrics.js";

export const roleNames = ["ledger", "storage", "inference", "gateway", "hub"] as const;
export type RoleName = (typeof roleNames)[number];

/** One option. Its value comes from the command line (`--kebab-name`), else the environment (`FREEHOLD_<ROLE>_<NAME>`), else the default. */
export interface OptionSpec<T> {
	/** Value of the text; throws `FreeholdError("config.invalid")` with the reason. */
	readonly parse: (text: string, option: string) => T;
	readonly default?: T;
	readonly help: string;
	readonly group: string;
	/** Spelling of the argument in help texts: `URL`, `DIR`, `OPG`; empty for a switch, which needs no value. */
	readonly argument: string;
}

export type OptionTable = Readonly<Record<string, OptionSpec<unknown>>>;

/** Values by camelCase name. An option without a default must be given, unless its type allows undefined. */
export type ConfigOf<O extends OptionTable> = { readonly [K in keyof O]: O[K] extends OptionSpec<infer T> ? T : never };

export interface Clock {
	/** Unix milliseconds. */
	now(): number;
}

export interface ListenOptions {
	readonly host: string;
	readonly port: number;
	/** Takes over connections that ask for another protocol (WebSocket). */
	readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export interface ProgramContext<C> {
	readonly config: C;
	readonly log: Logger;
	readonly metrics: Registry;
	readonly clock: Clock;
	/** Cryptographically secure bytes. */
	readonly random: (length: number) => Uint8Array;
	/** Aborted when the program must stop at once. */
	readonly signal: AbortSignal;
	/** To be called once the program knows its chain: crash points work on development networks only. */
	readonly onChain: (chainId: number) => void;
	/** Ends the process by SIGKILL here when `FREEHOLD_CRASH_AT` names this point (development networks only). */
	readonly crashPoint: (name: string) => void;
	/**
	 * Starts the HTTP server with the common routes (/health, /ready, /metrics) and these. `drain` closes it at the moment that suits the program;
	 * what it leaves open is closed after it.
	 */
	readonly listen: (bindings: readonly RouteBinding[], options: ListenOptions) => Promise<HttpServer>;
	/** Stops the program as a signal would: for a fault after which it must not go on. */
	readonly fail: (error: unknown) => void;
}

export interface ReadyReport {
	readonly ready: boolean;
	/** What is missing, for operators; shown by /ready. */
	readonly detail: Readonly<Record<string, string | number | boolean>>;
}

export interface RunningService {
	readonly url: string;
	readonly ready: () => ReadyReport | Promise<ReadyReport>;
	/** Takes no new work, finishes what it has, makes everything durable, closes. */
	readonly drain: () => Promise<void>;
}

export interface Program<O extends OptionTable = OptionTable> {
	readonly role: RoleName;
	readonly summary: string;
	readonly options: O;
	/** What it counts and measures, beside what every program does; made with `registerMetrics`. */
	readonly metrics: MetricTable;
	/** Names of its crash points, for `freehold debug crash-points`. */
	readonly crashPoints: readonly string[];
	// A method, so that a list of programs with different options has a type.
	start(context: ProgramContext<ConfigOf<O>>): Promise<RunningService>;
}

/** Keeps the option types while checking the shape. */
export function defineProgram<const O extends OptionTable>(program: Program<O>): Program<O> {
	return program;
}
