/** Accounts of development networks: of the phrase that every Ethereum development tool knows. Public, so never for anything but development. */
import { type Hex, toHex } from "@freehold/protocol";
import { mnemonicToAccount } from "viem/accounts";
import type { DevelopmentAccount } from "./data-folder.js";

const MNEMONIC = "test test test test test test test test test test test junk";
/** Place of the first validator's operator; people are the first ten. */
export const FIRST_OPERATOR = 100;

export function developmentAccount(name: string, addressIndex: number): DevelopmentAccount {
	const { address, getHdKey } = mnemonicToAccount(MNEMONIC, { addressIndex });
	const { privateKey } = getHdKey();
	if (privateKey === null) throw new Error("the derivation gave no private key");
	return { name, address: address.toLowerCase() as Hex, privateKey: toHex(privateKey) };
}
