/** An engine's end of an ABCI socket. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FrameReader, frame } from "../src/abci/frames.js";
import { RequestSchema, type Response, ResponseSchema } from "../src/generated/abci_pb.js";

type RequestInit = NonNullable<MessageInitShape<typeof RequestSchema>["value"]>;

export interface AbciClient {
	readonly socket: Socket;
	/** Answers come in the order of the questions. Rejects when the connection is closed. */
	readonly ask: (value: RequestInit) => Promise<Response["value"]>;
	readonly askBytes: (message: Uint8Array) => Promise<Uint8Array>;
}

export async function abciClient(path: string): Promise<AbciClient> {
	const socket = connect(path);
	await once(socket, "connect");
	const frames = new FrameReader();
	const waiting: { readonly resolve: (bytes: Uint8Array) => void; readonly reject: (error: Error) => void }[] = [];
	socket.on("error", () => undefined);
	socket.on("data", (chunk: Buffer) => {
		frames.push(chunk);
		for (let message = frames.next(); message !== undefined; message = frames.next()) waiting.shift()?.resolve(message);
	});
	socket.on("close", () => {
		for (const { reject } of waiting.splice(0)) reject(new Error("the connection was closed"));
	});
	const askBytes = (message: Uint8Array): Promise<Uint8Array> =>
		new Promise((resolve, reject) => {
			if (socket.destroyed) {
				reject(new Error("the connection was closed"));
				return;
			}
			waiting.push({ resolve, reject });
			socket.write(frame(message));
		});
	return {
		socket,
		askBytes,
		ask: async (value) => fromBinary(ResponseSchema, await askBytes(toBinary(RequestSchema, create(RequestSchema, { value })))).value,
	};
}
