/** Wallets that announce themselves (EIP-6963). */
import { type Hex, isHex } from "@freehold/protocol";
import { useEffect, useState } from "react";
import type { InjectedWallet, WalletProvider } from "./session.js";

interface Announcement extends Event {
	readonly detail?: {
		readonly info?: { readonly name?: unknown; readonly rdns?: unknown; readonly uuid?: unknown };
		readonly provider?: WalletProvider;
	};
}

const MOST = 16;

/** Tells of every wallet that is here or comes, until the result is called. */
export function onWallet(listener: (wallet: InjectedWallet) => void): () => void {
	const announced = (event: Event): void => {
		const { info, provider } = (event as Announcement).detail ?? {};
		if (typeof info?.name !== "string" || typeof info.rdns !== "string" || typeof provider?.request !== "function") return;
		listener({ name: info.name.slice(0, 60), rdns: info.rdns.slice(0, 100), provider });
	};
	addEventListener("eip6963:announceProvider", announced);
	dispatchEvent(new Event("eip6963:requestProvider"));
	return () => removeEventListener("eip6963:announceProvider", announced);
}

export function useWallets(): readonly InjectedWallet[] {
	const [wallets, setWallets] = useState<readonly InjectedWallet[]>([]);
	useEffect(
		() => onWallet((wallet) => setWallets((known) => (known.length >= MOST || known.some(({ rdns }) => rdns === wallet.rdns) ? known : [...known, wallet]))),
		[],
	);
	return wallets;
}

/** Asks the wallet for an account. */
export async function askWallet({ provider, name }: InjectedWallet): Promise<Hex> {
	const address = firstAccount(await provider.request({ method: "eth_requestAccounts" }));
	if (address === undefined) throw new Error(`${name} named no account.`);
	return address;
}

/** The account that the wallet lets this page see already; it asks nobody. */
export async function grantedAccount({ provider }: InjectedWallet): Promise<Hex | undefined> {
	return firstAccount(await provider.request({ method: "eth_accounts" }).catch(() => undefined));
}

export function firstAccount(accounts: unknown): Hex | undefined {
	const first: unknown = Array.isArray(accounts) ? accounts[0] : undefined;
	const address = typeof first === "string" ? first.toLowerCase() : undefined;
	return isHex(address, 20) ? address : undefined;
}
