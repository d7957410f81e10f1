/** Who signs: a key that a program holds, or an account of viem. Both are brought to one shape. */
import { fromHex, type Hex, toHex } from "@freehold/protocol";
import { keccak256, serializeTransaction } from "viem";

/** A key behind a function, as programs hold it: r ‖ s ‖ v (v 27 or 28) over a digest of 32 bytes. */
export interface DigestSigner {
	readonly address: Hex;
	signDigest(digest: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** The part of a viem account that is used here: `privateKeyToAccount`, `mnemonicToAccount`, hardware wallets. */
export interface TransactionAccount {
	readonly address: Hex;
	signTransaction(transaction: Eip1559Transaction): Promise<Hex>;
}

/** A wallet that sends what it signs and picks the nonce itself, as injected wallets do (EIP-1193 `eth_sendTransaction`). Gives the transaction's hash. */
export interface SendingAccount {
	readonly address: Hex;
	sendTransaction(transaction: Omit<Eip1559Transaction, "type" | "nonce">): Promise<Hex>;
}

export type Signer = DigestSigner | TransactionAccount;

/** A transaction as EIP-1559 has it, without access list. */
export interface Eip1559Transaction {
	readonly type: "eip1559";
	readonly chainId: number;
	readonly nonce: number;
	readonly to?: Hex;
	readonly data: Hex;
	readonly value: bigint;
	readonly gas: bigint;
	readonly maxFeePerGas: bigint;
	readonly maxPriorityFeePerGas: bigint;
}

export interface SignedTransaction {
	readonly raw: Hex;
	readonly hash: Hex;
}

export async function signTransaction(signer: Signer, transaction: Eip1559Transaction): Promise<SignedTransaction> {
	const raw = "signDigest" in signer ? await signWithDigest(signer, transaction) : await signer.signTransaction(transaction);
	return { raw, hash: keccak256(raw) };
}

async function signWithDigest(signer: DigestSigner, transaction: Eip1559Transaction): Promise<Hex> {
	const signature = await signer.signDigest(fromHex(keccak256(serializeTransaction(transaction))));
	const recovery = signature[64];
	if (signature.length !== 65 || (recovery !== 27 && recovery !== 28)) throw new RangeError("a signature has 65 bytes that end in 27 or 28");
	return serializeTransaction(transaction, {
		r: toHex(signature.subarray(0, 32)),
		s: toHex(signature.subarray(32, 64)),
		yParity: recovery - 27,
	});
}
