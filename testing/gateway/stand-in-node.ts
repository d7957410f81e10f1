/**
 * A node whose model is the identity: quick, and as faulty as a test wants it. All else is real: its bond, its key, its receipts.
 * The real node is tested beside the real gateway in `testing/journey`.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
	charge,
	commit,
	commitTensors,
	elementCount,
	engineDigest,
	fromHex,
	type Hex,
	type Order,
	orderDigest,
	orderShape,
	type Price,
	parseTensors,
	type Receipt,
	receiptDigest,
	receiptShape,
	type Tensors,
	tensorsToJson,
	toHex,
} from "@freehold/protocol";
import type { DigestSigner } from "@freehold/service";

const engine = { name: "identity", version: "1", artifact: `0x${"11".repeat(32)}`, options: {} } as const;

export interface StandInNode {
	readonly url: string;
	readonly signer: DigestSigner;
	/** Orders that it ran; repeated ones count once. */
	readonly ran: Order[];
	/** Requests that it got. */
	asked: number;
	/** What it does with the next orders: `undefined` is honest. */
	behave: Behaviour | undefined;
	close(): Promise<void>;
}

/** Changes an honest answer, or throws a status with a body of ours. */
export type Behaviour = (answer: {
	receipt: Receipt;
	outputs: Tensors;
	order: Order;
}) => Promise<{ receipt: Receipt; outputs: Tensors } | Refusal> | { receipt: Receipt; outputs: Tensors } | Refusal;
export interface Refusal {
	readonly status: number;
	readonly code: string;
}

export async function startStandInNode(signer: DigestSigner, price: () => Price, chainId: number): Promise<StandInNode> {
	const answers = new Map<Hex, string>();
	const node = { ran: [] as Order[], asked: 0, behave: undefined as Behaviour | undefined };
	const server: Server = createServer((request, response) => {
		if (request.method === "GET") {
			const engines = [{ mode: "fast", engine, digest: engineDigest(engine) }];
			response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ operator: signer.address, engines }));
			return;
		}
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			void answer(JSON.parse(Buffer.concat(chunks).toString("utf8")) as Record<string, unknown>)
				.then(({ status, body }) => {
					response.writeHead(status, { "content-type": "application/json" }).end(body);
				})
				.catch(() => response.destroy());
		});
	});

	async function answer(body: Record<string, unknown>): Promise<{ status: number; body: string }> {
		node.asked++;
		const order = orderShape.read(body["order"], "order");
		const digest = orderDigest(order, chainId);
		const kept = answers.get(digest);
		if (kept !== undefined && node.behave === undefined) return { status: 200, body: kept };
		const inputs = parseTensors(body["inputs"]);
		const salt = body["salt"] as Hex;
		const units = BigInt(Object.values(inputs).reduce((sum, { shape }) => sum + elementCount(shape), 0));
		const now = BigInt(Date.now());
		let receipt: Receipt = {
			order: digest,
			response: commit({ kind: "inference", version: 1, outputs: commitTensors(inputs) }, salt),
			engine: engineDigest(engine),
			inputUnits: units,
			outputUnits: units,
			charge: charge(price(), { calls: 1n, inputUnits: units, outputUnits: units }, order),
			startedAt: now,
			finishedAt: now,
		};
		let outputs = inputs;
		const changed = await node.behave?.({ receipt, outputs, order });
		if (changed !== undefined) {
			if ("status" in changed)
				return { status: changed.status, body: JSON.stringify({ error: { code: changed.code, message: changed.code, retryable: false, docs: "" } }) };
			receipt = changed.receipt;
			outputs = changed.outputs;
		}
		node.ran.push(order);
		const receiptSignature = toHex(signer.signDigest(fromHex(receiptDigest(receipt, chainId))));
		const text = JSON.stringify({ receipt: receiptShape.write(receipt), receiptSignature, engine, outputs: tensorsToJson(outputs, "base64"), evidence: [] });
		answers.set(digest, text);
		return { status: 200, body: text };
	}

	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return Object.assign(node, {
		signer,
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		close: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	});
}
