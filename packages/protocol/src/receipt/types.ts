/** Order, receipt and the typed data that both are signed as (design of receipts, §1). */
import { fromHex, type Hex, toHex, utf8 } from "../bytes/bytes.js";
import { encodeWords } from "../codec/words.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import { provenAddresses } from "../network/networks.js";

/** The gateway's promise before a run: quote and assignment in one. Money in the smallest unit, deadline in Unix milliseconds. */
export interface Order {
	readonly callId: Hex;
	readonly gateway: Hex;
	readonly node: Hex;
	readonly release: Hex;
	readonly priceVersion: number;
	/** keccak256(payer's address ‖ salt). */
	readonly payer: Hex;
	/** keccak256(salt ‖ canonical text of the request). */
	readonly request: Hex;
	readonly mode: number;
	readonly maxInputUnits: bigint;
	readonly maxOutputUnits: bigint;
	readonly nodeFee: bigint;
	readonly gatewayFee: bigint;
	readonly deadline: bigint;
}

/** The node's statement after a run. */
export interface Receipt {
	/** EIP-712 digest of the order. */
	readonly order: Hex;
	readonly response: Hex;
	/** keccak256 of the canonical text of the engine's description. */
	readonly engine: Hex;
	readonly inputUnits: bigint;
	readonly outputUnits: bigint;
	readonly charge: bigint;
	readonly startedAt: bigint;
	readonly finishedAt: bigint;
}

/** What the node promises about how it ran the model. The numbers are those of `Order.mode`. */
export const modes = { fast: 0, "bit-exact": 1, attested: 2, proved: 3 } as const;
export type Mode = keyof typeof modes;

export function modeName(mode: number): Mode | undefined {
	return (Object.keys(modes) as Mode[]).find((name) => modes[name] === mode);
}

/** EIP-712 types, as wallets and viem take them. */
export const orderTypes = {
	Order: [
		{ name: "callId", type: "bytes32" },
		{ name: "gateway", type: "address" },
		{ name: "node", type: "address" },
		{ name: "release", type: "bytes32" },
		{ name: "priceVersion", type: "uint32" },
		{ name: "payer", type: "bytes32" },
		{ name: "request", type: "bytes32" },
		{ name: "mode", type: "uint8" },
		{ name: "maxInputUnits", type: "uint64" },
		{ name: "maxOutputUnits", type: "uint64" },
		{ name: "nodeFee", type: "uint256" },
		{ name: "gatewayFee", type: "uint256" },
		{ name: "deadline", type: "uint64" },
	],
} as const;

export const receiptTypes = {
	Receipt: [
		{ name: "order", type: "bytes32" },
		{ name: "response", type: "bytes32" },
		{ name: "engine", type: "bytes32" },
		{ name: "inputUnits", type: "uint64" },
		{ name: "outputUnits", type: "uint64" },
		{ name: "charge", type: "uint256" },
		{ name: "startedAt", type: "uint64" },
		{ name: "finishedAt", type: "uint64" },
	],
} as const;

export function receiptDomain(chainId: number): { name: "Freehold"; version: "1"; chainId: number; verifyingContract: Hex } {
	return { name: "Freehold", version: "1", chainId, verifyingContract: provenAddresses.UsageLedger };
}

const typeText = (name: string, fields: readonly { name: string; type: string }[]): string =>
	`${name}(${fields.map((field) => `${field.type} ${field.name}`).join(",")})`;
const typeHash = (text: string): Uint8Array => defaultHashes.keccak256(utf8(text));

const DOMAIN_TYPE = typeHash("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
const ORDER_TYPE = typeHash(typeText("Order", orderTypes.Order));
const RECEIPT_TYPE = typeHash(typeText("Receipt", receiptTypes.Receipt));
const NAME_HASH = typeHash("Freehold");
const VERSION_HASH = typeHash("1");

const separators = new Map<number, Uint8Array>();

/** EIP-712 domain separator of orders and receipts on a chain. */
export function domainSeparator(chainId: number): Uint8Array {
	const known = separators.get(chainId);
	if (known !== undefined) return known;
	const separator = defaultHashes.keccak256(encodeWords([DOMAIN_TYPE, NAME_HASH, VERSION_HASH, chainId, provenAddresses.UsageLedger]));
	if (separators.size < 64) separators.set(chainId, separator);
	return separator;
}

/** EIP-712 digest that the gateway signs, and that `Receipt.order` holds. */
export function orderDigest(order: Order, chainId: number, hashes: Hashes = defaultHashes): Hex {
	return typedDigest(
		chainId,
		encodeWords([
			ORDER_TYPE,
			order.callId,
			order.gateway,
			order.node,
			order.release,
			order.priceVersion,
			order.payer,
			order.request,
			order.mode,
			order.maxInputUnits,
			order.maxOutputUnits,
			order.nodeFee,
			order.gatewayFee,
			order.deadline,
		]),
		hashes,
	);
}

/** EIP-712 digest that the node signs, and that a leaf of the batch holds. */
export function receiptDigest(receipt: Receipt, chainId: number, hashes: Hashes = defaultHashes): Hex {
	return typedDigest(
		chainId,
		encodeWords([
			RECEIPT_TYPE,
			receipt.order,
			receipt.response,
			receipt.engine,
			receipt.inputUnits,
			receipt.outputUnits,
			receipt.charge,
			receipt.startedAt,
			receipt.finishedAt,
		]),
		hashes,
	);
}

/** callId = keccak256(abi.encode(gateway, payer, payment reference, request, attempt)). */
export function callId(
	parts: { readonly gateway: Hex; readonly payer: Hex; readonly paymentReference: Hex; readonly request: Hex; readonly attempt: number },
	hashes: Hashes = defaultHashes,
): Hex {
	return toHex(hashes.keccak256(encodeWords([parts.gateway, parts.payer, parts.paymentReference, parts.request, parts.attempt])));
}

/** Salted commitment to the payer's address. */
export function payerCommitment(payer: Hex, salt: Hex, hashes: Hashes = defaultHashes): Hex {
	const packed = new Uint8Array(52);
	packed.set(fromHex(payer), 0);
	packed.set(fromHex(salt), 20);
	return toHex(hashes.keccak256(packed));
}

/** EIP-712 digest of a struct's hash input in the protocol's domain. */
export function typedDigest(chainId: number, struct: Uint8Array, hashes: Hashes): Hex {
	const packed = new Uint8Array(66);
	packed[0] = 0x19;
	packed[1] = 0x01;
	packed.set(domainSeparator(chainId), 2);
	packed.set(hashes.keccak256(struct), 34);
	return toHex(hashes.keccak256(packed));
}
