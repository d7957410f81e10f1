import { tensorFromElements } from "@freehold/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, type Frame, FrameError, FrameReader } from "./frame.js";
import { decodeReply, decodeRequest, encodeReply, encodeRequest } from "./message.js";

const deep = process.env["FREEHOLD_DEEP"] === "1";
const joined = (parts: readonly Uint8Array[]) => Buffer.concat(parts);
const one = (bytes: Uint8Array): Frame => {
	const [frame] = new FrameReader(1_000_000).push(bytes);
	if (frame === undefined) throw new Error("no whole frame");
	return frame;
};

describe("frames", () => {
	it("arrive whole, however they were cut", () => {
		fc.assert(
			fc.property(
				fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 6 }),
				fc.array(fc.nat(60), { minLength: 1, maxLength: 40 }),
				(payloads, cuts) => {
					const wire = joined(payloads.flatMap((payload, index) => encodeFrame({ index }, [payload])));
					const reader = new FrameReader(10_000);
					const frames: Frame[] = [];
					let offset = 0;
					for (let turn = 0; offset < wire.length; turn++) {
						const end = Math.min(wire.length, offset + 1 + (cuts[turn % cuts.length] ?? 0));
						frames.push(...reader.push(wire.subarray(offset, end)));
						offset = end;
					}
					expect(frames.map(({ header }) => header)).toEqual(payloads.map((_, index) => ({ index })));
					expect(frames.map(({ payload }) => [...payload])).toEqual(payloads.map((payload) => [...payload]));
				},
			),
		);
	});

	it("are refused before they are read when they are too large", () => {
		const head = Buffer.alloc(4);
		head.writeUInt32LE(1001);
		expect(() => new FrameReader(1000).push(head)).toThrow(FrameError);
	});

	it("give a frame or a refusal for any bytes", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
				try {
					for (const frame of new FrameReader(500).push(bytes)) decodeReply(frame);
				} catch (error) {
					expect(error).toBeInstanceOf(FrameError);
				}
			}),
			{ numRuns: deep ? 50_000 : 200 },
		);
	});
});

describe("messages", () => {
	const tensors = { X: tensorFromElements("float32", [2], [1, 2]), s: tensorFromElements("string", [1], ["für"]) };

	it("carry tensors both ways", () => {
		const { id, message: request } = decodeRequest(one(joined(encodeRequest(7, { kind: "run", session: "a", tensors }))));
		expect(id).toBe(7);
		expect(request.kind === "run" && Object.entries(request.tensors).map(([name, { dtype, shape, bytes }]) => [name, dtype, shape, [...bytes]])).toEqual(
			Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => [name, dtype, shape, [...bytes]]),
		);
		const { message: reply } = decodeReply(one(joined(encodeReply(7, { kind: "outputs", tensors }))));
		expect(reply.kind === "outputs" && Object.keys(reply.tensors)).toEqual(["X", "s"]);
	});

	it("carry requests to language models and what comes of them", () => {
		const request = { task: "embedding", inputs: ["für", "\u2028"] } as const;
		expect(decodeRequest(one(joined(encodeRequest(1, { kind: "write", session: "a", request }))))).toEqual({
			id: 1,
			message: { kind: "write", session: "a", request },
		});
		expect(decodeRequest(one(joined(encodeRequest(0, { kind: "cancel", target: 1 })))).message).toEqual({ kind: "cancel", target: 1 });
		const delta = { choice: 0, text: "ü", outputTokens: 2, finish: "stop" } as const;
		const replies = [
			{ kind: "started", inputTokens: 3 },
			{ kind: "delta", delta },
			{ kind: "wrote", vectors: [Uint8Array.of(0, 0, 128, 63), Uint8Array.of(0, 0, 0, 0)] },
			{ kind: "cancelled" },
			{ kind: "loadedText", abilities: { contextTokens: 8, tasks: ["chat"], tools: true } },
		] as const;
		for (const reply of replies) expect(decodeReply(one(joined(encodeReply(1, reply)))).message).toEqual(reply);
	});

	it.each([
		["no object", 5],
		["an unknown kind", { kind: "shutdown" }],
		["a piece of an answer that is none", { kind: "delta" }],
		["a vector longer than its message", { kind: "wrote", lengths: [4] }],
		["a negative count of tokens", { kind: "started", inputTokens: -1 }],
		["a task that is none", { kind: "loadedText", abilities: { contextTokens: 8, tasks: ["song"], tools: true } }],
		["outputs without tensors", { kind: "outputs" }],
		["a tensor longer than its message", { kind: "outputs", tensors: [{ name: "Y", dtype: "uint8", shape: [9], bytes: 9 }] }],
		["a tensor of negative length", { kind: "outputs", tensors: [{ name: "Y", dtype: "uint8", shape: [1], bytes: -1 }] }],
		["bytes that belong to no tensor", { kind: "outputs", tensors: [] }],
		["an error that only others may report", { kind: "error", code: "payment.invalid", detail: {} }],
		["a schema that is none", { kind: "loaded", schema: { inputs: [{ name: "X", dtype: "float7", shape: [] }], outputs: [] } }],
	])("from a process are refused: %s", (_what, header) => {
		const numbered = typeof header === "object" ? { id: 1, ...header } : header;
		expect(() => decodeReply(one(joined(encodeFrame(numbered as object, [Uint8Array.of(1)]))))).toThrow(FrameError);
		expect(() => decodeReply(one(joined(encodeFrame({ kind: "unloaded" }))))).toThrow(FrameError);
	});

	it("with outputs in a spelling of their own are refused", () => {
		const header = { id: 1, kind: "outputs", tensors: [{ name: "Y", dtype: "bool", shape: [1], bytes: 1 }] };
		expect(() => decodeReply(one(joined(encodeFrame(header, [Uint8Array.of(2)]))))).toThrow("bytes 0 and 1");
	});
});
