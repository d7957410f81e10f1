/** An upstream that speaks OpenAI's wire and answers at once, for the rivals and the floor: the same text, whole or in pieces. `floor PORT URL` is a proxy that does nothing but pass on. */
import { Agent, request as ask, createServer } from "node:http";

const [, , role, portText, upstream, piecesText = "50"] = process.argv;
const words = Array.from({ length: Number(piecesText) }, (_, index) => `word${String(index).padStart(3, "0")} and more. `);
const head = { id: "chatcmpl-1", created: 1_700_000_000, model: "bench" };
const whole = JSON.stringify({
	...head,
	object: "chat.completion",
	choices: [{ index: 0, message: { role: "assistant", content: words.join("") }, finish_reason: "stop" }],
	usage: { prompt_tokens: 20, completion_tokens: words.length, total_tokens: 20 + words.length },
});
const event = (delta, finish = null) =>
	`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const events = [...words.map((content) => event({ content })), event({}, "stop"), "data: [DONE]\n\n"];

function mock(request, response) {
	// Some ask first what there is.
	if (request.method !== "POST") {
		request.resume();
		response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ object: "list", data: [{ id: "bench", object: "model" }] }));
		return;
	}
	const chunks = [];
	request.on("data", (chunk) => chunks.push(chunk));
	request.on("end", () => {
		const { stream } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
		if (stream !== true) {
			response.writeHead(200, { "content-type": "application/json" }).end(whole);
			return;
		}
		response.writeHead(200, { "content-type": "text/event-stream" });
		for (const line of events) response.write(line);
		response.end();
	});
}

const agent = new Agent({ keepAlive: true });
function floor(request, response) {
	const chunks = [];
	request.on("data", (chunk) => chunks.push(chunk));
	request.on("end", () => {
		const body = JSON.stringify(JSON.parse(Buffer.concat(chunks).toString("utf8")));
		const onward = ask(
			`${upstream}${request.url}`,
			{ method: "POST", agent, headers: { "content-type": "application/json", "content-length": Buffer.byteLength(body) } },
			(answer) => {
				response.writeHead(answer.statusCode, { "content-type": answer.headers["content-type"] });
				answer.pipe(response);
			},
		);
		onward.end(body);
	});
}

const server = createServer(role === "floor" ? floor : mock);
server.keepAliveTimeout = 60_000;
server.listen(Number(portText), "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })}\n`));
process.once("SIGTERM", () => process.exit(0));
