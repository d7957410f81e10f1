/** Calls to outside providers. They run in the node's own process: what comes back is text, read with bounds, and no stranger's file is loaded. */
import { readFile } from "node:fs/promises";
import { type EngineDescription, FreeholdError, parseUpstreamModel, type TextAbilities, type TextRequest } from "@freehold/protocol";
import type { ReleaseFiles } from "../engine.js";
import type { TextAnswerOf, TextListener } from "../pool/text-pool.js";
import type { Provider } from "./providers.js";
import { type UpstreamLimits, UpstreamSession } from "./upstream-session.js";

export class UpstreamPool {
	readonly #providers: ReadonlyMap<string, Provider>;
	readonly #limits: UpstreamLimits;
	readonly #running = new Map<string, number>();

	constructor(providers: readonly Provider[], limits: UpstreamLimits) {
		this.#providers = new Map(providers.map((provider) => [provider.name, provider]));
		this.#limits = limits;
	}

	get depth(): number {
		return [...this.#running.values()].reduce((sum, count) => sum + count, 0);
	}

	async load(files: ReleaseFiles): Promise<TextAbilities> {
		return (await this.#session(files)).session.abilities;
	}

	async countTokens(files: ReleaseFiles, request: TextRequest): Promise<number> {
		return (await this.#session(files)).session.countTokens(request);
	}

	/** Throws what `TextSession.run` throws, `engine.unsupported` for a provider that this node has no account with, and `engine.busy`. */
	async run(files: ReleaseFiles, request: TextRequest, listener: TextListener, signal?: AbortSignal): Promise<TextAnswerOf> {
		const { session, provider } = await this.#session(files);
		const running = this.#running.get(provider.name) ?? 0;
		if (running >= provider.maxCalls) throw new FreeholdError("engine.busy", { waiting: running });
		this.#running.set(provider.name, running + 1);
		try {
			const { engine } = session;
			const sink = {
				started: (inputTokens: number) => listener.started(inputTokens, engine),
				delta: (delta: Parameters<TextListener["delta"]>[0]) => listener.delta(delta),
			};
			const { vectors = [], inputTokens } = await session.run(request, sink, signal);
			return { engine, vectors, ...(inputTokens === undefined ? {} : { inputTokens }) };
		} finally {
			this.#running.set(provider.name, (this.#running.get(provider.name) ?? 1) - 1);
		}
	}

	/** What the engine of a provider is named, without a model. */
	describe(): readonly EngineDescription[] {
		return [...this.#providers.values()].map((provider) => {
			const model = { version: 1, provider: provider.name, model: "any", abilities: { contextTokens: 1, tasks: ["chat"], tools: false } } as const;
			return new UpstreamSession(model, provider, this.#limits).engine;
		});
	}

	async #session(files: ReleaseFiles): Promise<{ readonly session: UpstreamSession; readonly provider: Provider }> {
		const model = parseUpstreamModel(await readFile(files.modelPath));
		const provider = this.#providers.get(model.provider);
		if (provider === undefined) throw new FreeholdError("engine.unsupported", { mode: "fast", reason: `this node has no account with ${model.provider}` });
		if (provider.models !== undefined && !provider.models.includes(model.model))
			throw new FreeholdError("engine.unsupported", { mode: "fast", reason: `this node does not ask ${model.provider} for ${model.model}` });
		return { session: new UpstreamSession(model, provider, this.#limits), provider };
	}
}
