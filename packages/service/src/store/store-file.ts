/**
 * What stands around an LMDB file: the stamp of its format, its length, and the check of each value. LMDB itself has none of the three: an older layout would be
 * read as if it were ours, a file that was cut off ends the process with SIGBUS, and a bit that flipped is handed out.
 */
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, readSync, renameSync, statfsSync, statSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { FreeholdError } from "@freehold/protocol";

const DATA = "data.mdb";
const STAMP = "format";
const STAMP_BYTES = 64;

/** Throws `store.format` when the folder holds data that another layout was written in; stamps one that holds none. */
export function stampFormat(dir: string, kind: string, format: number, holdsData: (dir: string) => boolean = hasDataFile): void {
	mkdirSync(dir, { recursive: true });
	const path = join(dir, STAMP);
	const expected = `${kind} ${format}`;
	if (existsSync(path)) {
		const found = readFileSync(path, "utf8").slice(0, STAMP_BYTES).trim();
		if (found !== expected) throw new FreeholdError("store.format", { path: dir, found, expected });
		return;
	}
	if (holdsData(dir)) throw new FreeholdError("store.format", { path: dir, found: `${kind} 1`, expected });
	// Before the first byte of data: whatever happens in between, data never stands without its stamp.
	const draft = `${path}.${process.pid}.tmp`;
	const file = openSync(draft, "w", 0o644);
	try {
		writeSync(file, `${expected}\n`);
		fsyncSync(file);
	} finally {
		closeSync(file);
	}
	renameSync(draft, path);
	const folder = openSync(dir, "r");
	try {
		fsyncSync(folder);
	} catch {
		// Not every platform syncs folders; the name comes with the first commit then.
	} finally {
		closeSync(folder);
	}
}

function hasDataFile(dir: string): boolean {
	return existsSync(join(dir, DATA));
}

/** Offsets in a meta page (LMDB data version 2, 64 bits): magic, page size, last page. */
const MAGIC = { at: 24, value: 0xbeefc0de } as const;
const PAGE_SIZE_AT = 48;
const LAST_PAGE_AT = 144;
const META_BYTES = 160;
const PAGE_SIZES = { least: 512, most: 65_536 } as const;

/**
 * Throws `store.damaged` when pages that are in use have been cut off, or the first page is not LMDB's: reading behind the end of a mapped file would end this
 * process. A file may be shorter than it says, since pages that were freed again are never written; whether one that is short lacks anything is found out by
 * reading all of it, in another process.
 */
export function checkLength(dir: string): void {
	const path = join(dir, DATA);
	if (!existsSync(path)) return;
	const { size } = statSync(path);
	// Made and not written yet: LMDB begins it anew.
	if (size === 0) return;
	const file = openSync(path, "r");
	let needed: number;
	try {
		const first = readMeta(file, 0);
		if (first === undefined) throw new FreeholdError("store.damaged", { path: dir });
		const second = readMeta(file, first.pageSize);
		needed = (1 + Math.max(first.lastPage, second?.lastPage ?? 0)) * first.pageSize;
	} finally {
		closeSync(file);
	}
	if (size >= needed) return;
	const script = createRequire(import.meta.url).resolve("@freehold/service/read-whole-file");
	const { status } = spawnSync(process.execPath, [script, dir], { stdio: "ignore", env: {} });
	if (status !== 0) throw new FreeholdError("store.damaged", { path: dir });
}

function readMeta(file: number, at: number): { readonly pageSize: number; readonly lastPage: number } | undefined {
	const page = Buffer.alloc(META_BYTES);
	if (readSync(file, page, 0, META_BYTES, at) < META_BYTES || page.readUInt32LE(MAGIC.at) !== MAGIC.value) return undefined;
	const pageSize = page.readUInt32LE(PAGE_SIZE_AT);
	const lastPage = Number(page.readBigUInt64LE(LAST_PAGE_AT));
	return pageSize >= PAGE_SIZES.least && pageSize <= PAGE_SIZES.most && Number.isSafeInteger(lastPage * pageSize) ? { pageSize, lastPage } : undefined;
}

/** MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC, MDB_VERSION_MISMATCH, MDB_INVALID. */
const DAMAGED_CODES: ReadonlySet<unknown> = new Set([-30797, -30796, -30795, -30794, -30793]);

export function isDamage(code: unknown): boolean {
	return DAMAGED_CODES.has(code);
}

/** Room that a commit needs at most: the pages of its values, and those of the trees that lead to them. */
const COMMIT_BYTES = 1024 * 1024;
const PAGES_PER_BYTE = 4;

/**
 * Throws `store.full` when the disk may not have room for a commit of so many bytes. LMDB must not find it out: a write that is cut short there has been seen to
 * hang its thread and to end its process.
 */
export function requireRoom(dir: string, bytes: number): void {
	if (freeBytes(dir) < COMMIT_BYTES + bytes * PAGES_PER_BYTE) throw new FreeholdError("store.full", { path: dir });
}

/** What a transaction may write before the disk is asked again. */
const BEGIN_BYTES = 4 * 1024 * 1024;

/** Throws `store.full` before a transaction begins, while nothing has been changed. `waiting`: bytes of those before it that are not on disk yet. */
export function requireRoomToBegin(dir: string, waiting: number): void {
	if (freeBytes(dir) < BEGIN_BYTES + waiting * PAGES_PER_BYTE) throw new FreeholdError("store.full", { path: dir });
}

/** What the disk has left for this user; unbounded where the system does not tell. */
export function freeBytes(dir: string): number {
	try {
		const { bavail, bsize } = statfsSync(dir);
		return bavail * bsize;
	} catch {
		return Number.POSITIVE_INFINITY;
	}
}

const CHECK_BYTES = 4;

/** The value and its CRC-32, as it stands in the file. */
export function sealValue(value: Uint8Array): Buffer {
	const sealed = Buffer.allocUnsafe(value.length + CHECK_BYTES);
	sealed.set(value);
	sealed.writeUInt32LE(crc32(value), value.length);
	return sealed;
}

/** The value of sealed bytes, a part of the same memory. Throws `store.damaged` when they have changed since they were written. */
export function unsealValue(sealed: Uint8Array): Buffer {
	const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
	const end = bytes.length - CHECK_BYTES;
	const value = bytes.subarray(0, Math.max(0, end));
	if (end < 0 || bytes.readUInt32LE(end) !== crc32(value)) throw new FreeholdError("store.damaged");
	return value;
}
