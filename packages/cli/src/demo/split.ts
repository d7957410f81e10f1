/** Who got what of a call: read from the chain's events, and held against the arithmetic that anyone can do. */
import { type LineageRelease, type SplitPart, splitOf } from "@freehold/payments";
import { contractAddresses, FreeholdError, type Hex, type ReceiptFile, systemAddresses } from "@freehold/protocol";
import type { Freehold } from "@freehold/sdk";
import { type ChainEvent, contracts, decodeEvent } from "@freehold/sdk/chain";

export interface CallSplit {
	/** Parts of this one call. */
	readonly parts: readonly SplitPart[];
	/** The anchor's events say the same of the line, and the ancestors were credited. */
	readonly agrees: boolean;
	readonly block: bigint;
}

const MAX_LINEAGE = 64;
const FLOW_WAIT_MS = 5_000;

export async function readSplit(freehold: Freehold, file: ReceiptFile, transaction: Hex, signal: AbortSignal): Promise<CallSplit> {
	const { chain } = freehold.client;
	const receipt = await chain.receipt(transaction, { signal });
	if (receipt === undefined || file.anchor === undefined)
		throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `no transaction ${transaction}` });
	const events = receipt.logs.flatMap((log) => decodeEvent(log, [contracts.UsageLedger, contracts.Royalties]) ?? []);
	const { order } = file;
	const { line, seq } = file.anchor;
	const paid = events.find(
		({ name, args }) =>
			name === "LinePaid" &&
			args["seq"] === seq &&
			args["release"] === order.release &&
			args["priceVersion"] === order.priceVersion &&
			same(args["node"], order.node),
	);
	if (paid === undefined) throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `the line of call ${order.callId} was not paid` });
	const [price, lineage, protocolFeeBps] = await Promise.all([
		freehold.client.registry.price(order.release, order.priceVersion, signal),
		readLineage(freehold, order.release, receipt.blockNumber, signal),
		chain.read(contracts.UsageLedger, "protocolFeeBps", [], { block: receipt.blockNumber, signal }),
	]);
	if (price === undefined) throw new FreeholdError("model.notFound", { model: order.release });
	const options = { treasury: systemAddresses.treasury, protocolFeeBps };
	const share = { release: order.release, node: order.node, gateway: order.gateway };
	const whole = splitOf({ ...share, ...line }, price, lineage, options);
	const { inputUnits, outputUnits } = file.receipt;
	const one = splitOf({ ...share, calls: 1n, inputUnits, outputUnits, nodeFee: order.nodeFee, gatewayFee: order.gatewayFee }, price, lineage, options);
	return {
		parts: one.parts,
		agrees: eventsAgree(events, paid, whole.parts, order.release) && (await ancestorsCredited(freehold, one.parts, receipt.blockNumber, signal)),
		block: receipt.blockNumber,
	};
}

/** The release and its ancestors as the chain had them, with what each had received before this batch. */
async function readLineage(freehold: Freehold, release: Hex, block: bigint, signal: AbortSignal): Promise<ReadonlyMap<Hex, LineageRelease>> {
	const { chain } = freehold.client;
	const lineage = new Map<Hex, LineageRelease>();
	const waiting = [release];
	for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
		if (lineage.has(id)) continue;
		if (lineage.size >= MAX_LINEAGE)
			throw new FreeholdError("request.invalid", { field: "release", reason: `has more than ${MAX_LINEAGE} ancestors`, limit: MAX_LINEAGE });
		const [[owner, parents], received] = await Promise.all([
			chain.read(contracts.ModelRegistry, "splitOf", [id], { block, signal }),
			chain.read(contracts.Royalties, "received", [id], { block: block - 1n, signal }),
		]);
		lineage.set(id, { release: id, owner: owner.toLowerCase() as Hex, parents, received });
		waiting.push(...parents.map((parent) => parent.release));
	}
	return lineage;
}

/** Node, gateway, protocol, the owner, and what was booked upstream: each amount of the events against the same amount worked out here. */
function eventsAgree(events: readonly ChainEvent[], paid: ChainEvent, parts: readonly SplitPart[], release: Hex): boolean {
	const sum = (role: SplitPart["role"]): bigint => parts.filter((part) => part.role === role).reduce((total, { amount }) => total + amount, 0n);
	const { nodeFee, gatewayFee, protocolFee, ownerAmount } = paid.args as { nodeFee: bigint; gatewayFee: bigint; protocolFee: bigint; ownerAmount: bigint };
	const credited = total(events, "OwnerCredited", release);
	const booked = total(events, "RoyaltyBooked", release);
	return (
		nodeFee === sum("node") &&
		gatewayFee - protocolFee === sum("gateway") &&
		protocolFee === sum("protocol") &&
		credited === sum("owner") &&
		credited + booked + parts.filter((part) => part.role === "remainder" && part.release === release).reduce((rest, { amount }) => rest + amount, 0n) ===
			ownerAmount
	);
}

/** Amounts of one kind of event about a release. */
function total(events: readonly ChainEvent[], name: string, release: Hex): bigint {
	return events
		.filter((event) => event.name === name && event.args["release"] === release && event.address.toLowerCase() === contractAddresses.Royalties)
		.reduce((sum, { args }) => sum + (args["amount"] as bigint), 0n);
}

/** The gateway passes royalties on after each batch: every ancestor's owner has been credited at least this call's part since. */
async function ancestorsCredited(freehold: Freehold, parts: readonly SplitPart[], fromBlock: bigint, signal: AbortSignal): Promise<boolean> {
	const { chain } = freehold.client;
	const owed = parts.filter((part) => part.role === "ancestor");
	const deadline = performance.now() + FLOW_WAIT_MS;
	for (let head = await chain.blockNumber({ signal }); ; head = await chain.waitForBlock(head, { timeoutMs: 1_000, signal })) {
		const logs = await chain.logs({ addresses: [contracts.Royalties.address], fromBlock, toBlock: head }, { signal });
		const events = logs.flatMap((log) => decodeEvent(log, [contracts.Royalties]) ?? []);
		const done = owed.every(({ release, amount }) => release !== undefined && total(events, "OwnerCredited", release) >= amount);
		if (done || performance.now() > deadline) return done;
	}
}

function same(address: unknown, other: Hex): boolean {
	return typeof address === "string" && address.toLowerCase() === other;
}
