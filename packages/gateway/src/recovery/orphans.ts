/**
 * Orphans: answers that a node keeps of orders which this gateway has given up, in a crash or because the node was silent for too long. Whoever asked got
 * nothing and is charged nothing; owner and node did what was ordered. The order is the gateway's debt, which anyone could take from its bond with a penalty
 * (`UsageLedger.claimUnanchored`), so the gateway pays it out of its own pocket: the money goes into the till first, then the call into a batch.
 */

import { tillAddress } from "@freehold/payments";
import {
	type Crypto,
	charge as chargeOf,
	FreeholdError,
	fromHex,
	type Hex,
	type KeptOrder,
	type KeptOrdersQuestion,
	keptOrdersDigest,
	type Order,
	orderDigest,
	orderShape,
	type Price,
	type Receipt,
	receiptDigest,
	receiptShape,
	toHex,
} from "@freehold/protocol";
import { type ChainClient, contracts, type Transactor } from "@freehold/sdk/chain";
import { type DigestSigner, nativeCrypto, pause } from "@freehold/service";
import { encodeFunctionData } from "viem";
import type { BatchLog } from "../anchoring/batch-log.js";
import { askKeptOrders } from "../nodes/kept-orders.js";
import type { Operators } from "../nodes/operators.js";
import type { GatewayEvents } from "../program/events.js";
import { type GatewayStore, load, type MemberRecord, type OrphanRecord, pack } from "../store/tables.js";

export interface OrphanModules {
	readonly gateway: Hex;
	readonly chainId: number;
	/** Signs the questions to nodes. */
	readonly signer: DigestSigner;
	readonly operators: Operators;
	readonly store: GatewayStore;
	readonly batches: BatchLog;
	readonly client: ChainClient;
	readonly transactor: Transactor;
	readonly priceOf: (release: Hex, version: number) => Price | undefined;
	/** Whether the call is still being handed over here. */
	readonly isUnderWay: (callId: Hex) => boolean;
	/** Longest time between an order and its deadline, milliseconds. */
	readonly longestMs: number;
	readonly events: GatewayEvents;
	readonly crashPoint: (name: string) => void;
	/** Unix milliseconds. */
	readonly now: () => number;
}

/** When a node is to be asked: at `first`, and once more when `last` has come. */
interface Due {
	first: number;
	last: number;
	/** Earliest deadline of the orders in question. */
	from: number;
}

const LOOK_MS = 1_000;
/** After its deadline an order is decided: its answer is on the way no more. */
const GRACE_MS = 5_000;
const RETRY_MS = 30_000;
/** As long as an order can be reported (`UsageLedger.DEBT_WINDOW`). */
const WINDOW_MS = 86_400_000;
/** Stays on the gateway's account for its transactions. */
const RESERVE = 10n ** 18n;

export class Orphans {
	readonly #modules: OrphanModules;
	readonly #due = new Map<Hex, Due>();
	readonly #crypto: Crypto = nativeCrypto;

	constructor(modules: OrphanModules) {
		this.#modules = modules;
	}

	/** An order was given up: its node is asked about it once its deadline has passed. */
	expect({ node, deadline }: Pick<Order, "node" | "deadline">): void {
		this.#ask(node, Number(deadline) + GRACE_MS, Number(deadline));
	}

	/** Works until the signal says so. What was under way when this gateway ended last is asked for first. */
	async run(signal: AbortSignal): Promise<void> {
		const { operators, now, longestMs } = this.#modules;
		for (const { address } of operators.inference()) {
			const from = Number(load<bigint>(this.#modules.store, "cursor", cursorOf(address)) ?? BigInt(now() - WINDOW_MS));
			this.#ask(address, now(), from);
			this.#ask(address, now() + longestMs + GRACE_MS, from);
		}
		while (!signal.aborted) {
			for (const [node, due] of [...this.#due]) if (due.first <= now()) await this.#visit(node, due, signal);
			await pause(LOOK_MS, signal).catch(() => undefined);
		}
	}

	#ask(node: Hex, at: number, from: number): void {
		const due = this.#due.get(node);
		if (due === undefined) this.#due.set(node, { first: at, last: at, from });
		else {
			due.first = Math.min(due.first, at);
			due.last = Math.max(due.last, at);
			due.from = Math.min(due.from, from);
		}
	}

	async #visit(node: Hex, due: Due, signal: AbortSignal): Promise<void> {
		const { now, events, store } = this.#modules;
		this.#due.delete(node);
		const until = now() - GRACE_MS;
		const since = Math.max(due.from, now() - WINDOW_MS);
		try {
			const open = until > since ? await this.#payAll(node, since, until, signal) : undefined;
			await store.transact((writer) => writer.put("cursor", cursorOf(node), pack(BigInt(open ?? Math.max(until, since)))));
			if (open !== undefined) this.#ask(node, now() + RETRY_MS, open);
			if (due.last > now()) this.#ask(node, due.last, open ?? Math.max(until, since));
		} catch (error) {
			if (signal.aborted) return;
			events.orphansUnknown(node, error);
			this.#ask(node, now() + RETRY_MS, since);
			this.#ask(node, due.last, since);
		}
	}

	/** Pays what is owed of an interval of deadlines; gives the earliest deadline of those that are not decided here yet. */
	async #payAll(node: Hex, since: number, until: number, signal: AbortSignal): Promise<number | undefined> {
		const { gateway, signer, operators, now } = this.#modules;
		const endpoint = operators.get(node)?.endpoint;
		if (endpoint === undefined) return undefined;
		let open: number | undefined;
		for (let after: string | undefined; ; ) {
			const question: KeptOrdersQuestion = { kind: "kept-orders", gateway, node, since, until, ...(after === undefined ? {} : { after }), askedAt: now() };
			const signature = toHex(signer.signDigest(keptOrdersDigest(question, this.#crypto)));
			const { orders, next } = await askKeptOrders(endpoint, { question, signature }, signal);
			for (const kept of orders) {
				const deadline = await this.#consider(node, kept, signal);
				if (deadline !== undefined) open = Math.min(open ?? deadline, deadline);
			}
			if (next === undefined) return open;
			after = next;
		}
	}

	/** Deadline of an order that is not decided here yet; undefined when there is nothing more to do about it. */
	async #consider(node: Hex, kept: KeptOrder, signal: AbortSignal): Promise<number | undefined> {
		const { store, isUnderWay, events } = this.#modules;
		const { order, receipt } = readKept(kept);
		const { callId } = order;
		if (store.get("calls", callId) !== undefined || store.get("orphans", callId) !== undefined) return undefined;
		if (store.get("orders", callId) !== undefined || isUnderWay(callId)) return Number(order.deadline);
		const reason = this.#fault(node, order, receipt, kept);
		if (reason !== undefined) {
			events.orphanRefused(callId, node, reason);
			return undefined;
		}
		await this.#pay(order, receipt, kept, signal);
		return undefined;
	}

	/** Why nothing is owed; undefined when it is. */
	#fault(node: Hex, order: Order, receipt: Receipt, { orderSignature, receiptSignature }: KeptOrder): string | undefined {
		const { gateway, chainId, operators, priceOf } = this.#modules;
		const digest = orderDigest(order, chainId, this.#crypto);
		const seconds = Math.floor(Number(receipt.finishedAt) / 1000);
		if (order.gateway !== gateway || order.node !== node) return "it is another's order";
		if (!operators.isKeyValid(gateway, this.#signer(digest, orderSignature), seconds)) return "this gateway did not sign the order";
		if (!operators.isKeyValid(node, this.#signer(receiptDigest(receipt, chainId, this.#crypto), receiptSignature), seconds))
			return "the node did not sign the receipt";
		if (receipt.order !== digest) return "the receipt is for another order";
		if (receipt.inputUnits > order.maxInputUnits || receipt.outputUnits > order.maxOutputUnits) return "it uses more units than the order allows";
		if (receipt.startedAt > receipt.finishedAt || receipt.finishedAt > order.deadline) return "its times are not within the order's";
		const price = priceOf(order.release, order.priceVersion);
		if (price === undefined) return "its price is not known";
		return receipt.charge === chargeOf(price, { calls: 1n, inputUnits: receipt.inputUnits, outputUnits: receipt.outputUnits }, order)
			? undefined
			: "it charges another amount than the price says";
	}

	#signer(digest: Hex, signature: Hex): Hex {
		const signer = this.#crypto.recover(fromHex(digest), fromHex(signature));
		return signer === undefined ? "0x" : toHex(signer);
	}

	/** Throws `account.noFunds`: a batch that the till could not pay would stop all others. */
	async #pay(order: Order, receipt: Receipt, { orderSignature, receiptSignature }: KeptOrder, signal: AbortSignal): Promise<void> {
		const { gateway, chainId, client, transactor, store, batches, events, crashPoint } = this.#modules;
		const { callId, release, priceVersion, node, nodeFee, gatewayFee } = order;
		const { inputUnits, outputUnits, charge } = receipt;
		const key = `orphan:${callId}`;
		// What was sent before a restart is sent again under its name, and is not paid twice.
		if (store.get("intents", key) === undefined && (await client.balance(gateway, { signal })) < charge + RESERVE)
			throw new FreeholdError("account.noFunds", { account: gateway });
		const data = encodeFunctionData({ abi: contracts.OPG.abi, functionName: "transfer", args: [tillAddress(gateway), charge] });
		await transactor.send({ key, to: contracts.OPG.address, data }, { signal });
		crashPoint("orphan-covered");
		const gatewayKey = this.#signer(orderDigest(order, chainId, this.#crypto), orderSignature);
		const digest = receiptDigest(receipt, chainId, this.#crypto);
		const member: MemberRecord = {
			callId,
			release,
			priceVersion,
			node,
			receipt: digest,
			nodeKey: this.#signer(digest, receiptSignature),
			...(gatewayKey === gateway ? {} : { gatewayKey }),
			sums: { calls: 1n, inputUnits, outputUnits, nodeFee, gatewayFee },
		};
		await store.transact((writer) => {
			const place = batches.place(member, undefined, undefined, writer);
			writer.put("orphans", callId, pack({ order, charge, ...place } satisfies OrphanRecord));
		});
		crashPoint("orphan-recorded");
		events.orphanPaid(callId, node, charge);
	}
}

function cursorOf(node: Hex): string {
	return `kept:${node}`;
}

/** Throws `node.refused` for what is no order or no receipt. */
function readKept({ order, receipt }: KeptOrder): { readonly order: Order; readonly receipt: Receipt } {
	try {
		return { order: orderShape.read(order, "order"), receipt: receiptShape.read(receipt, "receipt") };
	} catch (error) {
		throw new FreeholdError("node.refused", { reason: error instanceof Error ? error.message : "a kept order is malformed" });
	}
}
