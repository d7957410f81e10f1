/** Proofs of an anchored batch: the state after it, and the consensus header that stands behind the state; once for all calls that share a line and a key. */
import { assembleAnchor, requiredState } from "@freehold/proofs";
import { batchProof, batchTree, FreeholdError, fromHex, type Hex, isHex, type LightBlock, lightBlockShape, type Order } from "@freehold/protocol";
import type { ChainClient } from "@freehold/sdk/chain";
import { nativeCrypto, pause } from "@freehold/service";
import {
	type AnchorRecord,
	type BatchRecord,
	type CallRecord,
	type GatewayStore,
	load,
	type MemberRecord,
	type OrphanRecord,
	seqKey,
} from "../store/tables.js";
import type { LineMembers } from "./seal.js";

export interface ProveModules {
	readonly store: GatewayStore;
	readonly client: ChainClient;
	readonly signer: { readonly address: Hex };
}

export interface ProvedBatch {
	/** By key in `anchors`. */
	readonly anchors: ReadonlyMap<string, AnchorRecord>;
	/** EVM block whose state is proved. */
	readonly block: bigint;
}

/** Blocks whose state the ledger keeps, less a margin. */
const PROVABLE_BLOCKS = 100n;
const HEADER_RETRY_MS = 25;
const HEADER_DEADLINE_MS = 10_000;

/** Key in `anchors` of the calls of one line that one key of the node, and one of the gateway, signed. */
export function anchorKey(seq: number, line: number, { nodeKey, gatewayKey }: Pick<MemberRecord, "nodeKey" | "gatewayKey">): string {
	return `${seqKey(seq)}/${line}/${nodeKey}${gatewayKey === undefined ? "" : `/${gatewayKey}`}`;
}

export async function proveBatch(batch: BatchRecord, lines: readonly LineMembers[], modules: ProveModules, signal: AbortSignal): Promise<ProvedBatch> {
	const { store, client } = modules;
	const head = await client.blockNumber({ signal });
	// The batch's own block where its state is still there: prices and keys as they were then.
	const block = batch.block !== undefined && head - batch.block < PROVABLE_BLOCKS ? batch.block : head;
	const { evmHeader, lightBlock } = await provenHeader(client, block, signal);
	const tree = batchTree(batch.lines, batch.refunds, nativeCrypto);
	const anchors = new Map<string, AnchorRecord>();
	for (const [index, { members }] of lines.entries()) {
		const line = batch.lines[index];
		if (line === undefined) throw new Error(`batch ${batch.seq} has no line ${index}`);
		// One of each: the calls of a line that the same keys signed share their proof.
		const byKeys = new Map(members.map((member) => [anchorKey(batch.seq, index, member), member]));
		for (const [key, member] of byKeys) {
			const order = orderOf(store, member);
			const { nodeKey, gatewayKey = modules.signer.address } = member;
			const info = { seq: BigInt(batch.seq), gatewayKey, nodeKey };
			const proofs = await Promise.all(requiredState(order, info, nativeCrypto).map(({ address, slots }) => client.proof(address, slots, block, { signal })));
			const { leafProof: _, ...anchor } = assembleAnchor(
				{ order, info, line, leafProof: [], lineProof: batchProof(tree, index), evmHeader, lightBlock, proofs },
				nativeCrypto,
			);
			anchors.set(key, anchor);
		}
	}
	return { anchors, block };
}

function orderOf(store: GatewayStore, member: MemberRecord): Order {
	const call = load<CallRecord>(store, "calls", member.callId) ?? load<OrphanRecord>(store, "orphans", member.callId);
	if (call === undefined) throw new Error(`call ${member.callId} is missing`);
	return call.order;
}

/** The EVM header of a block and the consensus block that proves it, as soon as there is one. */
async function provenHeader(
	client: ChainClient,
	block: bigint,
	signal: AbortSignal,
): Promise<{ readonly evmHeader: Uint8Array; readonly lightBlock: LightBlock }> {
	for (let waited = 0; ; waited += HEADER_RETRY_MS) {
		const answer = await client.request("freehold_getProofBlock", [`0x${block.toString(16)}`], { signal });
		if (answer !== null) return readProofBlock(answer);
		if (waited > HEADER_DEADLINE_MS)
			throw new FreeholdError("upstream.timeout", { what: `A consensus header that proves block ${block}`, seconds: HEADER_DEADLINE_MS / 1000 });
		await pause(HEADER_RETRY_MS, signal);
	}
}

function readProofBlock(answer: unknown): { readonly evmHeader: Uint8Array; readonly lightBlock: LightBlock } {
	const { evmHeader, lightBlock } = answer as { readonly evmHeader?: unknown; readonly lightBlock?: unknown };
	if (!isHex(evmHeader)) throw new FreeholdError("upstream.failed", { what: "The ledger", reason: "a malformed proof block" });
	return { evmHeader: fromHex(evmHeader), lightBlock: lightBlockShape.read(lightBlock, "lightBlock") };
}
