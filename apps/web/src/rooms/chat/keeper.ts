/** Writes a conversation to its owner's shelf: one write after the other, each of what is there then. */
import type { Conversation } from "../../conversations/conversation.js";
import type { Shelf } from "../../conversations/shelf.js";

export interface OwnShelf {
	readonly shelf: Shelf;
	/** Address of the account that it is kept for. */
	readonly owner: string;
}

export class Keeper {
	/** Undefined until somebody is there whom it is kept for. */
	on: OwnShelf | undefined;
	#last: Promise<void> = Promise.resolve();
	#forgotten = false;
	readonly #told: (failure: unknown) => void;

	/** `told` hears of each write: undefined when it is kept, else why it is not. */
	constructor(on: OwnShelf | undefined, told: (failure: unknown) => void) {
		this.on = on;
		this.#told = told;
	}

	/** Does not throw. */
	write(current: () => Conversation): Promise<void> {
		this.#last = this.#last.then(async () => {
			try {
				if (!this.#forgotten) await this.on?.shelf.write(current());
				this.#told(undefined);
			} catch (error) {
				this.#told(error);
			}
		});
		return this.#last;
	}

	/** Nothing is written any more. */
	forget(): void {
		this.#forgotten = true;
	}
}
