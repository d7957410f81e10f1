/** Request bodies: whole within a limit, JSON within its bounds. */
import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { FreeholdError, JsonLimitError, parseJson } from "@freehold/protocol";

/**
 * The whole body. Throws `request.tooLarge` as soon as the limit is passed, `service.busy` when `hold` has no room for more, `request.aborted` when the client goes
 * away.
 */
export function readBody(message: IncomingMessage, maxBytes: number, hold: (bytes: number) => boolean): Promise<Uint8Array> {
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
			if (size <= maxBytes && hold(chunk.length)) {
				chunks.push(chunk);
				return;
			}
			message.pause();
			const refusal = size > maxBytes ? new FreeholdError("request.tooLarge", { limit: maxBytes }) : new FreeholdError("service.busy", { seconds: 1 });
			settle(() => reject(refusal));
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
	const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
	try {
		return parseJson(text);
	} catch (error) {
		if (error instanceof JsonLimitError) throw new FreeholdError("request.invalid", { field: "body", reason: error.message, limit: error.limit });
		throw new FreeholdError("request.invalid", { field: "body", reason: `not JSON: ${error instanceof Error ? error.message.slice(0, 100) : "unreadable"}` });
	}
}
