/** Builds the anchor part of a receipt's file from what a ledger answers. The result is checked on the way: it cannot prove less than it must. */
import {
	decodeEvmHeader,
	defaultHashes,
	fromHex,
	type Hashes,
	type HashProofStep,
	type Hex,
	type LightBlock,
	type Line,
	type Order,
	type ReceiptAnchor,
	type SumProofStep,
} from "@freehold/protocol";
import { ProvenState } from "../state/proven-state.js";
import type { RecordRef } from "../state/slots.js";
import { TrieNodes } from "../trie/trie.js";
import { type AnchorInfo, receiptRecords } from "./required-state.js";

/** The nodes of an answer of `eth_getProof`. */
export interface StateProofAnswer {
	readonly accountProof: readonly Hex[];
	readonly storageProof: readonly { readonly proof: readonly Hex[] }[];
}

export interface AnchorParts {
	readonly order: Order;
	readonly info: AnchorInfo;
	readonly line: Line;
	readonly leafProof: readonly SumProofStep[];
	readonly lineProof: readonly HashProofStep[];
	/** RLP of the EVM header at whose block the proofs were made. */
	readonly evmHeader: Uint8Array;
	/** The consensus block whose application hash is that header's hash. */
	readonly lightBlock: LightBlock;
	/** Answers for the slots of `requiredState`, in any order; more than needed is left out. */
	readonly proofs: readonly StateProofAnswer[];
}

/** Throws `ProofError` when the answers do not prove all that is required. */
export function assembleAnchor(parts: AnchorParts, hashes: Hashes = defaultHashes): ReceiptAnchor {
	const answers = parts.proofs.flatMap((proof) => [proof.accountProof, ...proof.storageProof.map((slot) => slot.proof)]);
	const nodes = new TrieNodes([...new Set(answers.flat())].map(fromHex), hashes);
	const state = new ProvenState(decodeEvmHeader(parts.evmHeader).stateRoot, nodes, hashes);
	for (const record of Object.values(receiptRecords(parts.order, parts.info)) as readonly RecordRef[]) state.read(record);
	const { release, priceVersion, node, calls, inputUnits, outputUnits, nodeFee, gatewayFee, root } = parts.line;
	return {
		seq: parts.info.seq,
		line: { release, priceVersion, node, calls, inputUnits, outputUnits, nodeFee, gatewayFee, root },
		leafProof: parts.leafProof.map(({ siblingOnLeft, hash, sums }) => ({ siblingOnLeft, hash, ...sums })),
		lineProof: parts.lineProof.map(({ siblingOnLeft, hash }) => ({ siblingOnLeft, hash })),
		evmHeader: parts.evmHeader,
		lightBlock: parts.lightBlock,
		stateNodes: nodes.used(),
	};
}
