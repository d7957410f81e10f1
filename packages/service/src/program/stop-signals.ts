/** When a program must stop: by signal, or because the supervisor that started it is gone. */
import type { EventEmitter } from "node:events";

export interface StopSource {
	/** Where SIGTERM and SIGINT arrive. */
	readonly signals: EventEmitter;
	/** Milliseconds of any steady clock. */
	readonly now: () => number;
	/** Calls back once when the supervisor is gone; returns how to stop looking. */
	readonly watchSupervisor?: (gone: () => void) => () => void;
}

export interface StopHandlers {
	/** The first reason to stop: finish what is there. */
	readonly drain: (reason: string) => void;
	/** A second signal: end now. */
	readonly now: (reason: string) => void;
}

/** One keypress or one supervisor may reach a process twice; within this time it is the same signal. */
const REPEAT_MS = 1_000;

/** Listens until the returned function is called. */
export function onStop(source: StopSource, handlers: StopHandlers): () => void {
	let first: number | undefined;
	const stop = (reason: string): void => {
		const now = source.now();
		if (first === undefined) {
			first = now;
			handlers.drain(reason);
		} else if (now - first >= REPEAT_MS) handlers.now(reason);
	};
	const onTerm = (): void => stop("SIGTERM");
	const onInt = (): void => stop("SIGINT");
	source.signals.on("SIGTERM", onTerm).on("SIGINT", onInt);
	const unwatch = source.watchSupervisor?.(() => {
		// No second signal: it only says once more that nobody waits.
		if (first === undefined) stop("the supervisor is gone");
	});
	return () => {
		source.signals.off("SIGTERM", onTerm).off("SIGINT", onInt);
		unwatch?.();
	};
}

/** The supervisor holds the other end of standard input and, where it forked us, of a channel. Either closing means that it is gone. */
export function watchSupervisor(gone: () => void): () => void {
	const { stdin } = process;
	stdin.on("end", gone).on("close", gone).on("error", gone);
	stdin.resume();
	if (process.channel !== undefined) {
		process.on("disconnect", gone);
		process.channel.unref();
	}
	return () => {
		stdin.off("end", gone).off("close", gone);
		process.off("disconnect", gone);
		stdin.destroy();
	};
}
