/** Digests of a file, worked out beside the page: of the whole, and of each part that an upload sends. A piece is in memory at a time. */
import { sha256 } from "@noble/hashes/sha2.js";

export interface HashTask {
	readonly file: Blob;
	readonly partBytes: number;
}

export type HashNews =
	| { readonly type: "progress"; readonly doneBytes: number }
	| { readonly type: "done"; readonly sha256: Uint8Array; readonly parts: readonly Uint8Array[] }
	| { readonly type: "failed"; readonly reason: string };

const tell = (news: HashNews): void => postMessage(news);

addEventListener("message", ({ data }: MessageEvent<HashTask>) => {
	hash(data).then(tell, (error: unknown) => tell({ type: "failed", reason: error instanceof Error ? error.message : String(error) }));
});

async function hash({ file, partBytes }: HashTask): Promise<HashNews> {
	const whole = sha256.create();
	const parts: Uint8Array[] = [];
	for (let start = 0; start < file.size; start += partBytes) {
		const bytes = new Uint8Array(await file.slice(start, start + partBytes).arrayBuffer());
		// The browser's own code hashes a part; it offers nothing that takes a whole file in pieces.
		parts.push(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
		whole.update(bytes);
		tell({ type: "progress", doneBytes: start + bytes.length });
	}
	return { type: "done", sha256: whole.digest(), parts };
}
