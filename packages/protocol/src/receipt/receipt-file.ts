/**
 * The receipt file (`*.receipt.json`, `application/vnd.freehold.receipt+json`): everything that a verifier needs beside a checkpoint, and nothing that it does not
 * check (design of receipts, §1). Reading is strict; the meaning is judged by the `proofs` package.
 */
import { base64, decimal, hex, hexBytes, integer, list, literal, map, object, optional, type Shape, type ShapeOf, text, truth } from "../codec/shape.js";
import { parseJson } from "../json/parse.js";
import { limits } from "../limits.js";
import { textAnswerShape } from "../text/answer.js";
import { textRequestShape } from "../text/request.js";
import { evidenceKinds } from "./commitment.js";

const uint64 = decimal(64);
const uint256 = decimal(256);

export const orderShape = object({
	callId: hex(32),
	gateway: hex(20),
	node: hex(20),
	release: hex(32),
	priceVersion: integer(0, 0xffff_ffff),
	payer: hex(32),
	request: hex(32),
	mode: integer(0, 255),
	maxInputUnits: uint64,
	maxOutputUnits: uint64,
	nodeFee: uint256,
	gatewayFee: uint256,
	deadline: uint64,
});

export const receiptShape = object({
	order: hex(32),
	response: hex(32),
	engine: hex(32),
	inputUnits: uint64,
	outputUnits: uint64,
	charge: uint256,
	startedAt: uint64,
	finishedAt: uint64,
});

/** A tensor with its bytes: the commitment covers dtype, shape and the SHA-256 of `data`. */
const tensorShape = object({
	dtype: text(16),
	shape: list(integer(0, 2 ** 40), limits.tensorRank),
	data: base64(limits.tensorBytes),
});
const tensorsShape = map(tensorShape, limits.tensorsPerCall);

const scalarShape: Shape<string | number | boolean> = {
	read: (value, path) => {
		if (typeof value === "boolean" || (typeof value === "string" && value.length <= 200) || (typeof value === "number" && Number.isFinite(value))) return value;
		throw new SyntaxError(`${path} must be a text, number or truth value`);
	},
	write: (value) => value,
};

export const engineShape = object({
	name: text(100),
	version: text(100),
	artifact: hex(32),
	options: map(scalarShape, 32),
});

const sumFields = { calls: uint64, inputUnits: uint64, outputUnits: uint64, nodeFee: uint256, gatewayFee: uint256 } as const;

const lineShape = object({ release: hex(32), priceVersion: integer(0, 0xffff_ffff), node: hex(20), ...sumFields, root: hex(32) });

const timestampShape = object({ seconds: decimal(63), nanos: integer(0, 999_999_999) });
const hash = hexBytes({ min: 32, max: 32 });
/** Absent hashes are empty in consensus headers. */
const hashOrNone: Shape<Uint8Array> = {
	read: (value, path) => (value === "0x" ? new Uint8Array(0) : hash.read(value, path)),
	write: hash.write,
};
const blockIdShape = object({ hash: hashOrNone, partsTotal: integer(0, 0xffff_ffff), partsHash: hashOrNone });
const address = hexBytes({ min: 20, max: 20 });

export const lightBlockShape = object({
	header: object({
		versionBlock: uint64,
		versionApp: uint64,
		chainId: text(50),
		height: decimal(63),
		time: timestampShape,
		lastBlockId: blockIdShape,
		lastCommitHash: hashOrNone,
		dataHash: hashOrNone,
		validatorsHash: hash,
		nextValidatorsHash: hash,
		consensusHash: hash,
		appHash: hash,
		lastResultsHash: hashOrNone,
		evidenceHash: hashOrNone,
		proposerAddress: address,
	}),
	commit: object({
		height: decimal(63),
		round: integer(0, 0x7fff_ffff),
		blockId: blockIdShape,
		signatures: list(
			object({
				flag: literal(1, 2, 3),
				validatorAddress: hexBytes({ min: 0, max: 20 }),
				timestamp: timestampShape,
				signature: hexBytes({ min: 0, max: 64 }),
			}),
			limits.validators,
		),
	}),
	validators: list(object({ publicKey: hexBytes({ min: 32, max: 32 }), power: decimal(63) }), limits.validators),
});

/** What places the receipt in the chain: its batch, and the block after which the batch is in the state. */
export const anchorShape = object({
	seq: uint64,
	line: lineShape,
	/** From the receipt's leaf to the line's root. */
	leafProof: list(object({ siblingOnLeft: truth, hash: hex(32), ...sumFields }), limits.batchProofSteps),
	/** From the line to the batch's root. */
	lineProof: list(object({ siblingOnLeft: truth, hash: hex(32) }), limits.batchProofSteps),
	/** RLP of the EVM header whose state is proved. */
	evmHeader: hexBytes({ min: 1, max: limits.evmHeaderBytes }),
	/** The consensus block whose application hash is that header's hash. */
	lightBlock: lightBlockShape,
	/** Where the set of validators has changed since the checkpoint: its block, and those between that are needed, by height. */
	lightPath: optional(list(lightBlockShape, limits.lightPathBlocks)),
	/** Trie nodes of all state proofs: each once, in ascending order of their keccak256. */
	stateNodes: list(hexBytes({ min: 1, max: limits.proofNodeBytes }), limits.proofNodes),
});

/** Beyond the node's own signature: each item is signed by its author over the receipt's digest, kind and body. */
export const evidenceShape = object({
	kind: literal(...evidenceKinds),
	author: hex(20),
	body: text(limits.cardBytes),
	signature: hex(65),
});

export const receiptFileShape = object({
	version: literal(1),
	chainId: integer(1, Number.MAX_SAFE_INTEGER),
	order: orderShape,
	orderSignature: hex(65),
	receipt: receiptShape,
	receiptSignature: hex(65),
	engine: engineShape,
	evidence: list(evidenceShape, 64),
	/** The holder's own: who paid, and the salt that opens the commitments. Left out together when the file is published. */
	holder: optional(object({ payer: hex(20), salt: hex(32) })),
	/** May be left out; needs `holder`. */
	request: optional(object({ require: list(literal(...evidenceKinds), evidenceKinds.length), inputs: tensorsShape })),
	response: optional(object({ outputs: tensorsShape })),
	/** The same of a call to a language model; a file has no tensors then. */
	textRequest: optional(object({ require: list(literal(...evidenceKinds), evidenceKinds.length), request: textRequestShape })),
	textResponse: optional(object({ answer: textAnswerShape })),
	anchor: optional(anchorShape),
});

export type ReceiptFile = ShapeOf<typeof receiptFileShape>;
export type ReceiptAnchor = ShapeOf<typeof anchorShape>;
export type EvidenceItem = ShapeOf<typeof evidenceShape>;
export type FileTensor = ShapeOf<typeof tensorShape>;

/** Receipt file of its JSON text. Throws `SyntaxError` naming the path of the first thing that is wrong. */
export function parseReceiptFile(json: string): ReceiptFile {
	if (json.length > limits.receiptFileBytes) throw new SyntaxError(`the file is longer than ${limits.receiptFileBytes} characters`);
	const value = parseJson(json);
	if (withoutWhiteSpace(json) !== JSON.stringify(value)) throw new SyntaxError("file repeats a name or spells a value in an unusual way");
	return receiptFileShape.read(value, "file");
}

/** JSON text, known to parse, with the white space between its tokens left out. No pattern over whole strings: they may be many megabytes long. */
function withoutWhiteSpace(json: string): string {
	const parts: string[] = [];
	for (let from = 0; ; ) {
		const open = json.indexOf('"', from);
		parts.push(json.slice(from, open < 0 ? json.length : open).replace(/\s+/g, ""));
		if (open < 0) return parts.join("");
		from = stringEnd(json, open);
		parts.push(json.slice(open, from));
	}
}

/** Index behind the string that begins at `open`. */
function stringEnd(json: string, open: number): number {
	let index = open + 1;
	while (index < json.length && json[index] !== '"') index += json[index] === "\\" ? 2 : 1;
	return index + 1;
}

/** JSON text of a receipt file, indented for people. */
export function formatReceiptFile(file: ReceiptFile): string {
	return `${JSON.stringify(receiptFileShape.write(file), null, 2)}\n`;
}
