/** Finds where a JSON value ends, character by character, without building it. */

export class JsonScan {
	/** Characters of the value, once its end has been seen. */
	length: number | undefined;
	#seen = 0;
	#depth = 0;
	#inText = false;
	#escaped = false;

	/** Takes the next characters of a value that is an object or a list. Those behind its end are not looked at. */
	push(text: string): void {
		for (const character of text) {
			if (this.length !== undefined) return;
			this.#seen += character.length;
			if (this.#inText) {
				if (this.#escaped) this.#escaped = false;
				else if (character === "\\") this.#escaped = true;
				else if (character === '"') this.#inText = false;
			} else if (character === '"') this.#inText = true;
			else if (character === "{" || character === "[") this.#depth++;
			else if ((character === "}" || character === "]") && --this.#depth === 0) this.length = this.#seen;
		}
	}
}
