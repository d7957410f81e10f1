/** Whether an order is one that this node can be held to and will be paid for. Pure: all that it depends on is handed in. */
import {
	type Crypto,
	canonicalJson,
	commit,
	commitTensors,
	type EvidenceKind,
	elementCount,
	evidenceKinds,
	FreeholdError,
	formatName,
	fromHex,
	type Hex,
	isHex,
	isTextFormat,
	maxOutputTokens,
	modelFormats,
	modeName,
	modes,
	type Order,
	orderDigest,
	orderShape,
	type Price,
	parseTensors,
	type Tensors,
	type TextRequest,
	textRequestShape,
	textRequestText,
	toHex,
} from "@freehold/protocol";
import type { EngineMode } from "../engine/engine.js";
import type { ReleaseRecord } from "./tables.js";

/** The body of `POST /v1/orders`, read into exact types. */
export interface OrderMessage {
	readonly order: Order;
	readonly digest: Hex;
	readonly orderSignature: Hex;
	readonly salt: Hex;
	readonly require: readonly EvidenceKind[];
	readonly asked: OrderAsked;
}

/** What is to be run. */
export type OrderAsked = { readonly kind: "tensors"; readonly inputs: Tensors } | { readonly kind: "text"; readonly request: TextRequest };

export interface OrderRules {
	/** Address of this node's operator. */
	readonly node: Hex;
	/** What this node asks for a call now, smallest unit. */
	readonly nodeFee: () => bigint;
	/** Whether the address is a gateway with a bond. */
	readonly isGateway: (address: Hex) => boolean;
	/** Whether the key signs for the operator at a time in Unix seconds. */
	readonly isKeyValid: (operator: Hex, key: Hex, time: number) => boolean;
	/** Throws when the release is not served. */
	readonly served: (release: Hex) => ReleaseRecord;
	readonly priceOf: (record: ReleaseRecord, version: number, time: number) => Price;
}

/** An order that may run. */
export interface AcceptedOrder {
	readonly release: ReleaseRecord;
	readonly price: Price;
	readonly mode: EngineMode;
	/** Of a text the most that the order allows: its tokens are counted by the run. */
	readonly inputUnits: bigint;
}

/** An order is kept for replays until its end, so the end must be in sight. */
const LONGEST_DEADLINE_MS = 3_600_000;

/** Reads a body. Throws `order.invalid`, `request.invalid` or `engine.inputInvalid`. */
export function readOrder(body: unknown, chainId: number, crypto: Crypto): OrderMessage {
	if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("body", "must be a JSON object");
	const { order: orderJson, orderSignature, salt, require, inputs, text, ...rest } = body as Readonly<Record<string, unknown>>;
	const [stranger] = Object.keys(rest);
	if (stranger !== undefined) throw invalid(stranger.slice(0, 100), "is not a field of this request");
	if (!isHex(orderSignature, 65)) throw invalid("orderSignature", "must be 65 bytes of lower-case 0x hex");
	if (!isHex(salt, 32)) throw invalid("salt", "must be 32 bytes of lower-case 0x hex");
	if (inputs !== undefined && text !== undefined) throw invalid("text", "stands beside inputs; an order has one of them");
	const order = read(orderShape, orderJson, "order");
	const asked: OrderAsked =
		text === undefined ? { kind: "tensors", inputs: parseTensors(inputs) } : { kind: "text", request: read(textRequestShape, text, "text") };
	return { order, digest: orderDigest(order, chainId, crypto), orderSignature, salt, require: readKinds(require), asked };
}

/** Who signed: a key of the bonded gateway that the order names. Checked first, so that nobody else learns or costs anything. Throws `order.invalid`. */
export function checkGateway({ order, digest, orderSignature }: OrderMessage, rules: OrderRules, now: number, crypto: Crypto): void {
	if (order.node !== rules.node) throw invalid("order.node", `names ${order.node}, this node is ${rules.node}`);
	if (!rules.isGateway(order.gateway)) throw invalid("order.gateway", "is no gateway with a bond");
	const key = crypto.recover(fromHex(digest), fromHex(orderSignature));
	if (key === undefined || !rules.isKeyValid(order.gateway, toHex(key), Math.floor(now / 1000)))
		throw invalid("orderSignature", "is not by a valid key of the gateway");
}

/** Everything else. Throws `order.expired`, `order.invalid`, `model.notFound`, `model.retired`, `engine.unsupported`, `require.unavailable`. `now` in Unix milliseconds. */
export function checkOrder({ order, salt, require, asked }: OrderMessage, rules: OrderRules, now: number, crypto: Crypto): AcceptedOrder {
	if (order.deadline <= BigInt(now)) throw new FreeholdError("order.expired");
	if (order.deadline > BigInt(now + LONGEST_DEADLINE_MS)) throw invalid("order.deadline", "is more than an hour away");
	const release = rules.served(order.release);
	const price = rules.priceOf(release, order.priceVersion, Math.floor(now / 1000));
	const mode = engineMode(order.mode, release);
	checkFormat(asked, release, mode);
	// All that an answer of a node carries is its signature; what that says depends on who ran the model.
	const given: EvidenceKind = release.format === modelFormats.upstream ? "routed" : "signed";
	const missing = require.find((kind) => kind !== given);
	if (missing !== undefined) throw new FreeholdError("require.unavailable", { kind: missing });
	const nodeFee = rules.nodeFee();
	if (order.nodeFee < nodeFee) throw invalid("order.nodeFee", `is ${order.nodeFee}, this node asks ${nodeFee}`);
	const text =
		asked.kind === "text"
			? textRequestText({ release: order.release, mode, require }, asked.request, crypto)
			: ({ kind: "inference", version: 1, release: order.release, mode, require, inputs: commitTensors(asked.inputs, crypto) } as const);
	if (!opens(() => commit(text, salt, crypto) === order.request)) throw invalid("order.request", "is not the commitment to this request");
	if (asked.kind === "text") {
		const most = maxOutputTokens(asked.request);
		if (most > order.maxOutputUnits) throw invalid("order.maxOutputUnits", `allows ${order.maxOutputUnits}, the request asks for up to ${most}`);
		return { release, price, mode, inputUnits: order.maxInputUnits };
	}
	const inputUnits = countUnits(asked.inputs);
	if (inputUnits > order.maxInputUnits) throw invalid("order.maxInputUnits", `allows ${order.maxInputUnits}, the inputs have ${inputUnits}`);
	return { release, price, mode, inputUnits };
}

/** Units of tensors: their elements. */
export function countUnits(tensors: Tensors): bigint {
	let units = 0n;
	for (const { shape } of Object.values(tensors)) units += BigInt(elementCount(shape));
	return units;
}

function engineMode(number: number, release: ReleaseRecord): EngineMode {
	const mode = modeName(number);
	if (mode !== "fast" && mode !== "bit-exact") throw new FreeholdError("engine.unsupported", { mode: mode ?? number, reason: "this node does not offer it" });
	if ((release.modes & (1 << modes[mode])) === 0) throw new FreeholdError("engine.unsupported", { mode, reason: "its owner does not offer the release in it" });
	return mode;
}

/** Texts go to language models, tensors to the others. */
function checkFormat({ kind }: OrderAsked, { format }: ReleaseRecord, mode: EngineMode): void {
	const name = formatName(format);
	const expected = isTextFormat(name) ? "text" : "tensors";
	if (name === undefined) throw new FreeholdError("engine.unsupported", { mode, reason: `this node runs no models of format ${format}` });
	if (expected !== kind) throw invalid(kind === "text" ? "text" : "inputs", `is not what this release takes: ${expected}`);
	if (kind === "text" && mode !== "fast") throw new FreeholdError("engine.unsupported", { mode, reason: "language models are run in mode fast only" });
}

/** Text that has no canonical spelling (a lone surrogate) cannot have been committed to. */
function opens(compare: () => boolean): boolean {
	try {
		return compare();
	} catch {
		return false;
	}
}

function read<T>(shape: { read(value: unknown, path: string): T }, value: unknown, path: string): T {
	try {
		return shape.read(value, path);
	} catch (error) {
		throw new FreeholdError("order.invalid", { reason: error instanceof Error ? error.message : "malformed" }, { cause: error });
	}
}

/** Sorted and without repetition, as the commitment has them. */
function readKinds(value: unknown): readonly EvidenceKind[] {
	if (!Array.isArray(value) || value.length > evidenceKinds.length) throw invalid("require", "must be a list of kinds of evidence");
	const kinds = (value as readonly unknown[]).map((item) => evidenceKinds.find((kind) => kind === item));
	const known = kinds.filter((kind) => kind !== undefined);
	if (known.length !== kinds.length || canonicalJson(known) !== canonicalJson([...new Set(known)].sort()))
		throw invalid("require", `must be sorted kinds of ${evidenceKinds.join(", ")}, each once`);
	return known;
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("order.invalid", { field, reason: `${field} ${reason}` });
}
