/** Who gets what of one call: worked out from the registry's prices and shares, and held against what the chain booked. */
import { type LineageRelease, type SplitPart, splitOf } from "@freehold/payments";
import { contractAddresses, FreeholdError, type Hex, type ReceiptFile, systemAddresses } from "@freehold/protocol";
import { contracts } from "../chain/contracts.js";
import { decodeEvent } from "../chain/follow-events.js";
import type { Client } from "../client/client.js";

export interface SplitOptions {
	/** Transaction that anchored the batch. Without it the parts are what the rules say now; nothing is compared. */
	readonly transaction?: Hex | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface CallSplit {
	readonly charge: bigint;
	/** Their sum is the charge, to the unit. */
	readonly parts: readonly SplitPart[];
	/** Whether the chain booked the line of this call as the rules say; undefined while it is not anchored. */
	readonly booked: { readonly block: bigint; readonly agrees: boolean } | undefined;
}

const MAX_LINEAGE = 256;

/**
 * @example
 * const { file, batch } = await freehold.receipts.wait(callId);
 * const { parts } = await freehold.receipts.split(file, batch === undefined ? {} : { transaction: batch.transaction });
 */
export async function splitReceipt(client: Client, file: ReceiptFile, { transaction, signal }: SplitOptions = {}): Promise<CallSplit> {
	const { order, receipt, anchor } = file;
	const settled = transaction === undefined || anchor === undefined ? undefined : await client.chain.receipt(transaction, { signal });
	const block = settled?.blockNumber;
	const [price, lineage, protocolFeeBps] = await Promise.all([
		client.registry.price(order.release, order.priceVersion, signal),
		readLineage(client, order.release, block, signal),
		client.chain.read(contracts.UsageLedger, "protocolFeeBps", [], { ...(block === undefined ? {} : { block }), signal }),
	]);
	if (price === undefined) throw new FreeholdError("model.notFound", { model: order.release });
	const rules = { treasury: systemAddresses.treasury, protocolFeeBps };
	const parties = { release: order.release, node: order.node, gateway: order.gateway };
	const { inputUnits, outputUnits, charge } = receipt;
	const one = splitOf({ ...parties, calls: 1n, inputUnits, outputUnits, nodeFee: order.nodeFee, gatewayFee: order.gatewayFee }, price, lineage, rules);
	if (settled === undefined || anchor === undefined || block === undefined) return { charge, parts: one.parts, booked: undefined };
	const whole = splitOf({ ...parties, ...anchor.line }, price, lineage, rules);
	const sum = (role: SplitPart["role"]): bigint => whole.parts.reduce((total, part) => (part.role === role ? total + part.amount : total), 0n);
	const agrees = settled.logs.some((log) => {
		const event = decodeEvent(log, [contracts.UsageLedger]);
		if (event?.name !== "LinePaid" || log.address.toLowerCase() !== contractAddresses.UsageLedger) return false;
		const { args } = event;
		const mine = args["seq"] === anchor.seq && args["release"] === order.release && args["priceVersion"] === order.priceVersion;
		return (
			mine &&
			args["nodeFee"] === sum("node") &&
			args["protocolFee"] === sum("protocol") &&
			args["gatewayFee"] === sum("gateway") + sum("protocol") &&
			args["ownerAmount"] === sum("owner") + sum("ancestor") + sum("remainder")
		);
	});
	return { charge, parts: one.parts, booked: { block, agrees } };
}

/** The release and its ancestors as the chain had them, with what each had received before. */
async function readLineage(
	client: Client,
	release: Hex,
	block: bigint | undefined,
	signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Hex, LineageRelease>> {
	const at = block === undefined ? {} : { block };
	const before = block === undefined ? {} : { block: block - 1n };
	const lineage = new Map<Hex, LineageRelease>();
	const waiting = [release];
	for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
		if (lineage.has(id)) continue;
		if (lineage.size >= MAX_LINEAGE)
			throw new FreeholdError("request.invalid", { field: "release", reason: `has more than ${MAX_LINEAGE} ancestors`, limit: MAX_LINEAGE });
		const [[owner, parents], received] = await Promise.all([
			client.chain.read(contracts.ModelRegistry, "splitOf", [id], { ...at, signal }),
			client.chain.read(contracts.Royalties, "received", [id], { ...before, signal }),
		]);
		lineage.set(id, { release: id, owner: owner.toLowerCase() as Hex, parents, received });
		waiting.push(...parents.map((parent) => parent.release));
	}
	return lineage;
}
