/** What each step of a check asks, in plain words, and which part of the file it reads. */
import type { Check } from "@freehold/proofs";

type CheckName = Check["name"];

interface Words {
	readonly title: string;
	readonly reads: readonly string[];
}

export const checkWords: Readonly<Record<CheckName, Words>> = {
	file: { title: "The file is whole, and of the network that you trust", reads: ["chainId"] },
	order: { title: "The gateway ordered this call, and the receipt keeps to the order", reads: ["order", "orderSignature", "receipt.order", "receipt.charge"] },
	signed: { title: "The machine that ran it signed for it", reads: ["receipt", "receiptSignature"] },
	payer: { title: "It was paid for by the one who is named", reads: ["holder.payer", "holder.salt", "order.payer"] },
	request: { title: "The question in the file is the one that was asked", reads: ["request", "holder.salt", "order.request"] },
	answer: { title: "The answer in the file is the one that was given", reads: ["response", "holder.salt", "receipt.response"] },
	engine: { title: "It names the engine that was signed for", reads: ["engine", "receipt.engine"] },
	evidence: { title: "Every further piece of evidence is signed by its author", reads: ["evidence"] },
	release: { title: "The model was published and in service", reads: ["order.release", "anchor"] },
	price: { title: "The price is the one that its owner set", reads: ["order.priceVersion", "receipt.charge", "anchor"] },
	anchored: { title: "The chain recorded the batch that it is in", reads: ["anchor.line", "anchor.lineProof", "anchor.seq"] },
	sum: { title: "This call is counted in what the batch paid, to the unit", reads: ["anchor.leafProof", "anchor.line", "receipt"] },
	state: { title: "The chain's records in the file belong to one block", reads: ["anchor.proofs", "anchor.evmHeader"] },
	header: { title: "That block was signed by those who order blocks", reads: ["anchor.lightBlock"] },
};
