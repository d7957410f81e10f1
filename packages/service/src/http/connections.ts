/** The connections of one server: bounded, and full of idle ones it still lets the next client in, at the cost of whoever has been idle longest. */
import type { Socket } from "node:net";

export class Connections {
	readonly #most: number;
	/** Without a request under way, in the order in which they became so. */
	readonly #idle = new Set<Socket>();
	#open = 0;

	constructor(most: number) {
		this.#most = most;
	}

	opened(socket: Socket): void {
		this.#open++;
		socket.once("close", () => {
			this.#open--;
			this.#idle.delete(socket);
		});
		if (this.#open > this.#most) {
			const [oldest] = this.#idle;
			(oldest ?? socket).destroy();
		}
		if (!socket.destroyed) this.#idle.add(socket);
	}

	busy(socket: Socket): void {
		this.#idle.delete(socket);
	}

	idle(socket: Socket): void {
		if (!socket.destroyed) this.#idle.add(socket);
	}
}
