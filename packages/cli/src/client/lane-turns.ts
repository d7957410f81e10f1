/** One process's turn on its account's channels: taken with its first call, given back with its last, so that calls of a long-lived command run side by side and others still get their turn. */
import type { LaneFolder } from "./lane-folder.js";

export class LaneTurns {
	readonly #lanes: LaneFolder;
	readonly #signal: AbortSignal;
	#users = 0;
	#held: Promise<() => void> | undefined;

	constructor(lanes: LaneFolder, signal: AbortSignal) {
		this.#lanes = lanes;
		this.#signal = signal;
	}

	/** Resolves with what gives the turn back. */
	async take(): Promise<() => void> {
		this.#users++;
		this.#held ??= this.#hold();
		const end = (): void => {
			this.#users--;
			if (this.#users > 0 || this.#held === undefined) return;
			const held = this.#held;
			this.#held = undefined;
			held.then(
				(release) => release(),
				() => undefined,
			);
		};
		try {
			await this.#held;
		} catch (error) {
			end();
			throw error;
		}
		let taken = true;
		return () => {
			if (taken) end();
			taken = false;
		};
	}

	#hold(): Promise<() => void> {
		return new Promise((resolve, reject) => {
			this.#lanes.alone(this.#signal, () => new Promise<void>((release) => resolve(release))).catch(reject);
		});
	}
}
