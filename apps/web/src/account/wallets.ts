/** Wallets that announce themselves (EIP-6963). */
import { type Hex, isHex } from "@freehold/protocol";
import { useEffect, useState } from "react";
import type { InjectedWallet } from "./session.js";

interface Announcement extends Event {
	readonly detail?: {
		readonly info?: { readonly name?: unknown; readonly rdns?: unknown; readonly uuid?: unknown };
		readonly provider?: InjectedWallet["provider"];
	};
}

const MOST = 16;

export function useWallets(): readonly InjectedWallet[] {
	const [wallets, setWallets] = useState<readonly InjectedWallet[]>([]);
	useEffect(() => {
		const announced = (event: Event): void => {
			const { info, provider } = (event as Announcement).detail ?? {};
			if (typeof info?.name !== "string" || typeof info.rdns !== "string" || typeof provider?.request !== "function") return;
			const wallet: InjectedWallet = { name: info.name.slice(0, 60), rdns: info.rdns.slice(0, 100), provider };
			setWallets((known) => (known.length >= MOST || known.some(({ rdns }) => rdns === wallet.rdns) ? known : [...known, wallet]));
		};
		addEventListener("eip6963:announceProvider", announced);
		dispatchEvent(new Event("eip6963:requestProvider"));
		return () => removeEventListener("eip6963:announceProvider", announced);
	}, []);
	return wallets;
}

/** Asks the wallet for an account. */
export async function askWallet({ provider, name }: InjectedWallet): Promise<Hex> {
	const accounts = await provider.request({ method: "eth_requestAccounts" });
	const first: unknown = Array.isArray(accounts) ? accounts[0] : undefined;
	const address = typeof first === "string" ? first.toLowerCase() : undefined;
	if (!isHex(address, 20)) throw new Error(`${name} named no account.`);
	return address;
}
