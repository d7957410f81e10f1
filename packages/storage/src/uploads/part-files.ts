/** The files of an upload in parts: its plan, and each part that is whole under its number. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError, type Hex, parseUploadPlan, partRange, type UploadPlan } from "@freehold/protocol";

export const PLAN = "plan.json";

export function partPath(folder: string, part: number): string {
	return join(folder, String(part));
}

export interface FoundUpload {
	readonly plan: UploadPlan;
	/** Unix milliseconds. */
	readonly touchedAt: number;
	/** Parts that are here, by their size; their digests were checked when they came. */
	readonly have: Set<number>;
}

/** Undefined when there is no plan that can be read: the folder is of no use. */
export async function readPlan(folder: string): Promise<FoundUpload | undefined> {
	try {
		const path = join(folder, PLAN);
		const [text, { mtimeMs }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
		const plan = parseUploadPlan(JSON.parse(text));
		const have = new Set<number>();
		for (const name of await readdir(folder)) {
			const range = /^\d+$/.test(name) ? partRange(plan, Number(name)) : undefined;
			if (range !== undefined && (await stat(join(folder, name))).size === range.end - range.start) have.add(Number(name));
		}
		return { plan, touchedAt: mtimeMs, have };
	} catch {
		return undefined;
	}
}

/** SHA-256 of what arrived, once it is on the disk. Throws `request.tooLarge` as soon as there is more than the part has. */
export async function receivePart(content: AsyncIterable<Uint8Array>, path: string, sizeBytes: number, signal: AbortSignal | undefined): Promise<Hex> {
	const hash = createHash("sha256");
	const file = await open(path, "wx", 0o644);
	try {
		let received = 0;
		for await (const chunk of content) {
			signal?.throwIfAborted();
			received += chunk.length;
			if (received > sizeBytes) throw new FreeholdError("request.tooLarge", { limit: sizeBytes });
			hash.update(chunk);
			for (let written = 0; written < chunk.length; ) written += (await file.write(chunk, written)).bytesWritten;
		}
		await file.sync();
	} finally {
		await file.close();
	}
	return `0x${hash.digest("hex")}`;
}

/** All parts, one after the other. */
export async function* readParts(folder: string, count: number): AsyncGenerator<Uint8Array> {
	for (let part = 0; part < count; part++) yield* createReadStream(partPath(folder, part)) as AsyncIterable<Uint8Array>;
}

export async function digestOf(path: string): Promise<Hex | undefined> {
	const hash = createHash("sha256");
	try {
		for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) hash.update(chunk);
	} catch {
		return undefined;
	}
	return `0x${hash.digest("hex")}`;
}
