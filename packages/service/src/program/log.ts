/** The log of a program: one JSON object per line on standard output. */
import pino, { type Logger } from "pino";
import { traceFields } from "../trace/trace.js";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

const SECRETS = ["privateKey", "secret", "password", "passphrase", "mnemonic", "authorization", "apiKey", "keyFileContent"] as const;

export interface LogOptions {
	readonly role: string;
	readonly level: LogLevel;
	/** Where lines go; standard output when absent. */
	readonly destination?: { write(line: string): void };
}

export function createLog({ role, level, destination }: LogOptions): Logger {
	return pino(
		{
			level,
			base: { role },
			mixin: traceFields,
			formatters: { level: (label) => ({ level: label }) },
			redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.headers.${name}`]), censor: "[secret]" },
		},
		// Written before the call returns: the last lines before a crash are the ones that matter.
		destination ?? pino.destination({ fd: 1, sync: true }),
	);
}
