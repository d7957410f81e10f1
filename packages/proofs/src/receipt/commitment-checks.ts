/** Request, answer and engine against the commitments in order and receipt, and the units that were charged against what is in the tensors. */
import {
	type CommittedTensor,
	type Crypto,
	commit,
	elementBytes,
	engineDigest,
	type FileTensor,
	type Hashes,
	isDtype,
	maxInputTokens,
	maxOutputTokens,
	modeName,
	type ReceiptFile,
	textRequestText,
	textResponseText,
	toHex,
} from "@freehold/protocol";
import { type Check, fails, judge, unproven } from "./checks.js";

export function requestCheck(file: ReceiptFile, crypto: Crypto): Check {
	const { order, receipt, holder, request } = file;
	if (file.textRequest !== undefined || file.textResponse !== undefined) return textRequestCheck(file, crypto);
	if (request === undefined) return unproven("request", "left out of the file");
	const mode = modeName(order.mode);
	if (holder === undefined || mode === undefined) return fails("request", "the salt that opens the commitment is not in the file");
	const text = { kind: "inference", version: 1, release: order.release, mode, require: request.require, inputs: committed(request.inputs, crypto) } as const;
	return judge("request", "what was asked is what the order names", [
		!opens(() => commit(text, holder.salt, crypto) === order.request) && "the order is for another request",
		malformed(request.inputs),
		elementsOf(request.inputs) !== receipt.inputUnits && `${receipt.inputUnits} input units were charged, ${elementsOf(request.inputs)} were sent`,
	]);
}

export function answerCheck(file: ReceiptFile, crypto: Crypto): Check {
	const { receipt, holder, response } = file;
	if (file.textRequest !== undefined || file.textResponse !== undefined) return textAnswerCheck(file, crypto);
	if (response === undefined) return unproven("answer", "left out of the file");
	if (holder === undefined) return fails("answer", "the salt that opens the commitment is not in the file");
	const text = { kind: "inference", version: 1, outputs: committed(response.outputs, crypto) } as const;
	return judge("answer", "the answer is the one that was signed", [
		!opens(() => commit(text, holder.salt, crypto) === receipt.response) && "another answer was signed",
		malformed(response.outputs),
		elementsOf(response.outputs) !== receipt.outputUnits && `${receipt.outputUnits} output units were charged, ${elementsOf(response.outputs)} came`,
	]);
}

/** Tokens are counted by the release's own tokenizer, which no verifier carries: here they are held against what the request could and may count. */
function textRequestCheck({ order, receipt, holder, request, textRequest }: ReceiptFile, crypto: Crypto): Check {
	if (request !== undefined) return fails("request", "the file holds two requests");
	if (textRequest === undefined) return unproven("request", "left out of the file");
	const mode = modeName(order.mode);
	if (holder === undefined || mode === undefined) return fails("request", "the salt that opens the commitment is not in the file");
	const { require, request: asked } = textRequest;
	return judge("request", "what was asked is what the order names", [
		!opens(() => commit(textRequestText({ release: order.release, mode, require }, asked, crypto), holder.salt, crypto) === order.request) &&
			"the order is for another request",
		receipt.inputUnits > maxInputTokens(asked) && `${receipt.inputUnits} input tokens were charged, the request cannot have more than ${maxInputTokens(asked)}`,
	]);
}

function textAnswerCheck({ receipt, holder, response, textRequest, textResponse }: ReceiptFile, crypto: Crypto): Check {
	if (response !== undefined) return fails("answer", "the file holds two answers");
	if (textResponse === undefined) return unproven("answer", "left out of the file");
	if (holder === undefined) return fails("answer", "the salt that opens the commitment is not in the file");
	const most = textRequest === undefined ? undefined : maxOutputTokens(textRequest.request);
	return judge("answer", "the answer is the one that was signed", [
		!opens(() => commit(textResponseText(textResponse.answer, crypto), holder.salt, crypto) === receipt.response) && "another answer was signed",
		textRequest !== undefined && textRequest.request.task !== textResponse.answer.task && "the answer is of another kind than the request",
		most !== undefined && receipt.outputUnits > most && `${receipt.outputUnits} output tokens were charged, ${most} were allowed`,
	]);
}

export function engineCheck({ receipt, engine }: ReceiptFile, crypto: Crypto): Check {
	return judge("engine", `${engine.name} ${engine.version}`, [!opens(() => engineDigest(engine, crypto) === receipt.engine) && "another engine was signed"]);
}

type FileTensors = Readonly<Record<string, FileTensor>>;

/** Units of inference on tensors: their elements. */
function elementsOf(tensors: FileTensors): bigint {
	return Object.values(tensors).reduce((sum, tensor) => sum + elementCount(tensor), 0n);
}

/** Exact, since a file may name any lengths. */
function elementCount({ shape }: FileTensor): bigint {
	return shape.reduce((count, length) => count * BigInt(length), 1n);
}

/** A tensor whose bytes are not what type and shape say: it would be charged for elements that are not there. */
function malformed(tensors: FileTensors): string | undefined {
	for (const [name, tensor] of Object.entries(tensors)) {
		const { dtype, data } = tensor;
		// A string carries its length in four bytes before it.
		const fits =
			isDtype(dtype) &&
			(dtype === "string" ? elementCount(tensor) * 4n <= data.length : elementCount(tensor) * BigInt(elementBytes[dtype]) === BigInt(data.length));
		if (!fits) return `tensor ${name} does not have the bytes that its type and shape say`;
	}
	return undefined;
}

function committed(tensors: FileTensors, hashes: Hashes): Readonly<Record<string, CommittedTensor>> {
	return Object.fromEntries(
		Object.entries(tensors).map(([name, { dtype, shape, data }]) => [name, { dtype, shape, sha256: toHex(hashes.sha256(data)), bytes: data.length }]),
	);
}

/** Text that has no canonical spelling (a lone surrogate) cannot have been committed to. */
function opens(compare: () => boolean): boolean {
	try {
		return compare();
	} catch {
		return false;
	}
}
