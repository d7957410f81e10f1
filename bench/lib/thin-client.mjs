/**
 * An HTTP/1.1 client that costs next to nothing: it shares the processors with what it measures, and every microsecond that it takes is one that the program lacks.
 * Connections are kept open; an answer must say its length, as all of ours do.
 */
import { connect } from "node:net";

const HEAD_END = Buffer.from("\r\n\r\n");

export function createThinClient(origin) {
	const { hostname, port, host } = new URL(origin);
	const idle = [];

	/** Bytes of a request, to be sent as often as one likes. */
	function compose(path, headers, body) {
		const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
		return Buffer.from(
			`POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${lines.join("")}\r\n${body}`,
		);
	}

	/** Resolves with the status, a look-up of headers and the text of the body. */
	function send(bytes) {
		return new Promise((resolve, reject) => (idle.pop() ?? open()).ask(bytes, resolve, reject));
	}

	function open() {
		const socket = connect({ host: hostname, port: Number(port), noDelay: true });
		let waiting;
		let heard = Buffer.alloc(0);
		const connection = {
			ask(bytes, resolve, reject) {
				waiting = { resolve, reject };
				socket.write(bytes);
			},
		};
		socket.on("data", (chunk) => {
			heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk]);
			const answer = readAnswer(heard);
			if (answer === undefined || waiting === undefined) return;
			heard = heard.subarray(answer.end);
			const { resolve } = waiting;
			waiting = undefined;
			idle.push(connection);
			resolve(answer);
		});
		socket.on("error", (error) => waiting?.reject(error));
		socket.on("close", () => {
			const at = idle.indexOf(connection);
			if (at >= 0) idle.splice(at, 1);
			waiting?.reject(new Error("the connection was closed"));
		});
		// An idle connection keeps no scenario alive.
		socket.unref();
		return connection;
	}
	return { compose, send };
}

function readAnswer(bytes) {
	const headEnd = bytes.indexOf(HEAD_END);
	if (headEnd < 0) return undefined;
	const head = bytes.latin1Slice(0, headEnd);
	const from = headEnd + HEAD_END.length;
	const end = from + Number(headerOf(head, "content-length") ?? 0);
	if (bytes.length < end) return undefined;
	return { status: Number(head.slice(9, 12)), header: (name) => headerOf(head, name), text: () => bytes.utf8Slice(from, end), end };
}

function headerOf(head, name) {
	const lower = head.toLowerCase();
	const at = lower.indexOf(`\r\n${name.toLowerCase()}:`);
	if (at < 0) return null;
	const from = at + name.length + 3;
	const end = head.indexOf("\r\n", from);
	return head.slice(from, end < 0 ? undefined : end).trim();
}
