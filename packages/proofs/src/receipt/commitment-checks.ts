/** Request, answer and engine against the commitments in order and receipt. */
import { type CommittedTensor, type Crypto, commit, engineDigest, type FileTensor, type Hashes, modeName, type ReceiptFile, toHex } from "@freehold/protocol";
import { type Check, fails, judge, unproven } from "./checks.js";

export function requestCheck({ order, holder, request }: ReceiptFile, crypto: Crypto): Check {
	if (request === undefined) return unproven("request", "left out of the file");
	const mode = modeName(order.mode);
	if (holder === undefined || mode === undefined) return fails("request", "the salt that opens the commitment is not in the file");
	const text = { kind: "inference", version: 1, release: order.release, mode, require: request.require, inputs: committed(request.inputs, crypto) } as const;
	return judge("request", "what was asked is what the order names", [
		!opens(() => commit(text, holder.salt, crypto) === order.request) && "the order is for another request",
	]);
}

export function answerCheck({ receipt, holder, response }: ReceiptFile, crypto: Crypto): Check {
	if (response === undefined) return unproven("answer", "left out of the file");
	if (holder === undefined) return fails("answer", "the salt that opens the commitment is not in the file");
	const text = { kind: "inference", version: 1, outputs: committed(response.outputs, crypto) } as const;
	return judge("answer", "the answer is the one that was signed", [
		!opens(() => commit(text, holder.salt, crypto) === receipt.response) && "another answer was signed",
	]);
}

export function engineCheck({ receipt, engine }: ReceiptFile, crypto: Crypto): Check {
	return judge("engine", `${engine.name} ${engine.version}`, [!opens(() => engineDigest(engine, crypto) === receipt.engine) && "another engine was signed"]);
}

function committed(tensors: Readonly<Record<string, FileTensor>>, hashes: Hashes): Readonly<Record<string, CommittedTensor>> {
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
