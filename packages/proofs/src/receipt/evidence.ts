/** Evidence beside the node's signature: who says what about a receipt, and which kinds it makes (design of receipts, §2). */
import { bytesToBigint, type Crypto, type EvidenceItem, type EvidenceKind, encodeWords, fromHex, type Hex, toHex, utf8 } from "@freehold/protocol";
import type { OperatorFacts } from "./anchored-facts.js";
import { type Check, judge } from "./checks.js";

const ROLE_INFERENCE = 1n;

/** Digest that the author of an item signs: keccak256(abi.encode(receipt's digest, keccak256(kind), keccak256(body))). */
export function evidenceDigest(receiptDigest: Hex, item: Pick<EvidenceItem, "kind" | "body">, hashes: Pick<Crypto, "keccak256">): Uint8Array {
	return hashes.keccak256(encodeWords([receiptDigest, hashes.keccak256(utf8(item.kind)), hashes.keccak256(utf8(item.body))]));
}

/** Whether each item was said by its author, and none twice. What an item means is another question. */
export function evidenceCheck(evidence: readonly EvidenceItem[], receiptDigest: Hex, crypto: Crypto): Check {
	const seen = new Set<string>();
	for (const item of evidence) {
		const digest = evidenceDigest(receiptDigest, item, crypto);
		const author = crypto.recover(digest, fromHex(item.signature));
		if (author === undefined || toHex(author) !== item.author) return judge("evidence", "", [`evidence of kind ${item.kind} is not signed by its author`]);
		const name = `${bytesToBigint(digest)}:${item.author}`;
		if (seen.has(name)) return judge("evidence", "", [`evidence of kind ${item.kind} stands twice`]);
		seen.add(name);
	}
	return judge("evidence", evidence.length === 0 ? "none beside the node's signature" : `${evidence.length} signed by their authors`, []);
}

/** Active as an inference node in the proven state: the role, and the least bond staying in. */
export function isBondedNode(node: OperatorFacts | undefined, minBond: bigint | undefined): boolean {
	return node !== undefined && minBond !== undefined && (node.roles & ROLE_INFERENCE) !== 0n && node.bond - node.unbonding >= minBond;
}

/** What the node's own signature makes: an engine that names a provider passes a call on; then which model ran is not known. */
export function kindOfSignature(engine: { readonly options: Readonly<Record<string, unknown>> }): EvidenceKind {
	return typeof engine.options["provider"] === "string" ? "routed" : "signed";
}
