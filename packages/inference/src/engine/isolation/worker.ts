/** The program of an engine's process: one engine, its loaded sessions, numbered requests over descriptor 3. Started by `EngineProcess` only. */
import { Socket } from "node:net";
import { FreeholdError } from "@freehold/protocol";
import { FrameReader } from "./frame.js";
import { decodeRequest, type Event, encodeReply, type Numbered, type Reply, type Request } from "./message.js";
import { tensorHost } from "./tensor-host.js";
import { textHost } from "./text-host.js";
import { startWatchdog } from "./watchdog.js";

export type EngineKind = "native" | "wasm" | "llama";

/** Given as the one argument, in JSON. */
export interface WorkerConfig {
	readonly engine: EngineKind;
	readonly threads: number;
	readonly sequences: number;
	readonly windowTokens: number;
	readonly memoryBytes: number;
	readonly maxFrameBytes: number;
	readonly maxOutputBytes: number;
	readonly parentPid: number;
}

/** Serves the requests of one kind of engine. */
export interface Host {
	readonly ready: Extract<Reply, { kind: "ready" }>;
	/** Whether a request may begin before the one before it has ended. */
	readonly concurrent: boolean;
	/** Resolves with the last reply; `say` tells what comes before it. */
	serve(request: Exclude<Request, { kind: "cancel" }>, say: (event: Event) => void, signal: AbortSignal): Promise<Reply>;
	/** Whether an error leaves the process unfit for another request. */
	isFatal(error: unknown): boolean;
}

const config = JSON.parse(process.argv[2] ?? "null") as WorkerConfig;
const setBusy = startWatchdog(config.parentPid, config.memoryBytes);
const channel = new Socket({ fd: 3, readable: true, writable: true });
const reader = new FrameReader(config.maxFrameBytes);
const running = new Map<number, AbortController>();

channel.on("close", () => process.exit(0));
channel.on("error", () => process.exit(0));

const host = await (config.engine === "llama" ? textHost(config) : tensorHost(config));
let turn: Promise<void> = Promise.resolve();
channel.on("data", (chunk) => {
	for (const frame of reader.push(chunk)) take(decodeRequest(frame));
});
send(0, host.ready);

function take({ id, message }: Numbered<Request>): void {
	if (message.kind === "cancel") {
		running.get(message.target)?.abort();
		return;
	}
	const controller = new AbortController();
	if (running.size === 0) setBusy(true);
	running.set(id, controller);
	const work = (): Promise<void> => serve(id, message, controller.signal);
	turn = host.concurrent ? work() : turn.then(work);
}

async function serve(id: number, request: Exclude<Request, { kind: "cancel" }>, signal: AbortSignal): Promise<void> {
	try {
		send(id, await host.serve(request, (event) => send(id, event), signal));
	} catch (error) {
		if (signal.aborted) send(id, { kind: "cancelled" });
		else {
			const refusal =
				error instanceof FreeholdError
					? error
					: new FreeholdError("engine.failed", { reason: error instanceof Error ? error.message.slice(0, 300) : "unknown" });
			send(id, { kind: "error", error: refusal, fatal: host.isFatal(error) });
		}
	} finally {
		running.delete(id);
		if (running.size === 0) setBusy(false);
	}
}

function send(id: number, reply: Reply | Event): void {
	channel.cork();
	for (const part of encodeReply(id, reply)) channel.write(part);
	channel.uncork();
}
