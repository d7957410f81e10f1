/** What a batch says once nothing is added to it: its lines, claims and root. Pure; the same entries give the same bytes. */

import { claimBatchDigest } from "@freehold/payments";
import type { VoucherClaim } from "@freehold/payments/facilitator";
import { type BatchLeaf, type BatchRefund, batchRoot, canonicalJson, type Hashes, type Hex, type Line, type SumNode, sumTree, top } from "@freehold/protocol";
import type { MemberRecord } from "../store/tables.js";
import { type BatchChannelRecord, lineOf } from "./batch-log.js";

/** Calls that share a line, in the order in which they were recorded. */
export interface LineMembers {
	readonly release: Hex;
	readonly priceVersion: number;
	readonly node: Hex;
	readonly members: readonly MemberRecord[];
}

export interface SealedBatch {
	readonly lines: readonly Line[];
	readonly refunds: readonly BatchRefund[];
	readonly root: Hex;
}

/** Members by line; lines in the order of their first call. */
export function groupLines(members: Iterable<MemberRecord>): readonly LineMembers[] {
	const lines = new Map<string, { readonly first: MemberRecord; readonly members: MemberRecord[] }>();
	for (const member of members) {
		const key = lineOf(member);
		const line = lines.get(key);
		if (line === undefined) lines.set(key, { first: member, members: [member] });
		else line.members.push(member);
	}
	return [...lines.values()].map(({ first: { release, priceVersion, node }, members: all }) => ({ release, priceVersion, node, members: all }));
}

/** Levels of a line's sum tree. */
export function lineTree(line: LineMembers, hashes: Hashes): readonly (readonly SumNode[])[] {
	return sumTree(
		line.members.map(({ receipt, sums }): BatchLeaf => ({ receipt, sums })),
		hashes,
	);
}

export function sealBatch(lines: readonly LineMembers[], refunds: readonly BatchRefund[], hashes: Hashes): SealedBatch {
	const sealed = lines.map((line): Line => {
		const { hash, sums } = top(lineTree(line, hashes));
		return { release: line.release, priceVersion: line.priceVersion, node: line.node, ...sums, root: hash };
	});
	const back = refunds.map(({ payer, amount }) => ({ payer, amount }));
	return { lines: sealed, refunds: back, root: batchRoot(sealed, back, hashes) };
}

/** Vouchers to be claimed with a batch, and what their receiver signs. */
export function claimsOf(
	channels: Iterable<BatchChannelRecord>,
	chainId: number,
	hashes: Hashes,
): { readonly claims: readonly VoucherClaim[]; readonly digest: Uint8Array } {
	const all = [...channels];
	return {
		claims: all.map(({ config, maxClaimableAmount, signature, charged }) => ({ config, maxClaimableAmount, signature, totalClaimed: charged })),
		digest: claimBatchDigest(
			all.map(({ channelId, maxClaimableAmount, charged }) => ({ channelId, maxClaimableAmount, totalClaimed: charged })),
			chainId,
			hashes,
		),
	};
}

/** The leaves as anyone may read them: digests of receipts and what each adds. Nothing in it tells who asked what. */
export function batchData(head: { readonly chainId: number; readonly gateway: Hex; readonly seq: number }, lines: readonly LineMembers[]): string {
	return canonicalJson({
		version: 1,
		...head,
		lines: lines.map(({ release, priceVersion, node, members }) => ({
			release,
			priceVersion,
			node,
			leaves: members.map(({ receipt, sums }) => [
				receipt,
				sums.inputUnits.toString(),
				sums.outputUnits.toString(),
				sums.nodeFee.toString(),
				sums.gatewayFee.toString(),
			]),
		})),
	});
}
