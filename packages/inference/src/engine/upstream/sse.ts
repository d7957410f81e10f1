/** Server-sent events as they come (HTML Living Standard, §9.2), with bounds. */
import { FreeholdError } from "@freehold/protocol";

export interface ServerEvent {
	/** Empty when the server names none. */
	readonly event: string;
	readonly data: string;
}

const MAX_EVENT_CHARS = 4 * 1024 * 1024;

export class EventReader {
	readonly #what: string;
	readonly #decoder = new TextDecoder();
	#text = "";
	#event = "";
	#data: string[] = [];
	#size = 0;

	/** `what`: whom errors name. */
	constructor(what: string) {
		this.#what = what;
	}

	/** Takes bytes; gives the events that they complete. Throws `upstream.failed` for an event that never ends. */
	push(chunk: Uint8Array): ServerEvent[] {
		this.#text += this.#decoder.decode(chunk, { stream: true });
		const events: ServerEvent[] = [];
		let start = 0;
		for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n", start)) {
			const line = this.#text.slice(start, end).replace(/\r$/, "");
			start = end + 1;
			const event = this.#line(line);
			if (event !== undefined) events.push(event);
		}
		this.#text = this.#text.slice(start);
		if (this.#text.length + this.#size > MAX_EVENT_CHARS)
			throw new FreeholdError("upstream.failed", { what: this.#what, reason: `an event longer than ${MAX_EVENT_CHARS} characters` });
		return events;
	}

	#line(line: string): ServerEvent | undefined {
		if (line === "") {
			if (this.#data.length === 0) return undefined;
			const event = { event: this.#event, data: this.#data.join("\n") };
			this.#event = "";
			this.#data = [];
			this.#size = 0;
			return event;
		}
		const colon = line.indexOf(":");
		const field = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
		if (field === "data") {
			this.#data.push(value);
			this.#size += value.length;
		} else if (field === "event") this.#event = value;
		return undefined;
	}
}
