/** What the tests of the money contracts need: participants, releases, tills with money, batches with proofs. */
import { modelRegistryAbi, nodeRegistryAbi, opgAbi, royaltiesAbi, usageLedgerAbi } from "@freehold/contracts/abi";
import { genesisAddresses } from "@freehold/contracts/bytecode";
import {
	type BatchLeaf,
	type BatchRefund,
	batchRoot,
	type Line,
	type Order,
	orderDigest,
	orderTypes,
	payerCommitment,
	type Receipt,
	receiptDigest,
	receiptDomain,
	receiptTypes,
	type SumProofStep,
	sumProof,
	sumTree,
	top,
} from "@freehold/protocol";
import { type Address, encodeAbiParameters, type Hex, keccak256, toHex, zeroHash } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { CHAIN_ID, type Chain, OPG_UNIT, type Sent } from "./chain.js";

export const opg = { address: genesisAddresses.OPG, abi: opgAbi } as const;
export const registry = { address: genesisAddresses.ModelRegistry, abi: modelRegistryAbi } as const;
export const ledger = { address: genesisAddresses.UsageLedger, abi: usageLedgerAbi } as const;
export const royalties = { address: genesisAddresses.Royalties, abi: royaltiesAbi } as const;
export const nodes = { address: genesisAddresses.NodeRegistry, abi: nodeRegistryAbi } as const;
export const TREASURY: Address = "0x4f50470000000000000000000000000000000007";

export const ROLE = { inference: 1, gateway: 2, storage: 4, oracle: 8 } as const;
export const GRACE = 3_900;

export interface Price {
	readonly perCall: bigint;
	readonly perInputUnit: bigint;
	readonly perOutputUnit: bigint;
}

export interface ReleaseOptions {
	readonly name: string;
	readonly major?: number;
	readonly minor?: number;
	readonly price?: Partial<Price>;
	readonly parents?: readonly { readonly release: Hex; readonly bps: number }[];
	readonly terms?: { readonly leastBps?: number; readonly leastPerCall?: bigint; readonly leastPerInputUnit?: bigint; readonly leastPerOutputUnit?: bigint };
	readonly saleRoyaltyBps?: number;
	readonly overrides?: Readonly<Record<string, unknown>>;
}

export function priceOf(price: Partial<Price> = {}): Price {
	return { perCall: 0n, perInputUnit: 0n, perOutputUnit: 0n, ...price };
}

export function releaseData(options: ReleaseOptions) {
	const terms = { leastPerCall: 0n, leastPerInputUnit: 0n, leastPerOutputUnit: 0n, leastBps: 0, ...options.terms };
	return {
		major: options.major ?? 1,
		minor: options.minor ?? 0,
		format: 1,
		modes: 3,
		manifest: keccak256(toHex(options.name)),
		inputSchema: zeroHash,
		outputSchema: zeroHash,
		licence: "Apache-2.0",
		terms,
		parents: [...(options.parents ?? [])],
		...(options.overrides as object),
	};
}

/** Arguments of `publish` for a release of `namespace/name`. */
export function publication(options: ReleaseOptions) {
	const [namespace = "", name = ""] = options.name.split("/");
	return { ...registry, functionName: "publish", args: [namespace, name, options.saleRoyaltyBps ?? 0, releaseData(options), priceOf(options.price)] } as const;
}

export async function publish(chain: Chain, owner: { readonly address: Address }, options: ReleaseOptions): Promise<{ modelId: bigint; release: Hex }> {
	const sent = await chain.send(owner, publication(options));
	const { modelId, release } = sent.event("ReleasePublished") as { modelId: bigint; release: Hex };
	return { modelId, release };
}

export async function register(
	chain: Chain,
	operator: { readonly address: Address },
	roles: number,
	key: Address = operator.address,
	bond = 1_000n * OPG_UNIT,
): Promise<void> {
	await chain.send(operator, { ...opg, functionName: "approve", args: [nodes.address, bond] });
	await chain.send(operator, { ...nodes, functionName: "register", args: [roles, "http://127.0.0.1:1", key, 0n, bond] });
}

export function tillOf(chain: Chain, gateway: Address): Address {
	return chain.read({ ...ledger, functionName: "till", args: [gateway] });
}

export function creditOf(chain: Chain, account: Address): bigint {
	return chain.read({ ...ledger, functionName: "credit", args: [account] });
}

export function claimableOf(chain: Chain, owner: Address): bigint {
	return chain.read({ ...royalties, functionName: "claimable", args: [owner] });
}

export function upstreamOf(chain: Chain, release: Hex): bigint {
	return chain.read({ ...royalties, functionName: "upstream", args: [release] });
}

/** A line over calls of which nothing but their sums is known. */
export function line(fields: Partial<Line> & Pick<Line, "release" | "node">): Line {
	return { priceVersion: 1, calls: 1n, inputUnits: 0n, outputUnits: 0n, nodeFee: 0n, gatewayFee: 0n, root: keccak256(toHex("tree")), ...fields };
}

export interface BatchOptions {
	readonly seq?: bigint;
	readonly refunds?: readonly BatchRefund[];
	readonly claims?: Hex;
	readonly root?: Hex;
}

/** Anchors the gateway's next batch. */
export function anchor(chain: Chain, gateway: { readonly address: Address }, lines: readonly Line[], options: BatchOptions = {}): Promise<Sent> {
	const seq = options.seq ?? chain.read({ ...ledger, functionName: "nextSeq", args: [gateway.address] });
	const refunds = options.refunds ?? [];
	const root = options.root ?? batchRoot(lines, refunds);
	return chain.send(gateway, { ...ledger, functionName: "anchor", args: [seq, [...lines], [...refunds], options.claims ?? "0x", root] });
}

export interface CallOptions {
	readonly gateway: PrivateKeyAccount;
	readonly node: PrivateKeyAccount;
	readonly payer: Address;
	readonly release: Hex;
	readonly priceVersion?: number;
	readonly price: Price;
	readonly inputUnits?: bigint;
	readonly outputUnits?: bigint;
	readonly nodeFee?: bigint;
	readonly gatewayFee?: bigint;
	/** Unix seconds of the run's start. */
	readonly at: number;
	readonly id: number;
	readonly order?: Partial<Order>;
	readonly receipt?: Partial<Receipt>;
}

export interface PaidCall {
	readonly order: Order;
	readonly receipt: Receipt;
	readonly orderDigest: Hex;
	readonly receiptDigest: Hex;
	readonly salt: Hex;
	readonly payer: Address;
	readonly leaf: BatchLeaf;
	sign(): Promise<{ readonly order: Hex; readonly receipt: Hex }>;
}

/** A call as gateway and node state it. */
export function paidCall(options: CallOptions): PaidCall {
	const { inputUnits = 0n, outputUnits = 0n, nodeFee = 0n, gatewayFee = 0n, price } = options;
	const salt = keccak256(toHex(`salt ${options.id}`));
	const startedAt = BigInt(options.at) * 1000n;
	const order: Order = {
		callId: keccak256(toHex(`call ${options.id}`)),
		gateway: options.gateway.address,
		node: options.node.address,
		release: options.release,
		priceVersion: options.priceVersion ?? 1,
		payer: payerCommitment(options.payer, salt),
		request: zeroHash,
		mode: 0,
		maxInputUnits: 1_000n,
		maxOutputUnits: 1_000n,
		nodeFee,
		gatewayFee,
		deadline: startedAt + 60_000n,
		...options.order,
	};
	const digest = orderDigest(order, CHAIN_ID);
	const receipt: Receipt = {
		order: digest,
		response: zeroHash,
		engine: zeroHash,
		inputUnits,
		outputUnits,
		charge: price.perCall + price.perInputUnit * inputUnits + price.perOutputUnit * outputUnits + order.nodeFee + order.gatewayFee,
		startedAt,
		finishedAt: startedAt + 100n,
		...options.receipt,
	};
	const domain = receiptDomain(CHAIN_ID);
	return {
		order,
		receipt,
		orderDigest: digest,
		receiptDigest: receiptDigest(receipt, CHAIN_ID),
		salt,
		payer: options.payer,
		leaf: { receipt: receiptDigest(receipt, CHAIN_ID), sums: { calls: 1n, inputUnits, outputUnits, nodeFee, gatewayFee } },
		async sign() {
			return {
				order: await options.gateway.signTypedData({ domain, types: orderTypes, primaryType: "Order", message: order }),
				receipt: await options.node.signTypedData({ domain, types: receiptTypes, primaryType: "Receipt", message: receipt }),
			};
		},
	};
}

/** The line of calls that share release, price version and node, and the way from each leaf to its root. */
export function lineOf(calls: readonly PaidCall[]): { readonly line: Line; readonly proofs: readonly (readonly SumProofStep[])[] } {
	const [first] = calls;
	if (first === undefined) throw new RangeError("a line needs a call");
	const levels = sumTree(calls.map((call) => call.leaf));
	const { hash, sums } = top(levels);
	return {
		line: { release: first.order.release, priceVersion: first.order.priceVersion, node: first.order.node, ...sums, root: hash },
		proofs: calls.map((_, index) => sumProof(levels, index)),
	};
}

/** Storage slot of a mapping's value: keys from the outermost in. */
export function mappingSlot(slot: number, keys: readonly (Address | Hex | bigint)[], word = 0): Hex {
	let at = BigInt(slot);
	for (const key of keys) {
		const padded = typeof key === "bigint" ? toHex(key, { size: 32 }) : toHex(BigInt(key), { size: 32 });
		at = BigInt(keccak256(encodeAbiParameters([{ type: "bytes32" }, { type: "uint256" }], [padded, at])));
	}
	return toHex(at + BigInt(word), { size: 32 });
}
