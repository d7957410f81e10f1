/** The program of an engine's process: one engine, its loaded sessions, one request at a time over descriptor 3. Started by `EngineProcess` only. */
import { Socket } from "node:net";
import { FreeholdError, type Tensors, tensorLimits } from "@freehold/protocol";
import type { Engine, EngineSession } from "../engine.js";
import { FrameReader } from "./frame.js";
import { decodeRequest, encodeReply, type Reply, type Request } from "./message.js";
import { startWatchdog } from "./watchdog.js";

/** Given as the one argument, in JSON. */
export interface WorkerConfig {
	readonly engine: "native" | "wasm";
	readonly threads: number;
	readonly memoryBytes: number;
	readonly maxFrameBytes: number;
	readonly maxOutputBytes: number;
	readonly parentPid: number;
}

const config = JSON.parse(process.argv[2] ?? "null") as WorkerConfig;
const setBusy = startWatchdog(config.parentPid, config.memoryBytes);
const channel = new Socket({ fd: 3, readable: true, writable: true });
const reader = new FrameReader(config.maxFrameBytes);
const sessions = new Map<string, EngineSession>();

channel.on("close", () => process.exit(0));
channel.on("error", () => process.exit(0));

const engine = await openEngine();
let turn: Promise<void> = Promise.resolve();
channel.on("data", (chunk) => {
	for (const frame of reader.push(chunk)) {
		const request = decodeRequest(frame);
		turn = turn.then(() => serve(request));
	}
});
send({ kind: "ready", engine: engine.describe() });

async function openEngine(): Promise<Engine> {
	if (config.engine === "wasm") return (await import("../onnx/wasm-engine.js")).wasmOnnxEngine();
	return (await import("../onnx/native-engine.js")).nativeOnnxEngine({ threads: config.threads });
}

async function serve(request: Request): Promise<void> {
	setBusy(true);
	try {
		send(await answer(request));
	} catch (error) {
		const refusal =
			error instanceof FreeholdError ? error : new FreeholdError("engine.failed", { reason: error instanceof Error ? error.message.slice(0, 300) : "unknown" });
		// Half-freed memory and an aborted WebAssembly module must not meet the next call.
		send({ kind: "error", error: refusal, fatal: !(error instanceof FreeholdError) || refusal.code === "engine.outOfMemory" || isAbort(refusal) });
	} finally {
		setBusy(false);
	}
}

async function answer(request: Request): Promise<Reply> {
	switch (request.kind) {
		case "load": {
			const session = await engine.load({ id: request.session, format: "onnx", modelPath: request.modelPath });
			await sessions.get(request.session)?.dispose();
			sessions.set(request.session, session);
			return { kind: "loaded", schema: session.schema };
		}
		case "unload": {
			await sessions.get(request.session)?.dispose();
			sessions.delete(request.session);
			return { kind: "unloaded" };
		}
		case "run": {
			const session = sessions.get(request.session);
			if (session === undefined) throw new FreeholdError("engine.failed", { reason: "the release is not loaded" });
			const tensors = await session.run(request.tensors);
			checkOutput(tensors);
			return { kind: "outputs", tensors };
		}
	}
}

function checkOutput(tensors: Tensors): void {
	const size = Object.values(tensors).reduce((sum, { bytes }) => sum + bytes.length, 0);
	if (size > config.maxOutputBytes) throw new FreeholdError("engine.failed", { reason: `its outputs are larger than ${config.maxOutputBytes} bytes` });
	for (const [name, { shape }] of Object.entries(tensors)) {
		if (shape.length > tensorLimits.maxRank)
			throw new FreeholdError("engine.failed", { reason: `output ${name} has more than ${tensorLimits.maxRank} dimensions` });
	}
}

function isAbort(error: FreeholdError): boolean {
	return (error.cause instanceof Error && error.cause.name === "RuntimeError") || /abort/i.test(error.message);
}

function send(reply: Reply): void {
	channel.cork();
	for (const part of encodeReply(reply)) channel.write(part);
	channel.uncork();
}
