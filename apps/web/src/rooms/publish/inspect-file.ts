/** What a file is, looked at in this tab. A language model is known by its head and never held whole; an ONNX file is small enough to be. */
import { type GgufModel, type Hex, inspectGgufFile, inspectOnnx, isGguf, limits, type OnnxModel } from "@freehold/protocol";
import type { ModelSource } from "@freehold/sdk";
import { bytes } from "../../format/amount.js";
import { hashFile } from "./hash-file.js";

interface Chosen {
	readonly fileName: string;
	readonly sizeBytes: number;
	readonly sha256: Hex;
}

export type Inspected =
	| (Chosen & { readonly format: "onnx"; readonly model: Uint8Array; readonly facts: OnnxModel })
	| (Chosen & { readonly format: "gguf"; readonly model: ModelSource; readonly facts: GgufModel });

/** A tab has to hold these whole. */
const MOST_ONNX_BYTES = 1024 ** 3;

/** Throws in words for people when it is nothing that can be published. */
export async function inspectFile(file: File, onProgress: (doneBytes: number) => void, signal: AbortSignal): Promise<Inspected> {
	const { name: fileName, size: sizeBytes } = file;
	const readFirst = async (count: number): Promise<Uint8Array<ArrayBuffer>> => new Uint8Array(await file.slice(0, count).arrayBuffer());
	const gguf = isGguf(await readFirst(4));
	const most = gguf ? limits.blobBytes : MOST_ONNX_BYTES;
	if (sizeBytes > most)
		throw new Error(`${fileName} is ${bytes(sizeBytes)}. Above ${bytes(most)} ${gguf ? "nothing can be stored here" : "use: npx freehold model publish"}`);
	if (!gguf) {
		const model = await readFirst(sizeBytes);
		const facts = inspectOnnx(model);
		const { sha256 } = await hashFile(file, onProgress, signal);
		return { format: "onnx", fileName, sizeBytes, sha256, model, facts };
	}
	// What it is comes first: a file that is refused is not read to its end.
	const { model: facts, head } = await inspectGgufFile(readFirst, sizeBytes);
	const digests = await hashFile(file, onProgress, signal);
	const read = async (start: number, end: number): Promise<Uint8Array> => new Uint8Array(await file.slice(start, end).arrayBuffer());
	return { format: "gguf", fileName, sizeBytes, sha256: digests.sha256, facts, model: { ...digests, sizeBytes, head, read } };
}
