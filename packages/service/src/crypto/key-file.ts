/** Private keys of operators on disk: 64 hex digits in a file that only its owner can read. */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { FreeholdError, fromHex, toHex } from "@freehold/protocol";
import { syncFolder } from "../net/atomic-file.js";
import { generatePrivateKey } from "./native.js";

/** The key in a file. Throws `config.invalid` when it is missing, readable by others, or no key; never with the content in the message. */
export async function readKeyFile(path: string): Promise<Uint8Array> {
	let file: FileHandle;
	try {
		file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
	} catch (error) {
		throw refuse(path, `cannot be read (${codeOf(error)})`, error);
	}
	try {
		const { mode, size } = await file.stat();
		// Windows has no such bits: access is a matter of its folders there.
		if (process.platform !== "win32" && (mode & 0o077) !== 0) throw refuse(path, "can be read or changed by others; run: chmod 600 on it");
		if (size > 200) throw refuse(path, "is no key file: it is too long");
		const text = (await file.readFile("utf8")).trim();
		const digits = text.startsWith("0x") ? text.slice(2) : text;
		if (!/^[0-9a-fA-F]{64}$/.test(digits)) throw refuse(path, "must hold a private key as 64 hex digits");
		return fromHex(`0x${digits}`);
	} finally {
		await file.close();
	}
}

/** Makes a key and its file (0600, durable). Refuses to write over a file. */
export async function createKeyFile(path: string): Promise<Uint8Array> {
	const key = generatePrivateKey();
	await mkdir(dirname(path), { recursive: true });
	let file: FileHandle;
	try {
		file = await open(path, "wx", 0o600);
	} catch (error) {
		throw refuse(path, codeOf(error) === "EEXIST" ? "exists already" : `cannot be written (${codeOf(error)})`, error);
	}
	try {
		await file.writeFile(`${toHex(key)}\n`);
		await file.sync();
	} finally {
		await file.close();
	}
	await syncFolder(dirname(path));
	return key;
}

/** The key in a file, made first when there is no file. */
export async function readOrCreateKeyFile(path: string): Promise<Uint8Array> {
	try {
		return await readKeyFile(path);
	} catch (error) {
		if (error instanceof FreeholdError && codeOf(error.cause) === "ENOENT") return createKeyFile(path);
		throw error;
	}
}

function refuse(path: string, reason: string, cause?: unknown): FreeholdError {
	return new FreeholdError("config.invalid", { option: "--key-file", reason: `${path} ${reason}` }, cause === undefined ? {} : { cause });
}

function codeOf(error: unknown): string {
	return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
