/**
 * The application as a server of ABCI sockets. CometBFT opens four connections that look alike; each is answered strictly in its own order. The socket is trusted
 * with the state, so it is a file that only this user can open.
 */
import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FreeholdError } from "@freehold/protocol";
import { type Request, RequestSchema, type Response, ResponseSchema } from "../generated/abci_pb.js";
import { FrameReader, frame } from "./frames.js";

export interface AbciServerOptions {
	/** Path of the socket, at most 100 bytes. */
	readonly path: string;
	readonly answer: (request: Request) => Promise<Response>;
	/** A connection was closed because of what came over it. */
	readonly refused: (error: unknown) => void;
	/** Sees every request and its answer, as bytes with the number of their connection: for recording. */
	readonly tap?: (connection: number, request: Uint8Array, response: Uint8Array) => void;
}

export interface AbciServer {
	/** Closes the socket and every connection. */
	readonly close: () => Promise<void>;
}

/** The engine opens four; one that is restarted may overlap with its last. */
const MAX_CONNECTIONS = 16;
/** Requests of one connection that are decoded and wait; more stay in the socket. */
const MAX_WAITING = 4_096;
/** Answers between two looks at other connections. */
const BURST = 64;

/** Listens. Throws what the system refuses with. */
export async function serveAbci(options: AbciServerOptions): Promise<AbciServer> {
	const sockets = new Set<Socket>();
	let made = 0;
	const server: Server = createServer((socket) => {
		if (sockets.size >= MAX_CONNECTIONS) {
			socket.destroy();
			return;
		}
		sockets.add(socket);
		socket.once("close", () => sockets.delete(socket));
		socket.on("error", () => socket.destroy());
		new Connection(socket, made++, options).start();
	});
	// Left behind by a process that was killed.
	rmSync(options.path, { force: true });
	await new Promise<void>((resolve, reject) => {
		server.once("error", reject);
		server.listen(options.path, () => {
			server.off("error", reject);
			resolve();
		});
	});
	chmodSync(options.path, 0o600);
	return {
		close: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				for (const socket of sockets) socket.destroy();
			}),
	};
}

class Connection {
	readonly #socket: Socket;
	readonly #number: number;
	readonly #options: AbciServerOptions;
	readonly #frames = new FrameReader();
	readonly #waiting: Uint8Array[] = [];
	#isAnswering = false;

	constructor(socket: Socket, number: number, options: AbciServerOptions) {
		this.#socket = socket;
		this.#number = number;
		this.#options = options;
	}

	start(): void {
		this.#socket.on("data", (chunk: Buffer) => {
			try {
				this.#frames.push(chunk);
				for (let message = this.#frames.next(); message !== undefined; message = this.#frames.next()) this.#waiting.push(message);
			} catch (error) {
				this.#refuse(error);
				return;
			}
			if (this.#waiting.length > MAX_WAITING) this.#socket.pause();
			if (!this.#isAnswering) void this.#answerAll();
		});
	}

	async #answerAll(): Promise<void> {
		this.#isAnswering = true;
		this.#socket.cork();
		try {
			let burst = 0;
			for (let message = this.#waiting.shift(); message !== undefined && !this.#socket.destroyed; message = this.#waiting.shift()) {
				const request = fromBinary(RequestSchema, message);
				if (request.value.case === undefined) throw new FreeholdError("request.invalid", { field: "request", reason: "is of no known kind" });
				const answer = toBinary(ResponseSchema, await this.#options.answer(request));
				this.#options.tap?.(this.#number, message, answer);
				this.#socket.write(frame(answer));
				// The engine waits for what it has asked for by now.
				if (request.value.case === "flush") {
					this.#socket.uncork();
					this.#socket.cork();
				}
				burst++;
				if (burst % BURST === 0) {
					this.#socket.uncork();
					await new Promise((resolve) => setImmediate(resolve));
					this.#socket.cork();
				}
			}
		} catch (error) {
			this.#refuse(error);
		} finally {
			this.#isAnswering = false;
			this.#socket.uncork();
			if (this.#socket.isPaused()) this.#socket.resume();
		}
	}

	#refuse(error: unknown): void {
		this.#waiting.length = 0;
		this.#socket.destroy();
		this.#options.refused(error);
	}
}
