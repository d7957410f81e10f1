/**
 * Files of a hub, kept under their digest. What is there already is not asked for again; a download that breaks off goes on where it was, in this run or the
 * next one. A file is used only when all of its bytes hash to what the repository says.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { FreeholdError } from "@freehold/protocol";
import { pause } from "@freehold/service";
import { followRedirects } from "./follow.js";
import { fileUrl, type HubAccess, type HubFile, type HubRepository } from "./repository.js";

export interface DownloadOptions {
	/** Where downloads are kept. */
	readonly folder: string;
	readonly progress: (doneBytes: number, totalBytes: number) => void;
}

export interface Downloaded {
	readonly bytes: Uint8Array;
	/** Bytes that came over the network now. */
	readonly fetchedBytes: number;
}

/** A connection that brings nothing for this long is given up, and the download goes on with another. */
const STALL_MS = 30_000;
const TOTAL_MS = 24 * 3_600_000;
/** Connections in a row that brought nothing new. */
const MAX_FRUITLESS = 4;
const RETRY_MS = 250;

/** Throws `blob.mismatch` when the bytes are others than the repository says; then nothing of them is kept. */
export async function download(repository: HubRepository, file: HubFile, access: HubAccess, options: DownloadOptions): Promise<Downloaded> {
	await mkdir(options.folder, { recursive: true });
	const whole = join(options.folder, `${file.digest.kind}-${file.digest.hex}`);
	const part = `${whole}.part`;
	if ((await sizeOf(whole)) === file.sizeBytes && (await digestOf(whole, file)) === file.digest.hex)
		return { bytes: new Uint8Array(await readFile(whole)), fetchedBytes: 0 };
	let have = await sizeOf(part);
	let fetchedBytes = 0;
	for (let fruitless = 0; have < file.sizeBytes; ) {
		const failure = await fetchRest(repository, file, access, { part, from: have, progress: options.progress });
		const now = await sizeOf(part);
		fetchedBytes += Math.max(0, now - have);
		fruitless = now > have ? 0 : fruitless + 1;
		have = now;
		if (fruitless === MAX_FRUITLESS)
			throw failure ?? new FreeholdError("upstream.failed", { what: "The hub of models", reason: `${file.path} ends too early` });
		if (fruitless > 0) await pause(RETRY_MS, access.signal);
	}
	const actual = await digestOf(part, file);
	if (actual !== file.digest.hex) {
		await rm(part);
		throw new FreeholdError("blob.mismatch", { actual, expected: file.digest.hex });
	}
	await rename(part, whole);
	return { bytes: new Uint8Array(await readFile(whole)), fetchedBytes };
}

/** Adds what is missing to the part, as far as one connection brings it; gives the reason why it ended early. */
async function fetchRest(
	repository: HubRepository,
	file: HubFile,
	access: HubAccess,
	{ part, from, progress }: { readonly part: string; readonly from: number; readonly progress: DownloadOptions["progress"] },
): Promise<unknown> {
	const stall = new AbortController();
	let timer = setTimeout(() => stall.abort(), STALL_MS);
	try {
		const answer = await followRedirects(fileUrl(repository, file, access), access, {
			deadlineMs: TOTAL_MS,
			maxBytes: file.sizeBytes + 1,
			headers: from === 0 ? {} : { range: `bytes=${from}-` },
			signal: AbortSignal.any([access.signal, stall.signal]),
		});
		// A server that knows no ranges sends everything again.
		const resumes = answer.status === 206 && answer.headers["content-range"]?.startsWith(`bytes ${from}-`) === true;
		if (answer.status !== 200 && !resumes) {
			answer.body.destroy();
			throw new FreeholdError("upstream.failed", { what: "The hub of models", reason: `HTTP ${answer.status} for ${file.path}` });
		}
		const target = await open(part, resumes ? "a" : "w");
		try {
			let done = resumes ? from : 0;
			for await (const chunk of answer.body) {
				clearTimeout(timer);
				timer = setTimeout(() => stall.abort(), STALL_MS);
				await target.write(chunk as Buffer);
				done += (chunk as Buffer).length;
				progress(done, file.sizeBytes);
			}
			await target.sync();
		} finally {
			await target.close();
		}
		return undefined;
	} catch (error) {
		if (access.signal.aborted || (error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
		return error;
	} finally {
		clearTimeout(timer);
	}
}

async function sizeOf(path: string): Promise<number> {
	return (await stat(path).catch(() => undefined))?.size ?? 0;
}

async function digestOf(path: string, { sizeBytes, digest }: HubFile): Promise<string> {
	const hash = createHash(digest.kind === "sha256" ? "sha256" : "sha1");
	// Git hashes a file behind a line that says what it is.
	if (digest.kind === "git") hash.update(`blob ${sizeBytes}\0`);
	for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
	return hash.digest("hex");
}
