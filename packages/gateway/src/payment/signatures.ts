/** Recovered signers of the latest signatures: a payment is looked at by whoever may replay an answer and by whoever takes the money, and checked once. */
import { type Crypto, toHex } from "@freehold/protocol";

/** The same functions; `recover` remembers its last `size` answers. */
export function rememberingCrypto(crypto: Crypto, size = 256): Crypto {
	const known = new Map<string, Uint8Array | undefined>();
	return {
		...crypto,
		recover: (digest, signature) => {
			const key = toHex(digest) + toHex(signature);
			if (known.has(key)) return known.get(key);
			const signer = crypto.recover(digest, signature);
			known.set(key, signer);
			const [oldest] = known.size > size ? known.keys() : [];
			if (oldest !== undefined) known.delete(oldest);
			return signer;
		},
	};
}
