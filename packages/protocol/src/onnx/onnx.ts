/** Looking into an ONNX file without running it: what it takes and gives, what it is made of, and whether it is safe to hand to an engine. */
import { FreeholdError } from "../errors/freehold-error.js";
import { limits } from "../limits.js";
import type { TensorSchema, TensorSpec } from "../tensor/tensor.js";
import { ProtobufError, readFields } from "./protobuf.js";
import { readValueInfo, type ValueInfo } from "./value-info.js";
import { int, message, newWalk, text, walkFunction, walkGraph, walkTraining } from "./walk.js";

export interface OnnxOperator {
	/** Empty for the standard operators. */
	readonly domain: string;
	readonly name: string;
	readonly count: number;
}

export interface OnnxModel extends TensorSchema {
	readonly irVersion: number;
	readonly producer: { readonly name: string; readonly version: string };
	readonly graphName: string;
	/** Version of each operator set, the standard one under "". */
	readonly opsets: readonly { readonly domain: string; readonly version: number }[];
	/** Outputs that are no tensors (a sequence of maps, say): they exist, but no call returns them. */
	readonly skippedOutputs: readonly { readonly name: string; readonly kind: string }[];
	/** Sorted by domain and name; those inside subgraphs and functions are counted too. */
	readonly operators: readonly OnnxOperator[];
	readonly nodes: number;
	/** Elements of all initializers. */
	readonly parameters: bigint;
	readonly sizeBytes: number;
	/** True when an operator draws random numbers, so that two runs may differ. */
	readonly random: boolean;
}

export interface OnnxLimits {
	readonly maxBytes: number;
	readonly maxNodes: number;
	readonly maxDepth: number;
	/** Inputs, and outputs, of the model. */
	readonly maxValues: number;
	readonly maxRank: number;
	readonly maxNameBytes: number;
}

/** 2 GiB is where protocol buffers themselves end. */
export const onnxLimits: OnnxLimits = {
	maxBytes: 2 ** 31 - 1,
	maxNodes: 250_000,
	maxDepth: 16,
	maxValues: limits.tensorsPerCall,
	maxRank: limits.tensorRank,
	maxNameBytes: 512,
};

/** File identifier of ONNX Runtime's own format, which an engine would load instead of the message around it. */
const ORT_IDENTIFIER = "ORTM";

/** Throws `engine.modelInvalid` with the reason when the bytes are no ONNX model that we would run. */
export function inspectOnnx(bytes: Uint8Array, bounds: OnnxLimits = onnxLimits): OnnxModel {
	if (bytes.length > bounds.maxBytes) throw refused(`it is larger than ${bounds.maxBytes} bytes`);
	if (String.fromCharCode(...bytes.subarray(4, 8)) === ORT_IDENTIFIER) throw refused("it is in ONNX Runtime's own format; export it as ONNX");
	try {
		return readModel(bytes, bounds);
	} catch (error) {
		if (error instanceof ProtobufError) throw refused(`it is not a well-formed ONNX file (${error.message})`);
		throw error;
	}
}

/** True when the bytes parse as an ONNX model, safe or not. Never throws. */
export function isOnnx(bytes: Uint8Array): boolean {
	try {
		let graph = false;
		let versioned = false;
		for (const field of readFields(bytes)) {
			if (field.number === 1 && field.wire === 0) versioned = true;
			else if (field.number === 7 && field.wire === 2) graph = true;
			else if (field.number > 25) return false;
		}
		return graph && versioned;
	} catch {
		return false;
	}
}

function readModel(bytes: Uint8Array, bounds: OnnxLimits): OnnxModel {
	const walk = newWalk(bounds);
	const opsets = new Map<string, number>();
	let irVersion = 0n;
	let producerName = "";
	let producerVersion = "";
	let graph: Uint8Array | undefined;
	for (const field of readFields(bytes)) {
		switch (field.number) {
			case 1:
				irVersion = int(field);
				break;
			case 2:
				producerName = text(field);
				break;
			case 3:
				producerVersion = text(field);
				break;
			case 7:
				// A parser that merges the two would see another graph than one that takes the last.
				if (graph !== undefined) throw new ProtobufError("it has two graphs");
				graph = message(field);
				break;
			case 8: {
				const { domain, version } = readOpset(message(field));
				opsets.set(domain, version);
				break;
			}
			case 20:
				walkTraining(walk, message(field));
				break;
			case 25:
				walkFunction(walk, message(field));
				break;
		}
	}
	if (irVersion < 1n || irVersion > 0xffffn) throw refused("it is not an ONNX file (no IR version)");
	if (graph === undefined) throw refused("it has no graph");
	const parameterNames = walkGraph(walk, graph);
	if (walk.external !== undefined) throw refused(`tensor ${walk.external} lies in another file; save the model as one file`);
	const values = readValues(graph, parameterNames, bounds);
	return {
		irVersion: Number(irVersion),
		producer: { name: producerName, version: producerVersion },
		graphName: values.graphName,
		opsets: [...opsets].map(([domain, version]) => ({ domain, version })).sort((a, b) => (a.domain < b.domain ? -1 : 1)),
		inputs: values.inputs,
		outputs: values.outputs,
		skippedOutputs: values.skippedOutputs,
		operators: listOperators(walk.operators),
		nodes: walk.nodes,
		parameters: walk.parameters,
		sizeBytes: bytes.length,
		random: walk.random,
	};
}

function readOpset(bytes: Uint8Array): { domain: string; version: number } {
	let domain = "";
	let version = 0n;
	for (const field of readFields(bytes)) {
		if (field.number === 1) domain = text(field);
		else if (field.number === 2) version = int(field);
	}
	return { domain: domain === "ai.onnx" ? "" : domain, version: Number(version) };
}

function readValues(graph: Uint8Array, parameterNames: ReadonlySet<string>, bounds: OnnxLimits) {
	const inputs: TensorSpec[] = [];
	const outputs: TensorSpec[] = [];
	const skippedOutputs: { name: string; kind: string }[] = [];
	let graphName = "";
	for (const field of readFields(graph)) {
		if (field.number === 2) graphName = text(field);
		else if (field.number === 11) {
			const value = readNamed(message(field), bounds);
			// Before IR version 4, parameters are listed among the inputs; a caller does not give those.
			if (parameterNames.has(value.name)) continue;
			if (value.dtype === undefined) throw refused(`input ${value.name} is a ${value.kind}; only tensors can be sent`);
			inputs.push({ name: value.name, dtype: value.dtype, shape: value.shape });
		} else if (field.number === 12) {
			const value = readNamed(message(field), bounds);
			if (value.dtype === undefined) skippedOutputs.push({ name: value.name, kind: value.kind });
			else outputs.push({ name: value.name, dtype: value.dtype, shape: value.shape });
		}
		if (inputs.length > bounds.maxValues || outputs.length + skippedOutputs.length > bounds.maxValues) {
			throw refused(`it has more than ${bounds.maxValues} inputs or outputs`);
		}
	}
	requireUnique(inputs);
	requireUnique([...outputs, ...skippedOutputs]);
	if (outputs.length === 0) throw refused("it has no output that is a tensor");
	return { graphName, inputs, outputs, skippedOutputs };
}

function readNamed(bytes: Uint8Array, bounds: OnnxLimits): ValueInfo {
	const value = readValueInfo(bytes, bounds.maxRank);
	if (value.name.length > bounds.maxNameBytes) throw refused(`an input or output has a name of more than ${bounds.maxNameBytes} characters`);
	return value;
}

function requireUnique(values: readonly { readonly name: string }[]): void {
	const seen = new Set<string>();
	for (const { name } of values) {
		if (seen.has(name)) throw refused(`two values are named ${name}`);
		seen.add(name);
	}
}

function listOperators(counts: ReadonlyMap<string, number>): OnnxOperator[] {
	return [...counts]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([key, count]) => {
			const split = key.lastIndexOf(":");
			return { domain: key.slice(0, split), name: key.slice(split + 1), count };
		});
}

function refused(reason: string): FreeholdError {
	return new FreeholdError("engine.modelInvalid", { reason });
}
