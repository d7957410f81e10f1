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
		const request = decodeRequest(one(joined(encodeRequest({ kind: "run", session: "a", tensors }))));
		expect(request.kind === "run" && Object.entries(request.tensors).map(([name, { dtype, shape, bytes }]) => [name, dtype, shape, [...bytes]])).toEqual(
			Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => [name, dtype, shape, [...bytes]]),
		);
		const reply = decodeReply(one(joined(encodeReply({ kind: "outputs", tensors }))));
		expect(reply.kind === "outputs" && Object.keys(reply.tensors)).toEqual(["X", "s"]);
	});

	it.each([
		["no object", 5],
		["an unknown kind", { kind: "shutdown" }],
		["outputs without tensors", { kind: "outputs" }],
		["a tensor longer than its message", { kind: "outputs", tensors: [{ name: "Y", dtype: "uint8", shape: [9], bytes: 9 }] }],
		["a tensor of negative length", { kind: "outputs", tensors: [{ name: "Y", dtype: "uint8", shape: [1], bytes: -1 }] }],
		["bytes that belong to no tensor", { kind: "outputs", tensors: [] }],
		["an error that only others may report", { kind: "error", code: "payment.invalid", detail: {} }],
		["a schema that is none", { kind: "loaded", schema: { inputs: [{ name: "X", dtype: "float7", shape: [] }], outputs: [] } }],
	])("from a process are refused: %s", (_what, header) => {
		expect(() => decodeReply(one(joined(encodeFrame(header as object, [Uint8Array.of(1)]))))).toThrow(FrameError);
	});

	it("with outputs in a spelling of their own are refused", () => {
		const header = { kind: "outputs", tensors: [{ name: "Y", dtype: "bool", shape: [1], bytes: 1 }] };
		expect(() => decodeReply(one(joined(encodeFrame(header, [Uint8Array.of(2)]))))).toThrow("bytes 0 and 1");
	});
});
