/** The log of a program: one JSON object per line on standard output. */
import pino, { type Logger } from "pino";
import { traceFields } from "../trace/trace.js";

export const logLevels = ["fatal", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof logLevels)[number];

const SECRETS: ReadonlySet<string> = new Set(["privateKey", "secret", "password", "passphrase", "mnemonic", "authorization", "apiKey", "keyFileContent"]);
const CENSOR = "[secret]";
/** How deep a line is searched for them. */
const SECRET_DEPTH = 4;

export interface LogOptions {
	readonly role: string;
	readonly level: LogLevel;
	/** Where lines go; standard output when absent. */
	readonly destination?: { write(line: string): void };
}

/** Lines below a warning share writes: one a call would cost the call more than most of its work. */
const BUFFER_BYTES = 8 * 1024;
const FLUSH_MS = 50;
const WARNING = 40;

export function createLog({ role, level, destination }: LogOptions): Logger {
	return pino(
		{
			level,
			base: { role },
			mixin: traceFields,
			formatters: { level: (label) => ({ level: label }), log: (line) => withoutSecrets(line, SECRET_DEPTH) as Record<string, unknown> },
			serializers: { err: (error: Error) => withoutSecrets(pino.stdSerializers.err(error), SECRET_DEPTH) },
		},
		destination ?? standardOutput(),
	);
}

/**
 * What is logged with every secret replaced; what holds none is given back as it is, without a copy. pino's own redaction copies each line many times over, which was a
 * quarter of all memory that a call took.
 */
function withoutSecrets(value: unknown, depth: number): unknown {
	// An error is told by its serializer.
	if (typeof value !== "object" || value === null || value instanceof Error || ArrayBuffer.isView(value)) return value;
	let cleaned: Record<string, unknown> | unknown[] | undefined;
	for (const [name, member] of Object.entries(value)) {
		const kept = SECRETS.has(name) && member !== undefined ? CENSOR : depth > 0 ? withoutSecrets(member, depth - 1) : member;
		if (kept === member) continue;
		cleaned ??= Array.isArray(value) ? [...value] : { ...value };
		(cleaned as Record<string, unknown>)[name] = kept;
	}
	return cleaned ?? value;
}

/** Warnings and worse are written before the call returns, with all that came before them: the last lines before a crash are the ones that matter. */
function standardOutput(): { write(line: string): void } {
	const output = pino.destination({ fd: 1, sync: true, minLength: BUFFER_BYTES, periodicFlush: FLUSH_MS });
	process.once("exit", () => output.flushSync());
	const lines = {
		// Asks pino to tell the level of each line before it writes it.
		[Symbol.for("pino.metadata")]: true,
		lastLevel: 0,
		write(line: string): void {
			output.write(line);
			if (lines.lastLevel >= WARNING) output.flushSync();
		},
	};
	return lines;
}
