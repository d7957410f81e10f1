/** Merkle root as CometBFT builds it (RFC 6962): leaf = sha256(0x00 ‖ x), inner = sha256(0x01 ‖ l ‖ r), split at the largest power of two below n. */
import { concatBytes } from "../bytes/bytes.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";

const LEAF = Uint8Array.of(0);
const INNER = Uint8Array.of(1);

export function merkleRoot(items: readonly Uint8Array[], hashes: Hashes = defaultHashes): Uint8Array {
	const [first] = items;
	if (first === undefined) return hashes.sha256(new Uint8Array(0));
	if (items.length === 1) return hashes.sha256(concatBytes(LEAF, first));
	let split = 1;
	while (split * 2 < items.length) split *= 2;
	return hashes.sha256(concatBytes(INNER, merkleRoot(items.slice(0, split), hashes), merkleRoot(items.slice(split), hashes)));
}
