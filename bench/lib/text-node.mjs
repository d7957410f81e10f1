/** A node whose language model answers at once with a text of fixed size, whole or in pieces: what is left of a call's time and work is the gateway's. Run as a program; one line of JSON says where it listens. */
import { createServer } from "node:http";
import {
	answerOfDeltas,
	charge,
	commit,
	engineDigest,
	fromHex,
	orderDigest,
	orderShape,
	receiptDigest,
	receiptShape,
	textAnswerShape,
	textRequestShape,
	textResponseText,
	toHex,
} from "@freehold/protocol";
import { createDigestSigner, nativeCrypto } from "@freehold/service";

const [, , key, chainIdText, perCall, perUnit, piecesText] = process.argv;
const signer = createDigestSigner(fromHex(key));
const chainId = Number(chainIdText);
const price = { perCall: BigInt(perCall), perInputUnit: BigInt(perUnit), perOutputUnit: BigInt(perUnit) };
const engine = { name: "bench", version: "1", artifact: `0x${"12".repeat(32)}`, options: {} };
const pieces = Number(piecesText);
const words = Array.from({ length: pieces }, (_, index) => `word${String(index).padStart(3, "0")} and more. `);
const deltas = [...words.map((text, index) => ({ choice: 0, text, outputTokens: index + 1 })), { choice: 0, finish: "stop", outputTokens: pieces }];
const lines = deltas.map((delta) => `${JSON.stringify({ delta })}\n`);
const runs = new Map();

function receiptOf({ order, digest, salt, request, count, startedAt }) {
	const { answer, outputTokens } = answerOfDeltas(request.task, request.choices, deltas.slice(0, count));
	const receipt = {
		order: digest,
		response: commit(textResponseText(answer, nativeCrypto), salt, nativeCrypto),
		engine: engineDigest(engine, nativeCrypto),
		inputUnits: 20n,
		outputUnits: outputTokens,
		charge: charge(price, { calls: 1n, inputUnits: 20n, outputUnits: outputTokens }, order),
		startedAt,
		finishedAt: BigInt(Date.now()),
	};
	const receiptSignature = toHex(signer.signDigest(fromHex(receiptDigest(receipt, chainId, nativeCrypto))));
	return JSON.stringify({ receipt: receiptShape.write(receipt), receiptSignature, engine, text: textAnswerShape.write(answer), evidence: [] });
}

const server = createServer((request, response) => {
	if (request.method === "GET") {
		response.end(JSON.stringify({ operator: signer.address, engines: [{ mode: "fast", formats: ["gguf"], engine, digest: engineDigest(engine) }] }));
		return;
	}
	const chunks = [];
	request.on("data", (chunk) => chunks.push(chunk));
	request.on("end", () => {
		const body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
		const settled = /settle$/.test(request.url) ? request.url.split("/")[3] : undefined;
		if (settled !== undefined) {
			const run = runs.get(settled);
			runs.delete(settled);
			response.writeHead(200, { "content-type": "application/json" }).end(receiptOf({ ...run, count: body.deltas }));
			return;
		}
		const order = orderShape.read(body.order, "order");
		const run = {
			order,
			digest: orderDigest(order, chainId, nativeCrypto),
			salt: body.salt,
			request: textRequestShape.read(body.text, "text"),
			startedAt: BigInt(Date.now()),
		};
		if (!String(request.headers.accept).includes("ndjson")) {
			response.writeHead(200, { "content-type": "application/json" }).end(receiptOf({ ...run, count: deltas.length }));
			return;
		}
		runs.set(run.digest, run);
		response.writeHead(200, { "content-type": "application/x-ndjson" });
		response.write('{"started":{"inputTokens":20}}\n');
		for (const line of lines) response.write(line);
		response.end(`${JSON.stringify({ ended: { deltas: deltas.length } })}\n`);
	});
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}`, address: signer.address })}\n`));
process.once("SIGTERM", () => process.exit(0));
