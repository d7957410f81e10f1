/** Loads releases ahead of their first call, one after another, so that nobody pays for a download with waiting. */
import type { Hex } from "@freehold/protocol";
import type { EnginePool } from "../engine/engine.js";
import type { TextPool } from "../engine/pool/text-pool.js";
import type { UpstreamPool } from "../engine/upstream/upstream-pool.js";
import type { NodeEvents } from "./events.js";
import type { Models } from "./models.js";
import type { ReleaseBook } from "./releases.js";

export interface PrepareModules {
	readonly releases: ReleaseBook;
	readonly models: Models;
	readonly pool: EnginePool;
	readonly textPool: TextPool;
	readonly upstreams: UpstreamPool;
	readonly events: NodeEvents;
}

/** Of what was published while nobody looked, only the newest are worth the disk. */
const MOST_WAITING = 32;

export class Preparation {
	readonly #modules: PrepareModules;
	readonly #waiting: Hex[] = [];
	#wake: () => void = () => {};

	constructor(modules: PrepareModules) {
		this.#modules = modules;
	}

	add(release: Hex): void {
		this.#waiting.push(release);
		if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
		this.#wake();
	}

	/** Works until the signal says so. A release that cannot be loaded is told and left alone. */
	async run(signal: AbortSignal): Promise<void> {
		signal.addEventListener("abort", () => this.#wake(), { once: true });
		for (const { release } of this.#modules.releases.all().slice(-MOST_WAITING)) this.add(release);
		while (!signal.aborted) {
			const release = this.#waiting.shift();
			if (release !== undefined) await this.#prepare(release, signal);
			else
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
				});
		}
	}

	async #prepare(release: Hex, signal: AbortSignal): Promise<void> {
		const { releases, models, pool, textPool, upstreams, events } = this.#modules;
		try {
			const { files, giveBack } = await models.hold(releases.served(release).manifest);
			try {
				if (files.format === "onnx") await pool.load(files, "fast", signal);
				else if (files.format === "upstream") await upstreams.load(files);
				// A model that others would have to make room for waits for its first call.
				else if (textPool.hasRoom) await textPool.load(files, signal);
			} finally {
				giveBack();
			}
			events.prepared(release);
		} catch (error) {
			if (!signal.aborted) events.notPrepared(release, error);
		}
	}
}
