/** The check before an answer is believed: its receipt against itself, against what was asked, and against what the chain says of price and keys. */
import { verifyReceipt } from "@freehold/proofs";
import {
	type Crypto,
	canonicalJson,
	commitTensors,
	type EvidenceKind,
	FreeholdError,
	fromHex,
	type Hex,
	type InferenceResponseBody,
	isHex,
	type Mode,
	modes,
	orderDigest,
	parseTensors,
	type QuoteBody,
	type ReceiptFile,
	receiptDigest,
	receiptFileShape,
	type Tensors,
	toHex,
} from "@freehold/protocol";
import type { Client } from "../client/client.js";
import type { Role } from "../client/registry.js";
import { elementsOf } from "./units.js";

export interface Asked {
	readonly quoted: QuoteBody;
	readonly payer: Hex;
	readonly salt: Hex;
	readonly mode: Mode;
	readonly require: readonly EvidenceKind[];
	readonly inputs: Tensors;
	/** Most that was agreed to. */
	readonly most: bigint;
	/** What the payment's settlement says. */
	readonly charged: bigint;
	readonly answer: InferenceResponseBody;
}

/** Checks of the verifier that must hold now; the anchor comes with the batch. */
const NEEDED = ["file", "order", "signed", "payer", "request", "answer", "engine", "price"] as const;

/** The receipt file of an answer that stands up to it. Throws `answer.refused` with the file as the error's cause. */
export async function checkAnswer(client: Client, asked: Asked, signal: AbortSignal | undefined): Promise<ReceiptFile> {
	const file = readFile(asked.answer);
	await checkFile(client, file, signal);
	const wrong = disagreement(file, asked, client.crypto);
	if (wrong !== undefined) throw refused(file, "request", wrong);
	return file;
}

/** Whether a receipt file stands up to itself, and to what the chain says of price and keys. Throws `answer.refused`. */
export async function checkFile(client: Client, file: ReceiptFile, signal: AbortSignal | undefined): Promise<void> {
	const { order } = file;
	const [price, gatewayKeys, nodeKeys] = await Promise.all([
		client.registry.price(order.release, order.priceVersion, signal),
		validKeys(client, order.gateway, signerOf(orderDigest(order, file.chainId, client.crypto), file.orderSignature, client.crypto), "gateway", signal),
		validKeys(
			client,
			order.node,
			signerOf(receiptDigest(file.receipt, file.chainId, client.crypto), file.receiptSignature, client.crypto),
			"inference",
			signal,
		),
	]);
	const { checks } = verifyReceipt(file, {
		checkpoint: client.network.checkpoint,
		chainId: client.network.chainId,
		crypto: client.crypto,
		known: { gatewayKeys, nodeKeys, ...(price === undefined ? {} : { price }) },
	});
	for (const name of NEEDED) {
		const check = checks.find((candidate) => candidate.name === name);
		if (check?.ok !== true) throw refused(file, name, check?.detail ?? "was not made");
	}
	const evidence = checks.find((check) => check.result === "fails");
	if (evidence !== undefined) throw refused(file, evidence.name, evidence.detail);
}

/** What the receipt says other than what was asked, paid and answered; undefined when it says the same. Pure. */
export function disagreement({ order, receipt, holder, request, response }: ReceiptFile, asked: Asked, crypto: Crypto): string | undefined {
	const { quoted, answer } = asked;
	if (order.release !== quoted.release) return `it is for release ${order.release}`;
	if (order.gateway !== quoted.gateway) return `gateway ${order.gateway} ordered it`;
	if (order.callId !== answer.callId) return "it is for another call";
	if (order.mode !== modes[asked.mode]) return "the order is for another mode";
	if (holder?.payer !== asked.payer || holder.salt !== asked.salt) return "it names another payer or salt";
	if (request === undefined || response === undefined) return "request or answer is left out";
	if (canonicalJson(request.require) !== canonicalJson(asked.require)) return "the order is for other evidence";
	if (!sameTensors(request.inputs, asked.inputs, crypto)) return "the order is for other inputs";
	const outputs = parseTensors(answer.outputs);
	if (!sameTensors(response.outputs, outputs, crypto)) return "the outputs are not those that were signed";
	if (receipt.inputUnits !== elementsOf(asked.inputs)) return `${receipt.inputUnits} input units were charged, ${elementsOf(asked.inputs)} were sent`;
	if (receipt.outputUnits !== elementsOf(outputs)) return `${receipt.outputUnits} output units were charged, ${elementsOf(outputs)} came`;
	if (receipt.charge > asked.most) return "it charges more than was agreed to";
	if (receipt.charge !== asked.charged || receipt.charge.toString() !== answer.usage.charge) return "another amount was taken from the channel";
	return undefined;
}

function sameTensors(file: NonNullable<ReceiptFile["request"]>["inputs"], tensors: Tensors, crypto: Crypto): boolean {
	const committed = Object.fromEntries(
		Object.entries(file).map(([name, { dtype, shape, data }]) => [name, { dtype, shape: [...shape], sha256: toHex(crypto.sha256(data)), bytes: data.length }]),
	);
	return canonicalJson(committed) === canonicalJson(commitTensors(tensors, crypto));
}

export function readFile(answer: Pick<InferenceResponseBody, "callId" | "receiptFile">): ReceiptFile {
	if (typeof answer !== "object" || answer === null || !isHex(answer.callId, 32))
		throw new FreeholdError("upstream.failed", { what: "The gateway", reason: "an answer without a call id" });
	try {
		return receiptFileShape.read(answer.receiptFile, "receiptFile");
	} catch (error) {
		throw new FreeholdError("answer.refused", { check: "file", reason: error instanceof Error ? error.message : "unreadable" }, { cause: answer.receiptFile });
	}
}

/** The key, when the registry says that it signs for the operator and the operator stands in for the role; else none. */
async function validKeys(client: Client, operator: Hex, key: Hex | undefined, role: Role, signal: AbortSignal | undefined): Promise<readonly Hex[]> {
	if (key === undefined) return [];
	const [valid, active] = await Promise.all([client.registry.isKey(operator, key, signal), client.registry.isActive(operator, role, signal)]);
	return valid && active ? [key] : [];
}

function signerOf(digest: Hex, signature: Hex, crypto: Crypto): Hex | undefined {
	const address = crypto.recover(fromHex(digest), fromHex(signature));
	return address && toHex(address);
}

export function refused(file: ReceiptFile, check: string, reason: string): FreeholdError {
	return new FreeholdError("answer.refused", { check, reason }, { cause: file });
}
