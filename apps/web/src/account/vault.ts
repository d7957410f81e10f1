/**
 * A private key at rest in this browser. It is encrypted with AES-256-GCM under a key that scripts cannot read out (made and kept by the browser), or under one
 * derived from a passphrase (PBKDF2 with SHA-256). The plain key exists only in memory, while it is used.
 */
import { fromHex, type Hex, toHex } from "@freehold/protocol";

export interface VaultRecord {
	readonly version: 1;
	readonly address: Hex;
	readonly iv: Uint8Array<ArrayBuffer>;
	readonly sealed: ArrayBuffer;
	readonly lock:
		| { readonly kind: "browser"; readonly key: CryptoKey }
		| { readonly kind: "passphrase"; readonly salt: Uint8Array<ArrayBuffer>; readonly rounds: number };
}

/** OWASP's figure for PBKDF2 with SHA-256 (2023). */
const ROUNDS = 600_000;
const DATABASE = "freehold";
const STORE = "vault";
const SLOT = "account";

export async function sealKey(privateKey: Hex, address: Hex, passphrase: string | undefined): Promise<VaultRecord> {
	const iv = crypto.getRandomValues(new Uint8Array(12));
	const plain = fromHex(privateKey) as Uint8Array<ArrayBuffer>;
	if (passphrase === undefined) {
		const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
		return { version: 1, address, iv, sealed: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain), lock: { kind: "browser", key } };
	}
	const salt = crypto.getRandomValues(new Uint8Array(32));
	const key = await derive(passphrase, salt, ROUNDS);
	return {
		version: 1,
		address,
		iv,
		sealed: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, plain),
		lock: { kind: "passphrase", salt, rounds: ROUNDS },
	};
}

/** Undefined when the passphrase is wrong. */
export async function openKey({ lock, iv, sealed }: VaultRecord, passphrase: string | undefined): Promise<Hex | undefined> {
	const key = lock.kind === "browser" ? lock.key : await derive(passphrase ?? "", lock.salt, lock.rounds);
	try {
		return toHex(new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed)));
	} catch {
		return undefined;
	}
}

async function derive(passphrase: string, salt: Uint8Array<ArrayBuffer>, rounds: number): Promise<CryptoKey> {
	const base = await crypto.subtle.importKey("raw", new TextEncoder().encode(passphrase.normalize("NFKC")), "PBKDF2", false, ["deriveKey"]);
	return crypto.subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds }, base, { name: "AES-GCM", length: 256 }, false, [
		"encrypt",
		"decrypt",
	]);
}

export async function readVault(): Promise<VaultRecord | undefined> {
	const value = await inStore<VaultRecord | undefined>("readonly", (store) => store.get(SLOT) as IDBRequest<VaultRecord | undefined>);
	return value?.version === 1 ? value : undefined;
}

export async function writeVault(record: VaultRecord): Promise<void> {
	await inStore("readwrite", (store) => store.put(record, SLOT));
}

export async function clearVault(): Promise<void> {
	await inStore("readwrite", (store) => store.delete(SLOT));
}

async function inStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
	const database = await openDatabase();
	try {
		return await new Promise<T>((resolve, reject) => {
			const transaction = database.transaction(STORE, mode);
			const request = work(transaction.objectStore(STORE));
			// A write counts once it is on disk, not when it is queued.
			transaction.oncomplete = () => resolve(request.result);
			transaction.onerror = () => reject(transaction.error ?? new Error("the browser refused to keep the key"));
			transaction.onabort = () => reject(transaction.error ?? new Error("the browser refused to keep the key"));
		});
	} finally {
		database.close();
	}
}

function openDatabase(): Promise<IDBDatabase> {
	return new Promise((resolve, reject) => {
		const request = indexedDB.open(DATABASE, 1);
		request.onupgradeneeded = () => request.result.createObjectStore(STORE);
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error ?? new Error("this browser keeps no data for this page"));
	});
}
