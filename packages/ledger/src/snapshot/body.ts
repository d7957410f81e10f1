/** The newest block of a snapshot, whole: believed only as far as its header covers it. Senders are recovered anew. */
import { type Crypto, concatBytes, decodeRlp, type EvmHeader, encodeRlp, equalBytes } from "@freehold/protocol";
import { orderedTrieRoot } from "../block/ordered-trie.js";
import { encodeReceipt, receiptsFromItems } from "../block/receipt.js";
import { decodeTransaction } from "../transaction/decode.js";
import type { SnapshotHead } from "./snapshot.js";

/** In the store's own spelling; undefined for a block without transactions. Throws for a body that is not this header's. */
export function soundBody(header: EvmHeader, given: SnapshotHead["body"], chainId: bigint, crypto: Pick<Crypto, "recover">): SnapshotHead["body"] {
	const empty = orderedTrieRoot([]);
	if (given === undefined) {
		if (equalBytes(header.transactionsRoot, empty)) return undefined;
		throw new SyntaxError("the newest block's transactions are missing");
	}
	const [raws] = decodeRlp(given.body) as readonly [readonly Uint8Array[]];
	if (!Array.isArray(raws) || !raws.every((raw) => raw instanceof Uint8Array)) throw new SyntaxError("the newest block's transactions are unreadable");
	const transactions = raws.map((raw) => decodeTransaction(raw, chainId, crypto));
	const receipts = receiptsFromItems(decodeRlp(given.receipts));
	if (receipts.length !== transactions.length) throw new SyntaxError("the newest block's receipts are not its transactions'");
	const encoded = receipts.map((receipt, index) => encodeReceipt((transactions[index] as { readonly type: number }).type, receipt));
	if (!equalBytes(orderedTrieRoot(raws), header.transactionsRoot) || !equalBytes(orderedTrieRoot(encoded), header.receiptsRoot))
		throw new SyntaxError("the newest block is not the one that was proved");
	const body = encodeRlp([raws, concatBytes(...transactions.map(({ sender }) => sender))]);
	if (!equalBytes(body, given.body)) throw new SyntaxError("the newest block names senders that did not sign");
	return { body, receipts: given.receipts };
}
