/** The conversations of an account on this device, each sealed: what the list shows in one record, the rest in another. The browser's database sees ids and sizes. */
import type { Hex } from "@freehold/protocol";
import { privateKey, type Session } from "../account/session.js";
import { type Conversation, conversationShape } from "./conversation.js";
import { browserKey, keyFromAccount, type Sealed, seal, unseal } from "./seal.js";

export interface Head {
	readonly id: string;
	readonly title: string;
	readonly model: string;
	/** Unix milliseconds. */
	readonly updatedAt: number;
}

export interface Shelf {
	/** Newest first. */
	list(): Promise<readonly Head[]>;
	/** Undefined when it is not here, or not this account's. */
	read(id: string): Promise<Conversation | undefined>;
	write(conversation: Conversation): Promise<void>;
	remove(id: string): Promise<void>;
}

interface Row extends Sealed {
	readonly id: string;
	readonly owner: Hex;
}

const DATABASE = "freehold-conversations";
const HEADS = "heads";
const BODIES = "bodies";
const KEYS = "keys";

/** Undefined while nobody is at the page whose key could open one. */
export async function openShelf(session: Session): Promise<Shelf | undefined> {
	if (session.kind !== "key" && session.kind !== "wallet") return undefined;
	const owner = session.address.toLowerCase() as Hex;
	const own = privateKey();
	const key = session.kind === "wallet" ? await keptKey(owner) : own === undefined ? undefined : await keyFromAccount(own, owner);
	return key === undefined ? undefined : shelfOf(owner, key);
}

function shelfOf(owner: Hex, key: CryptoKey): Shelf {
	const place = (store: string, id: string): string => `${store} ${owner} ${id}`;
	const sealed = async (store: string, id: string, value: unknown): Promise<Row> => ({ id, owner, ...(await seal(value, key, place(store, id))) });
	return {
		async list() {
			const rows = await transact([HEADS], "readonly", (store) => store(HEADS).index("owner").getAll(owner) as IDBRequest<Row[]>);
			const heads = await Promise.all(rows.map((row) => unseal(row, key, place(HEADS, row.id)) as Promise<Head | undefined>));
			return heads.filter((head) => head !== undefined).sort((a, b) => b.updatedAt - a.updatedAt);
		},
		async read(id) {
			const row = await transact([BODIES], "readonly", (store) => store(BODIES).get(id) as IDBRequest<Row | undefined>);
			const value = row === undefined || row.owner !== owner ? undefined : await unseal(row, key, place(BODIES, id));
			return value === undefined ? undefined : conversationShape.read(value, "conversation");
		},
		async write(conversation) {
			const { id, title, model, updatedAt } = conversation;
			const head = await sealed(HEADS, id, { id, title, model, updatedAt } satisfies Head);
			const body = await sealed(BODIES, id, conversationShape.write(conversation));
			await transact([HEADS, BODIES], "readwrite", (store) => {
				store(HEADS).put(head);
				return store(BODIES).put(body);
			});
		},
		async remove(id) {
			await transact([HEADS, BODIES], "readwrite", (store) => {
				store(HEADS).delete(id);
				return store(BODIES).delete(id);
			});
		},
	};
}

async function keptKey(owner: Hex): Promise<CryptoKey> {
	const made = await browserKey();
	// In one transaction, so that two tabs agree on one key.
	return transact([KEYS], "readwrite", (store) => {
		const keys = store(KEYS);
		const kept = keys.get(owner) as IDBRequest<CryptoKey | undefined>;
		const chosen = { result: made } as { result: CryptoKey };
		kept.onsuccess = () => {
			if (kept.result === undefined) keys.put(made, owner);
			else chosen.result = kept.result;
		};
		return chosen;
	});
}

async function transact<T>(
	stores: readonly string[],
	mode: IDBTransactionMode,
	work: (store: (name: string) => IDBObjectStore) => { readonly result: T },
): Promise<T> {
	const database = await openDatabase();
	try {
		return await new Promise<T>((resolve, reject) => {
			const transaction = database.transaction(stores, mode);
			const answer = work((name) => transaction.objectStore(name));
			const fail = (): void => reject(new Error(`The browser did not keep the conversation: ${transaction.error?.message ?? "no reason given"}`));
			// A write counts once it is on disk, not when it is queued.
			transaction.oncomplete = () => resolve(answer.result);
			transaction.onerror = fail;
			transaction.onabort = fail;
		});
	} finally {
		database.close();
	}
}

function openDatabase(): Promise<IDBDatabase> {
	return new Promise((resolve, reject) => {
		const request = indexedDB.open(DATABASE, 1);
		request.onupgradeneeded = () => {
			for (const name of [HEADS, BODIES]) request.result.createObjectStore(name, { keyPath: "id" }).createIndex("owner", "owner");
			request.result.createObjectStore(KEYS);
		};
		request.onsuccess = () => resolve(request.result);
		request.onerror = () => reject(request.error ?? new Error("this browser keeps no data for this page"));
	});
}
