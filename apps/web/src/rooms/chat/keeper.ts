/** Writes a conversation to its owner's shelf: one write after the other, each of what is there then, joined with what another tab has kept meanwhile. */
import type { Conversation } from "../../conversations/conversation.js";
import type { Shelf } from "../../conversations/shelf.js";
import { alone, tellTabs } from "../../conversations/tabs.js";

export interface OwnShelf {
	readonly shelf: Shelf;
	/** Address of the account that it is kept for. */
	readonly owner: string;
}

export interface Kept {
	/** What is there now. */
	current(): Conversation;
	/** Takes over what another tab kept since `base`, at once. */
	join(base: Conversation | undefined, there: Conversation): void;
	/** Hears of each write: undefined when it is kept, else why it is not. */
	told(failure: unknown): void;
}

export class Keeper {
	/** Undefined until somebody is there whom it is kept for. */
	on: OwnShelf | undefined;
	#last: Promise<void> = Promise.resolve();
	#forgotten = false;
	/** As it was read or written here last. */
	#base: Conversation | undefined;
	readonly #kept: Kept;

	/** `base`: what was read from the shelf. */
	constructor(on: OwnShelf | undefined, base: Conversation | undefined, kept: Kept) {
		this.on = on;
		this.#base = base;
		this.#kept = kept;
	}

	/** Does not throw. */
	write(): Promise<void> {
		return this.#next((shelf) =>
			this.#alone(async () => {
				await this.#take(shelf);
				const conversation = this.#kept.current();
				await shelf.write(conversation);
				this.#base = conversation;
				tellTabs(conversation.id);
			}),
		);
	}

	/** Takes over what another tab has written. Does not throw. */
	refresh(): Promise<void> {
		return this.#next((shelf) => this.#take(shelf));
	}

	/** Nothing is written any more. */
	forget(): void {
		this.#forgotten = true;
	}

	#next(work: (shelf: Shelf) => Promise<void>): Promise<void> {
		this.#last = this.#last.then(async () => {
			try {
				if (!this.#forgotten && this.on !== undefined) await work(this.on.shelf);
				this.#kept.told(undefined);
			} catch (error) {
				this.#kept.told(error);
			}
		});
		return this.#last;
	}

	#alone(work: () => Promise<void>): Promise<void> {
		return alone(this.#kept.current().id, work);
	}

	async #take(shelf: Shelf): Promise<void> {
		const there = await shelf.read(this.#kept.current().id);
		if (there !== undefined) {
			this.#kept.join(this.#base, there);
			this.#base = there;
		} else if (this.#base !== undefined) {
			// Nobody brings back what the person removed.
			this.forget();
			throw new Error("It was removed in another tab, and is not kept any more.");
		}
	}
}
