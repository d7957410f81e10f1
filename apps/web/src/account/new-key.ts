/** A new key, made by the browser's own source of randomness. */
import type { Hex } from "@freehold/protocol";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { keepKey } from "./session.js";

export async function makeKey(passphrase?: string): Promise<Hex> {
	const key = generatePrivateKey();
	const address = privateKeyToAddress(key).toLowerCase() as Hex;
	await keepKey(key, address, passphrase);
	return address;
}

export async function restoreKey(key: Hex, passphrase?: string): Promise<Hex> {
	const address = privateKeyToAddress(key).toLowerCase() as Hex;
	await keepKey(key, address, passphrase);
	return address;
}
