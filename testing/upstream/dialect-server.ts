/** A provider on this machine: a session of an engine behind the wire of OpenAI's clients, as many servers speak it. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chatCompletions, completions, type Dialect, embeddings } from "@freehold/dialects";
import { answerOfDeltas, FreeholdError, type Hex, type TextAnswer, type TextDelta } from "@freehold/protocol";
import type { TextSession } from "../../packages/inference/src/engine/text-engine.js";

const routes: Readonly<Record<string, Dialect>> = { "/v1/chat/completions": chatCompletions, "/v1/completions": completions, "/v1/embeddings": embeddings };
const CALL: Hex = `0x${"00".repeat(32)}`;

export interface DialectServer {
	/** With `/v1`. */
	readonly url: string;
	/** Headers of the last request. */
	readonly lastHeaders: () => IncomingMessage["headers"];
	close(): Promise<void>;
}

export async function startDialectServer(session: () => Promise<TextSession>): Promise<DialectServer> {
	let headers: IncomingMessage["headers"] = {};
	const server = createServer((request, response) => {
		headers = request.headers;
		void serve(request, response, session).catch((error: unknown) => {
			const refusal = error instanceof FreeholdError ? error : new FreeholdError("internal", { reference: String(error) });
			if (!response.headersSent) response.writeHead(refusal.entry.status, { "content-type": "application/json" });
			response.end(JSON.stringify(chatCompletions.refusal(refusal)));
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
		lastHeaders: () => headers,
		close: async () => {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

async function serve(request: IncomingMessage, response: ServerResponse, open: () => Promise<TextSession>): Promise<void> {
	const dialect = routes[request.url ?? ""];
	if (dialect === undefined) throw new FreeholdError("request.notFound", { path: request.url ?? "" });
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	const asked = dialect.read(JSON.parse(Buffer.concat(chunks).toString("utf8")), { seed: () => 0 });
	const session = await open();
	const gone = new AbortController();
	response.once("close", () => gone.abort(new Error("the caller left")));
	const deltas: TextDelta[] = [];
	const begin = { callId: CALL, model: asked.model, createdAt: 0, inputTokens: 0 };
	let writer: ReturnType<typeof asked.writer.stream> | undefined;
	const sink = {
		started(inputTokens: number): void {
			begin.inputTokens = inputTokens;
			if (!asked.stream) return;
			writer = asked.writer.stream({ ...begin });
			response.writeHead(200, { "content-type": "text/event-stream" });
			response.write(writer.open());
		},
		delta(delta: TextDelta): void {
			deltas.push(delta);
			if (writer !== undefined) response.write(writer.delta(delta));
		},
	};
	const { vectors = [] } = await session.run(asked.request, sink, gone.signal);
	const { task } = asked.request;
	const whole: { answer: TextAnswer; outputTokens: bigint } =
		task === "embedding" ? { answer: { task, vectors }, outputTokens: 0n } : answerOfDeltas(task, asked.request.choices, deltas);
	const end = { ...begin, outputTokens: Number(whole.outputTokens) };
	if (writer !== undefined) response.end(writer.close(whole.answer, end, ""));
	else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(asked.writer.whole(whole.answer, end)));
}
