/** The lines of an answer that is being written, as a body that is read at the reader's pace. */
import { Readable } from "node:stream";
import type { TextCall } from "./text-call.js";

export class LineStream extends Readable {
	readonly #call: TextCall;
	readonly #leave: () => void;
	#next = 0;
	#wanted = false;

	constructor(call: TextCall) {
		super({ encoding: "utf8" });
		this.#call = call;
		this.#leave = call.listen(() => this.#flush());
	}

	override _read(): void {
		this.#wanted = true;
		this.#flush();
	}

	override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
		this.#leave();
		callback(error);
	}

	#flush(): void {
		while (this.#wanted) {
			const line = this.#call.line(this.#next);
			if (line === undefined) break;
			this.#next++;
			this.#wanted = this.push(line, "utf8");
		}
		if (this.#wanted && this.#call.complete && this.#call.line(this.#next) === undefined) {
			this.#wanted = false;
			this.push(null);
		}
	}
}
