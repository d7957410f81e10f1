/** Accounts of the mnemonic that every Ethereum tool uses for development. */
import { toHex } from "@freehold/protocol";
import { createDigestSigner, type DigestSigner } from "@freehold/service";
import { mnemonicToAccount } from "viem/accounts";

const MNEMONIC = "test test test test test test test test test test test junk";

export interface TestAccount {
	readonly account: ReturnType<typeof mnemonicToAccount>;
	readonly key: Uint8Array;
	readonly signer: DigestSigner;
	readonly address: `0x${string}`;
}

export function testAccount(index: number): TestAccount {
	const account = mnemonicToAccount(MNEMONIC, { addressIndex: index });
	const key = account.getHdKey().privateKey;
	if (key === null) throw new Error("the account has no key");
	const signer = createDigestSigner(key);
	return { account, key, signer, address: signer.address };
}

/** 64 hex digits, as key files hold them. */
export function keyText({ key }: TestAccount): string {
	return toHex(key).slice(2);
}
