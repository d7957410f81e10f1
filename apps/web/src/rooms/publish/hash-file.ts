/** The digests of a file by a worker, so that the page goes on meanwhile. */
import { type Hex, toHex } from "@freehold/protocol";
import type { HashNews, HashTask } from "./hash-worker.js";

export interface FileDigests {
	readonly sha256: Hex;
	readonly partBytes: number;
	readonly parts: readonly Hex[];
}

/** As the SDK sends large files. */
const PART_BYTES = 4 * 1024 * 1024;

/** Throws when the file cannot be read any more, or `signal` aborts. */
export function hashFile(file: Blob, onProgress: (doneBytes: number) => void, signal: AbortSignal): Promise<FileDigests> {
	signal.throwIfAborted();
	const worker = new Worker(new URL("./hash-worker.ts", import.meta.url), { type: "module" });
	const work = new Promise<FileDigests>((resolve, reject) => {
		signal.addEventListener("abort", () => reject(signal.reason), { once: true });
		worker.onerror = ({ message }) => reject(new Error(message || "the file could not be hashed"));
		worker.onmessage = ({ data }: MessageEvent<HashNews>) => {
			if (data.type === "progress") onProgress(data.doneBytes);
			else if (data.type === "failed") reject(new Error(data.reason));
			else resolve({ sha256: toHex(data.sha256), partBytes: PART_BYTES, parts: data.parts.map((part) => toHex(part)) });
		};
	});
	worker.postMessage({ file, partBytes: PART_BYTES } satisfies HashTask);
	return work.finally(() => worker.terminate());
}
