/** The thread that computes Walrus blob ids, with the encoder that Walrus publishes. Started by `walrusIds` only. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { BlobEncoder } from "@mysten/walrus-wasm";
import type { EncodeReply, EncodeRequest } from "./walrus-ids.js";

// A second of work for each file: whatever else the machine does comes first. Linux gives each thread a priority of its own; elsewhere it would be the whole program's.
if (process.platform === "linux") setPriority(constants.priority.PRIORITY_LOW);
const encoder = new BlobEncoder((workerData as { readonly shards: number }).shards);

parentPort?.on("message", (request: EncodeRequest) => {
	parentPort?.postMessage(encode(request));
});

function encode({ path, sha256 }: EncodeRequest): EncodeReply {
	try {
		const bytes = readFileSync(path);
		if (`0x${createHash("sha256").update(bytes).digest("hex")}` !== sha256) return { error: `the stored bytes of ${sha256} have changed` };
		const [blobId] = encoder.compute_metadata(bytes) as [number[] | Uint8Array];
		return { blobId: Uint8Array.from(blobId) };
	} catch (error) {
		return { error: error instanceof Error ? error.message : String(error) };
	}
}
