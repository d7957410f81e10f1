/** A running storage program on a free port, as `freehold node run storage` would start it. */
import { rm } from "node:fs/promises";
import { createLog, type ProgramContext, type ReadyReport, type RunningService, readConfig, startHttpServer } from "@freehold/service";
import { Registry } from "prom-client";
import { storageProgram } from "../src/program.js";

export interface ServedStorage {
	readonly url: string;
	readonly metrics: Registry;
	ready(): Promise<ReadyReport>;
	stop(): Promise<void>;
}

export async function serveStorage(folder: string, argv: readonly string[] = []): Promise<ServedStorage> {
	const log = createLog({ role: "storage", level: "fatal" });
	const metrics = new Registry();
	const config = readConfig(storageProgram.options, ["--data", folder, "--port", "0", ...argv], {}, "storage");
	const context: ProgramContext<typeof config> = {
		config,
		log,
		metrics,
		clock: { now: () => Date.now() },
		random: (length) => new Uint8Array(length),
		signal: new AbortController().signal,
		onChain: () => {},
		crashPoint: () => {},
		listen: (bindings, options) => startHttpServer(bindings, { ...options, log, metrics }),
		fail: (error) => {
			throw error;
		},
	};
	const service: RunningService = await storageProgram.start(context);
	return {
		url: service.url,
		metrics,
		ready: async () => service.ready(),
		async stop() {
			await service.drain();
			await rm(folder, { recursive: true, force: true });
		},
	};
}
