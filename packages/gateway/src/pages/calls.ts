/** `GET /v1/calls/{callId}`: the receipt file so far. The id is known to payer, gateway and node only, and is the right to read it. */
import { type CallBody, FreeholdError, isHex, type ReceiptAnchor, type SumNode, sumProof } from "@freehold/protocol";
import { type Handler, jsonResponse, nativeCrypto } from "@freehold/service";
import { anchorKey } from "../anchoring/prove.js";
import { groupLines, type LineMembers, lineTree } from "../anchoring/seal.js";
import { receiptFileJson } from "../inference/answer.js";
import { type AnchorRecord, type BatchRecord, type CallRecord, type GatewayStore, load, type MemberRecord, recordsOf, seqKey } from "../store/tables.js";

export interface CallPageModules {
	readonly store: GatewayStore;
	readonly chainId: number;
}

/** A batch that was read lately: its lines, and the trees over them as they were needed. */
interface ReadBatch {
	readonly lines: readonly LineMembers[];
	readonly trees: Map<number, readonly (readonly SumNode[])[]>;
}

const KEPT_BATCHES = 8;

export function callPage({ store, chainId }: CallPageModules): Handler {
	const read = new Map<number, ReadBatch>();

	function batchOf(seq: number): ReadBatch {
		const known = read.get(seq);
		if (known !== undefined) return known;
		const fresh: ReadBatch = { lines: groupLines(recordsOf<MemberRecord>(store, "members", seq)), trees: new Map() };
		read.set(seq, fresh);
		for (const oldest of read.keys()) {
			if (read.size <= KEPT_BATCHES) break;
			read.delete(oldest);
		}
		return fresh;
	}

	/** The anchor part of one call: what it shares with its line, and its own path. */
	function anchorOf(call: CallRecord): ReceiptAnchor | undefined {
		const { lines, trees } = batchOf(call.seq);
		for (const [index, line] of lines.entries()) {
			const position = line.members.findIndex((member) => member.callId === call.order.callId);
			const member = line.members[position];
			if (member === undefined) continue;
			const shared = load<AnchorRecord>(store, "anchors", anchorKey(call.seq, index, member));
			if (shared === undefined) return undefined;
			const tree = trees.get(index) ?? lineTree(line, nativeCrypto);
			trees.set(index, tree);
			return { ...shared, leafProof: sumProof(tree, position).map(({ siblingOnLeft, hash, sums }) => ({ siblingOnLeft, hash, ...sums })) };
		}
		return undefined;
	}

	return ({ params }) => {
		const callId = params["callId"] ?? "";
		const call = isHex(callId, 32) ? load<CallRecord>(store, "calls", callId) : undefined;
		if (call === undefined) throw new FreeholdError("call.notFound", { callId });
		const batch = load<BatchRecord>(store, "batches", seqKey(call.seq));
		const anchored = batch === undefined || batch.state === "sealed" ? undefined : batch;
		const anchor = anchored?.state === "final" ? anchorOf(call) : undefined;
		const body: CallBody = {
			callId: call.order.callId,
			state: anchor !== undefined ? "final" : anchored !== undefined ? "anchored" : "signed",
			...(anchored?.transaction === undefined ? {} : { batch: { gateway: call.order.gateway, seq: call.seq.toString(), transaction: anchored.transaction } }),
			receiptFile: receiptFileJson(call, chainId, anchor),
			...(call.licence === undefined ? {} : { licence: call.licence }),
		};
		return jsonResponse(body);
	};
}
