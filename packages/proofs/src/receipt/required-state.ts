/** What of the chain's state a receipt stands on: the records that its file proves and that the verifier reads. */
import { layout } from "@freehold/contracts/layout";
import { defaultHashes, type Hashes, type Hex, type Order, provenAddresses } from "@freehold/protocol";
import { type RecordRef, slotOf } from "../state/slots.js";

/** Where the receipt was anchored and which keys signed; the keys are those that the two signatures recover to. */
export interface AnchorInfo {
	readonly seq: bigint;
	readonly gatewayKey: Hex;
	readonly nodeKey: Hex;
}

export interface AccountSlots {
	readonly address: Hex;
	readonly slots: readonly Hex[];
}

/** The records by name; all words named here are read whatever they hold. */
export function receiptRecords(order: Order, { seq, gatewayKey, nodeKey }: AnchorInfo) {
	const { UsageLedger, NodeRegistry, ModelRegistry } = provenAddresses;
	const { gateway, node, release, priceVersion } = order;
	return {
		batch: { contract: UsageLedger, record: layout.UsageLedger.batch, keys: [gateway, seq], words: [0, 1] },
		gatewayKey: { contract: NodeRegistry, record: layout.NodeRegistry.key, keys: [gateway, gatewayKey], words: [0] },
		nodeKey: { contract: NodeRegistry, record: layout.NodeRegistry.key, keys: [node, nodeKey], words: [0] },
		gateway: { contract: NodeRegistry, record: layout.NodeRegistry.operator, keys: [gateway], words: [0, 1] },
		node: { contract: NodeRegistry, record: layout.NodeRegistry.operator, keys: [node], words: [0, 1] },
		minBond: { contract: NodeRegistry, record: layout.NodeRegistry.minBond, keys: [], words: [0] },
		release: { contract: ModelRegistry, record: layout.ModelRegistry.release, keys: [release], words: [2] },
		price: { contract: ModelRegistry, record: layout.ModelRegistry.price, keys: [release, priceVersion], words: [0, 1] },
	} as const satisfies Record<string, RecordRef>;
}

/**
 * Slots that the receipt's file must prove, by contract: ask `eth_getProof` for exactly these at one block in which the batch is anchored, and hand the
 * answers to `assembleAnchor`.
 */
export function requiredState(order: Order, info: AnchorInfo, hashes: Hashes = defaultHashes): readonly AccountSlots[] {
	const byContract = new Map<Hex, Set<Hex>>();
	for (const record of Object.values(receiptRecords(order, info)) as readonly RecordRef[]) {
		const slots = byContract.get(record.contract) ?? new Set();
		for (const word of record.words) slots.add(slotOf(record, word, hashes));
		byContract.set(record.contract, slots);
	}
	return [...byContract].map(([address, slots]) => ({ address, slots: [...slots] }));
}
