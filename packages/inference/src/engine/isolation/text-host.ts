/** Engines for language models in a process of their own: requests run beside each other. */
import { FreeholdError } from "@freehold/protocol";
import type { TextSession } from "../text-engine.js";
import type { Host, WorkerConfig } from "./worker.js";

export async function textHost({ threads, sequences, windowTokens }: WorkerConfig): Promise<Host> {
	const { llamaEngine } = await import("../llama/llama-engine.js");
	const engine = await llamaEngine({ sequences, windowTokens, ...(threads === 0 ? {} : { threads }) });
	const sessions = new Map<string, TextSession>();
	const session = (name: string): TextSession => {
		const found = sessions.get(name);
		if (found === undefined) throw new FreeholdError("engine.failed", { reason: "the release is not loaded" });
		return found;
	};
	return {
		ready: { kind: "ready", engine: engine.describe() },
		concurrent: true,
		isFatal: (error) => error instanceof FreeholdError && error.code === "engine.outOfMemory",
		async serve(request, say, signal) {
			switch (request.kind) {
				case "load": {
					const loaded = await engine.load({ id: request.session, format: "gguf", modelPath: request.modelPath }, signal);
					sessions.set(request.session, loaded);
					return { kind: "loadedText", abilities: loaded.abilities };
				}
				case "unload":
					await sessions.get(request.session)?.dispose();
					sessions.delete(request.session);
					return { kind: "unloaded" };
				case "write": {
					const sink = {
						started: (inputTokens: number) => say({ kind: "started", inputTokens }),
						delta: (delta: Parameters<Parameters<TextSession["run"]>[1]["delta"]>[0]) => say({ kind: "delta", delta }),
					};
					const { vectors = [] } = await session(request.session).run(request.request, sink, signal);
					return { kind: "wrote", vectors };
				}
				case "count":
					return { kind: "counted", tokens: await session(request.session).countTokens(request.request) };
				default:
					throw new FreeholdError("engine.failed", { reason: "it takes no tensors" });
			}
		},
	};
}
