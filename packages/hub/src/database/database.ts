/**
 * The hub's index: tables that follow the chain, kept in one SQLite file. Everything in it can be rebuilt from chain and storage, so an index of an older form is
 * dropped and made again. Amounts are decimal text, since they exceed 64 bits.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";

export type Connection = Database.Database;

/** Raised with every change of the tables. */
const FORM = 3;

const TABLES = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE model (
	id TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE, namespace TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL, createdAt INTEGER NOT NULL, updatedAt INTEGER NOT NULL,
	calls INTEGER NOT NULL DEFAULT 0, gross TEXT NOT NULL DEFAULT '0', useRank REAL NOT NULL DEFAULT 0, moneyRank REAL NOT NULL DEFAULT 0,
	shown TEXT, task TEXT, licence TEXT, format INTEGER, modes INTEGER NOT NULL DEFAULT 0, bytes INTEGER, searchRow INTEGER
) WITHOUT ROWID;
CREATE INDEX modelByOwner ON model (owner);
CREATE INDEX modelByUpdate ON model (updatedAt);
CREATE INDEX modelByUse ON model (useRank);
CREATE INDEX modelByMoney ON model (moneyRank);
CREATE TABLE tag (tag TEXT NOT NULL, model TEXT NOT NULL, PRIMARY KEY (tag, model)) WITHOUT ROWID;
CREATE INDEX tagByModel ON tag (model);
CREATE TABLE modelDay (model TEXT NOT NULL, day INTEGER NOT NULL, calls INTEGER NOT NULL, spent TEXT NOT NULL, PRIMARY KEY (model, day)) WITHOUT ROWID;
CREATE TABLE release (
	id TEXT PRIMARY KEY, model TEXT NOT NULL, major INTEGER NOT NULL, minor INTEGER NOT NULL, manifest TEXT NOT NULL, format INTEGER NOT NULL, modes INTEGER NOT NULL,
	licence TEXT NOT NULL, publishedAt INTEGER NOT NULL, retiredAt INTEGER, calls INTEGER NOT NULL DEFAULT 0, gross TEXT NOT NULL DEFAULT '0', net TEXT NOT NULL DEFAULT '0',
	content TEXT, card TEXT, tries INTEGER NOT NULL DEFAULT 0, nextTryAt INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX releaseByModel ON release (model, major, minor);
CREATE INDEX releaseByTime ON release (publishedAt);
CREATE INDEX releaseWaiting ON release (nextTryAt) WHERE content IS NULL;
CREATE TABLE parent (release TEXT NOT NULL, position INTEGER NOT NULL, parent TEXT NOT NULL, bps INTEGER NOT NULL, PRIMARY KEY (release, position)) WITHOUT ROWID;
CREATE INDEX parentByParent ON parent (parent);
CREATE TABLE price (
	release TEXT NOT NULL, version INTEGER NOT NULL, perCall TEXT NOT NULL, perCallRank TEXT NOT NULL, perInputUnit TEXT NOT NULL, perOutputUnit TEXT NOT NULL, validFrom INTEGER NOT NULL, withdrawn INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (release, version)
) WITHOUT ROWID;
CREATE TABLE usageDay (
	release TEXT NOT NULL, day TEXT NOT NULL, calls INTEGER NOT NULL, inputUnits TEXT NOT NULL, outputUnits TEXT NOT NULL, gross TEXT NOT NULL, net TEXT NOT NULL, PRIMARY KEY (release, day)
) WITHOUT ROWID;
CREATE TABLE credit (
	owner TEXT NOT NULL, release TEXT NOT NULL, day TEXT NOT NULL, direct TEXT NOT NULL, fromDescendants TEXT NOT NULL, PRIMARY KEY (owner, release, day)
) WITHOUT ROWID;
CREATE TABLE claim (owner TEXT PRIMARY KEY, total TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE line (
	id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, seq TEXT NOT NULL, position INTEGER NOT NULL, release TEXT NOT NULL, priceVersion INTEGER NOT NULL, node TEXT NOT NULL, calls INTEGER NOT NULL,
	ownerAmount TEXT NOT NULL, nodeFee TEXT NOT NULL, gatewayFee TEXT NOT NULL, protocolFee TEXT NOT NULL, time INTEGER NOT NULL, block INTEGER NOT NULL, "transaction" TEXT NOT NULL
);
CREATE TABLE operator (operator TEXT PRIMARY KEY, roles INTEGER NOT NULL, endpoint TEXT NOT NULL, nodeFee TEXT NOT NULL, bond TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE namespace (name TEXT PRIMARY KEY, owner TEXT NOT NULL, skeleton TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX namespaceBySkeleton ON namespace (skeleton);
CREATE TABLE work (operator TEXT PRIMARY KEY, calls INTEGER NOT NULL, earned TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE operatorKey (operator TEXT NOT NULL, key TEXT NOT NULL, validFrom INTEGER NOT NULL, validUntil INTEGER, PRIMARY KEY (operator, key)) WITHOUT ROWID;
CREATE TABLE heartbeat (operator TEXT NOT NULL, role TEXT NOT NULL, endpoint TEXT NOT NULL, releases TEXT NOT NULL, sentAt INTEGER NOT NULL, PRIMARY KEY (operator, role)) WITHOUT ROWID;
CREATE TABLE blob (sha256 TEXT PRIMARY KEY, blobId TEXT, tries INTEGER NOT NULL DEFAULT 0, nextTryAt INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX blobWaiting ON blob (nextTryAt) WHERE blobId IS NULL;
CREATE TABLE word (word TEXT PRIMARY KEY, models INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE gram (gram TEXT NOT NULL, word TEXT NOT NULL, PRIMARY KEY (gram, word)) WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5 (model UNINDEXED, path, title, task, tags, card, tokenize = 'porter unicode61', prefix = '2 3');
`;

/** Opens the index in `folder`, making it anew where it is missing, of another form, or damaged. `lost` is told why. */
export function openDatabase(folder: string, lost: (reason: string) => void = () => {}): Connection {
	mkdirSync(folder, { recursive: true });
	const path = join(folder, "index.db");
	try {
		return openWhole(path);
	} catch (error) {
		if (!isDamage(error)) throw error;
		lost(error instanceof Error ? error.message : String(error));
		for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
		return openWhole(path);
	}
}

function openWhole(path: string): Connection {
	const db = new Database(path);
	try {
		db.pragma("journal_mode = WAL");
		db.pragma("synchronous = NORMAL");
		// A page that was torn is found here, and not by whoever asks for what stood in it.
		const found = (db.prepare("PRAGMA quick_check(1)").get() as { quick_check?: string } | undefined)?.quick_check;
		if (found !== "ok") throw new DamagedIndexError(found ?? "no answer");
		if (formOf(db) !== FORM) rebuild(db);
		return db;
	} catch (error) {
		db.close();
		throw error;
	}
}

class DamagedIndexError extends Error {}

function isDamage(error: unknown): boolean {
	return (
		error instanceof DamagedIndexError || (error instanceof Error && "code" in error && (error.code === "SQLITE_CORRUPT" || error.code === "SQLITE_NOTADB"))
	);
}

export function readMeta(db: Connection, key: string): string | undefined {
	const row = db.prepare("SELECT value FROM meta WHERE key = ?").get(key) as { value: string } | undefined;
	return row?.value;
}

export function writeMeta(db: Connection, key: string, value: string): void {
	db.prepare("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value").run(key, value);
}

/** Decimal text that sorts as its number does. */
export function sortable(value: bigint): string {
	return value.toString().padStart(40, "0");
}

function formOf(db: Connection): number {
	const row = db.prepare("PRAGMA user_version").get() as { user_version: number };
	return row.user_version;
}

function rebuild(db: Connection): void {
	const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search_%'").all() as {
		name: string;
	}[];
	// All of it or nothing: a kill in between leaves the old form, which is made anew by the next start.
	db.transaction(() => {
		for (const { name } of tables) db.exec(`DROP TABLE "${name}"`);
		db.exec(TABLES);
		db.exec(`PRAGMA user_version = ${FORM}`);
	})();
}
