/**
 * A provider on this machine that speaks the wire of OpenAI's clients and answers as a test wants it: in pieces, with code, with calls, or without an end. The page
 * cannot tell it from any other, and its answers are paid, signed and checked like all.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

interface Asked {
	readonly messages: readonly { readonly role: string; readonly content?: unknown }[];
	readonly tools?: readonly unknown[];
	readonly seed?: number;
	readonly temperature?: number;
	readonly max_tokens?: number;
}

export interface Teller {
	/** With `/v1`. */
	readonly url: string;
	/** What it was asked, in order. */
	readonly asked: Asked[];
	close(): Promise<void>;
}

const HOSTILE = "Take <img src=x onerror=alert(1)> and [this](javascript:alert(1)).\n\n```ts\nconst answer = 42;\n```\n\n- one\n- two\n";

export async function startTeller(): Promise<Teller> {
	const asked: Asked[] = [];
	const server = createServer((request, response) => {
		void readBody(request).then((body) => {
			const question = JSON.parse(body) as Asked;
			asked.push(question);
			tell(question, asked.length, response);
		});
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
		asked,
		close: async () => {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

function tell({ messages, tools = [] }: Asked, count: number, response: ServerResponse): void {
	const last = messages.at(-1);
	const text = textOf(last?.content);
	response.writeHead(200, { "content-type": "text/event-stream" });
	const send = (choice: object | undefined, usage?: object): void =>
		void response.write(
			`data: ${JSON.stringify({ id: "t", object: "chat.completion.chunk", created: 0, model: "teller", choices: choice === undefined ? [] : [{ index: 0, ...choice }], ...(usage === undefined ? {} : { usage }) })}\n\n`,
		);
	const piece = (content: string): void => send({ delta: { content }, finish_reason: null });
	const end = (finish_reason: string, tokens: number): void => {
		send({ delta: {}, finish_reason });
		send(undefined, { prompt_tokens: 8, completion_tokens: tokens, total_tokens: 8 + tokens });
		response.end("data: [DONE]\n\n");
	};
	if (text.includes("endless")) {
		// Three pieces, and then nothing until whoever listens goes away.
		for (const word of ["One", " two", " three"]) piece(word);
		return;
	}
	if (text.includes("sum") && tools.length > 0) {
		const call = { index: 0, id: "call_1", type: "function", function: { name: "calculate", arguments: '{"expression": "17 * 24"}' } };
		send({ delta: { tool_calls: [call] }, finish_reason: null });
		end("tool_calls", 9);
		return;
	}
	const answer = last?.role === "tool" ? `It is ${text}.` : text.includes("code") ? HOSTILE : `Telling ${count}: ${text}`;
	const words = answer.match(/\S+\s*/g) ?? [];
	for (const word of words) piece(word);
	end("stop", words.length);
}

function textOf(content: unknown): string {
	if (typeof content === "string") return content;
	return Array.isArray(content) ? content.map((part: { readonly text?: string }) => part.text ?? "").join("") : "";
}

async function readBody(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString("utf8");
}
