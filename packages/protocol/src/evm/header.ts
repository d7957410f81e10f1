/** EVM block header, Prague form: 21 fields (EIP-1559, 4895, 4844, 4788, 7685). */
import { bytesToBigint } from "../bytes/bytes.js";
import { decodeRlp, encodeRlp, rlpInteger } from "../rlp/rlp.js";

export interface EvmHeader {
	readonly parentHash: Uint8Array;
	readonly ommersHash: Uint8Array;
	readonly beneficiary: Uint8Array;
	readonly stateRoot: Uint8Array;
	readonly transactionsRoot: Uint8Array;
	readonly receiptsRoot: Uint8Array;
	readonly logsBloom: Uint8Array;
	readonly difficulty: bigint;
	readonly number: bigint;
	readonly gasLimit: bigint;
	readonly gasUsed: bigint;
	/** Unix seconds. */
	readonly timestamp: bigint;
	readonly extraData: Uint8Array;
	readonly prevRandao: Uint8Array;
	readonly nonce: Uint8Array;
	readonly baseFeePerGas: bigint;
	readonly withdrawalsRoot: Uint8Array;
	readonly blobGasUsed: bigint;
	readonly excessBlobGas: bigint;
	readonly parentBeaconBlockRoot: Uint8Array;
	readonly requestsHash: Uint8Array;
}

const FIELDS: readonly { readonly name: keyof EvmHeader; readonly size: number | "integer" | "bytes" }[] = [
	{ name: "parentHash", size: 32 },
	{ name: "ommersHash", size: 32 },
	{ name: "beneficiary", size: 20 },
	{ name: "stateRoot", size: 32 },
	{ name: "transactionsRoot", size: 32 },
	{ name: "receiptsRoot", size: 32 },
	{ name: "logsBloom", size: 256 },
	{ name: "difficulty", size: "integer" },
	{ name: "number", size: "integer" },
	{ name: "gasLimit", size: "integer" },
	{ name: "gasUsed", size: "integer" },
	{ name: "timestamp", size: "integer" },
	{ name: "extraData", size: "bytes" },
	{ name: "prevRandao", size: 32 },
	{ name: "nonce", size: 8 },
	{ name: "baseFeePerGas", size: "integer" },
	{ name: "withdrawalsRoot", size: 32 },
	{ name: "blobGasUsed", size: "integer" },
	{ name: "excessBlobGas", size: "integer" },
	{ name: "parentBeaconBlockRoot", size: 32 },
	{ name: "requestsHash", size: 32 },
];

/** RLP of a header; its keccak256 is the block's hash. */
export function encodeEvmHeader(header: EvmHeader): Uint8Array {
	return encodeRlp(
		FIELDS.map(({ name }) => {
			const value = header[name];
			return typeof value === "bigint" ? rlpInteger(value) : value;
		}),
	);
}

/** Header of its RLP. Throws `SyntaxError` when a field is missing, misshapen or more than one spelling would be possible. */
export function decodeEvmHeader(rlp: Uint8Array): EvmHeader {
	const items = decodeRlp(rlp);
	if (items instanceof Uint8Array || items.length !== FIELDS.length) throw new SyntaxError("an EVM header has 21 fields");
	const header: Record<string, Uint8Array | bigint> = {};
	FIELDS.forEach(({ name, size }, index) => {
		const item = items[index];
		if (!(item instanceof Uint8Array)) throw new SyntaxError(`header field ${name} is not a byte string`);
		if (size === "integer") {
			if (item.length > 8 || item[0] === 0) throw new SyntaxError(`header field ${name} is not a canonical integer`);
			header[name] = bytesToBigint(item);
			return;
		}
		if (size !== "bytes" && item.length !== size) throw new SyntaxError(`header field ${name} must have ${size} bytes`);
		header[name] = item;
	});
	return header as unknown as EvmHeader;
}
