/** Who is at the page: nobody yet, a key of this browser (locked or open), or a wallet. Light: what signs is loaded when something is to be signed. */
import type { Hex } from "@freehold/protocol";
import { useSyncExternalStore } from "react";
import { clearVault, openKey, readVault, sealKey, type VaultRecord, writeVault } from "./vault.js";
import { firstAccount, grantedAccount, onWallet } from "./wallets.js";

export interface InjectedWallet {
	readonly name: string;
	/** Reverse domain name, as EIP-6963 has it. */
	readonly rdns: string;
	readonly provider: WalletProvider;
}

/** EIP-1193, as far as it is used here. */
export interface WalletProvider {
	request(parameters: { readonly method: string; readonly params?: readonly unknown[] | object }): Promise<unknown>;
	on?(event: "accountsChanged", listener: (accounts: unknown) => void): void;
	removeListener?(event: "accountsChanged", listener: (accounts: unknown) => void): void;
}

export type Session =
	| { readonly kind: "starting" }
	| { readonly kind: "none" }
	| { readonly kind: "locked"; readonly address: Hex }
	| { readonly kind: "key"; readonly address: Hex; readonly protectedBy: "browser" | "passphrase" }
	| { readonly kind: "wallet"; readonly address: Hex; readonly wallet: InjectedWallet };

let session: Session = { kind: "starting" };
let record: VaultRecord | undefined;
/** Only in memory, only while the page is open. */
let openedKey: Hex | undefined;
const listeners = new Set<() => void>();

function change(next: Session): void {
	session = next;
	for (const notify of listeners) notify();
}

export function currentSession(): Session {
	return session;
}

export function useSession(): Session {
	return useSyncExternalStore(
		(listener) => {
			listeners.add(listener);
			return () => listeners.delete(listener);
		},
		() => session,
	);
}

export function addressOf(given: Session): Hex | undefined {
	return "address" in given ? given.address : undefined;
}

/** Called once, before the first paint needs it. The wallet of the last visit is taken up again if it still lets this page in. */
export async function startSession(): Promise<void> {
	await takeOwnKey();
	const rdns = localStorage.getItem(WALLET);
	if (rdns === null) return;
	onWallet((wallet) => {
		if (wallet.rdns !== rdns || localStorage.getItem(WALLET) !== rdns || session.kind === "wallet") return;
		void grantedAccount(wallet).then((address) => address !== undefined && connectWallet(address, wallet));
	});
}

async function takeOwnKey(): Promise<void> {
	try {
		record = await readVault();
	} catch {
		record = undefined;
	}
	if (record === undefined) return change({ kind: "none" });
	const { address, lock } = record;
	if (lock.kind === "passphrase") return change({ kind: "locked", address });
	openedKey = await openKey(record, undefined);
	change(openedKey === undefined ? { kind: "none" } : { kind: "key", address, protectedBy: "browser" });
}

/** Keeps a key, in place of the one before. */
export async function keepKey(privateKey: Hex, address: Hex, passphrase?: string): Promise<void> {
	record = await sealKey(privateKey, address, passphrase);
	await writeVault(record);
	openedKey = privateKey;
	change({ kind: "key", address, protectedBy: passphrase === undefined ? "browser" : "passphrase" });
}

/** False when the passphrase is wrong. */
export async function unlock(passphrase: string): Promise<boolean> {
	if (record === undefined) return false;
	const key = await openKey(record, passphrase);
	if (key === undefined) return false;
	openedKey = key;
	change({ kind: "key", address: record.address, protectedBy: "passphrase" });
	return true;
}

export function lock(): void {
	if (record?.lock.kind !== "passphrase") return;
	openedKey = undefined;
	change({ kind: "locked", address: record.address });
}

/** The key is gone from this browser afterwards. */
export async function forgetKey(): Promise<void> {
	await clearVault();
	record = undefined;
	openedKey = undefined;
	change({ kind: "none" });
}

const WALLET = "freehold.wallet";
let forgetWallet = (): void => undefined;

export function connectWallet(address: Hex, wallet: InjectedWallet): void {
	forgetWallet();
	localStorage.setItem(WALLET, wallet.rdns);
	// Another account chosen in the wallet is another person at the page; none means that it was locked or closed to this page.
	const changed = (accounts: unknown): void => {
		const next = firstAccount(accounts);
		if (next === undefined) void leaveWallet();
		else change({ kind: "wallet", address: next, wallet });
	};
	wallet.provider.on?.("accountsChanged", changed);
	forgetWallet = () => wallet.provider.removeListener?.("accountsChanged", changed);
	change({ kind: "wallet", address, wallet });
}

/** Back to the key of this browser, if there is one. */
export async function leaveWallet(): Promise<void> {
	forgetWallet();
	forgetWallet = () => undefined;
	localStorage.removeItem(WALLET);
	await takeOwnKey();
}

/** For signing and for export. Undefined while locked, or when a wallet signs. */
export function privateKey(): Hex | undefined {
	return session.kind === "key" ? openedKey : undefined;
}
