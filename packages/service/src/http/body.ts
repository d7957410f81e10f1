/** Request bodies: whole within a limit, JSON within a depth. */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { FreeholdError, limits } from "@freehold/protocol";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The whole body. Throws `request.tooLarge` as soon as the limit is passed, `request.aborted` when the client goes away. */
export function readBody(message: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
	const declared = Number(message.headers["content-length"] ?? 0);
	if (declared > maxBytes) return Promise.reject(new FreeholdError("request.tooLarge", { limit: maxBytes }));
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		let size = 0;
		const settle = (work: () => void): void => {
			message.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
			work();
		};
		const onData = (chunk: Buffer): void => {
			size += chunk.length;
			if (size <= maxBytes) {
				chunks.push(chunk);
				return;
			}
			message.pause();
			settle(() => reject(new FreeholdError("request.tooLarge", { limit: maxBytes })));
		};
		const onEnd = (): void => settle(() => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)));
		const onGone = (): void => settle(() => reject(new FreeholdError("request.aborted")));
		message.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
	});
}

/** JSON of a body. Throws `request.unsupportedMediaType` or `request.invalid`. */
export function parseJsonBody(bytes: Uint8Array, contentType: string | undefined): unknown {
	const type = contentType?.split(";", 1)[0]?.trim().toLowerCase();
	if (type !== "application/json" && type?.endsWith("+json") !== true)
		throw new FreeholdError("request.unsupportedMediaType", { expected: "application/json" });
	if (!isUtf8(bytes)) throw new FreeholdError("request.invalid", { field: "body", reason: "not UTF-8" });
	const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	// Before parsing: a body of opening brackets alone would take fifty times its size in memory.
	if (nestsDeeperThan(buffer, limits.jsonDepth))
		throw new FreeholdError("request.invalid", { field: "body", reason: `nested deeper than ${limits.jsonDepth} levels`, limit: limits.jsonDepth });
	try {
		return JSON.parse(buffer.toString("utf8"));
	} catch (error) {
		throw new FreeholdError("request.invalid", { field: "body", reason: `not JSON: ${error instanceof Error ? error.message.slice(0, 100) : "unreadable"}` });
	}
}

/** Counts brackets outside strings. */
export function nestsDeeperThan(json: Buffer, limit: number): boolean {
	let depth = 0;
	for (let index = 0; index < json.length; index++) {
		const byte = json[index] as number;
		if (byte === QUOTE) {
			index = endOfString(json, index + 1);
			if (index < 0) return false;
		} else if (byte === 0x5b || byte === 0x7b) {
			depth += 1;
			if (depth > limit) return true;
		} else if (byte === 0x5d || byte === 0x7d) depth -= 1;
	}
	return false;
}

/** Index of the closing quote; -1 when the string does not end. */
function endOfString(json: Buffer, from: number): number {
	for (let index = json.indexOf(QUOTE, from); index >= 0; index = json.indexOf(QUOTE, index + 1)) {
		let escapes = 0;
		while (index - 1 - escapes >= from && json[index - 1 - escapes] === BACKSLASH) escapes += 1;
		if (escapes % 2 === 0) return index;
	}
	return -1;
}
