/** Everything in an ONNX model that can hold nodes or tensors, visited once: graphs, subgraphs in attributes, functions, training graphs. */
import { fromUtf8 } from "../bytes/bytes.js";
import { type Field, ProtobufError, readFields, readVarints } from "./protobuf.js";

/** What an inspection keeps while it walks. Field numbers are those of onnx.proto, IR version 13. */
export interface Walk {
	readonly bounds: { readonly maxNodes: number; readonly maxDepth: number };
	nodes: number;
	/** `domain:operator` → occurrences. */
	readonly operators: Map<string, number>;
	parameters: bigint;
	/** True once an operator was seen that draws random numbers. */
	random: boolean;
	/** Names of tensors that point outside the file. */
	external: string | undefined;
}

const randomOperators: ReadonlySet<string> = new Set([
	":RandomNormal",
	":RandomNormalLike",
	":RandomUniform",
	":RandomUniformLike",
	":Multinomial",
	":Bernoulli",
	"com.microsoft:BiasDropout",
	"com.microsoft:BitmaskDropout",
	"com.microsoft:BitmaskBiasDropout",
	"com.microsoft:Sampling",
]);

export function newWalk(bounds: Walk["bounds"]): Walk {
	return { bounds, nodes: 0, operators: new Map(), parameters: 0n, random: false, external: undefined };
}

export function text(field: Field): string {
	if (field.wire !== 2) throw new ProtobufError("a text has another type");
	try {
		return fromUtf8(field.bytes);
	} catch {
		throw new ProtobufError("a text is not UTF-8");
	}
}

export function message(field: Field): Uint8Array {
	if (field.wire !== 2) throw new ProtobufError("a message has another type");
	return field.bytes;
}

export function int(field: Field): bigint {
	if (field.wire !== 0) throw new ProtobufError("a number has another type");
	return BigInt.asIntN(64, field.value);
}

/** Nodes and tensors of a GraphProto; returns the names of its initializers. */
export function walkGraph(walk: Walk, graph: Uint8Array, depth = 0): Set<string> {
	if (depth > walk.bounds.maxDepth) throw new ProtobufError(`graphs are nested deeper than ${walk.bounds.maxDepth}`);
	const initializers = new Set<string>();
	for (const field of readFields(graph)) {
		if (field.number === 1) walkNode(walk, message(field), depth);
		else if (field.number === 5) initializers.add(walkTensor(walk, message(field), true));
		else if (field.number === 15) initializers.add(walkSparseTensor(walk, message(field), true));
	}
	return initializers;
}

/** Nodes of a FunctionProto (7), and its attribute defaults (11). */
export function walkFunction(walk: Walk, body: Uint8Array): void {
	for (const field of readFields(body)) {
		if (field.number === 7) walkNode(walk, message(field), 0);
		else if (field.number === 11) walkAttribute(walk, message(field), 0);
	}
}

/** Graphs of a TrainingInfoProto. */
export function walkTraining(walk: Walk, info: Uint8Array): void {
	for (const field of readFields(info)) if (field.number === 1 || field.number === 2) walkGraph(walk, message(field), 1);
}

function walkNode(walk: Walk, node: Uint8Array, depth: number): void {
	walk.nodes++;
	if (walk.nodes > walk.bounds.maxNodes) throw new ProtobufError(`there are more than ${walk.bounds.maxNodes} nodes`);
	let operator = "";
	let domain = "";
	let inputs = 0;
	for (const field of readFields(node)) {
		if (field.number === 1) inputs++;
		else if (field.number === 4) operator = text(field);
		else if (field.number === 7) domain = text(field);
		else if (field.number === 5) walkAttribute(walk, message(field), depth);
	}
	const key = `${domain === "ai.onnx" ? "" : domain}:${operator}`;
	walk.operators.set(key, (walk.operators.get(key) ?? 0) + 1);
	// Dropout passes its input on unless a third input switches it to training.
	if (randomOperators.has(key) || (key === ":Dropout" && inputs > 2)) walk.random = true;
}

function walkAttribute(walk: Walk, attribute: Uint8Array, depth: number): void {
	for (const field of readFields(attribute)) {
		// t and tensors; g and graphs; sparse_tensor and sparse_tensors
		if (field.number === 5 || field.number === 10) walkTensor(walk, message(field), false);
		else if (field.number === 6 || field.number === 11) walkGraph(walk, message(field), depth + 1);
		else if (field.number === 22 || field.number === 23) walkSparseTensor(walk, message(field), false);
	}
}

function walkTensor(walk: Walk, tensor: Uint8Array, parameter: boolean): string {
	let name = "";
	let elements = 1n;
	let outside = false;
	for (const field of readFields(tensor)) {
		if (field.number === 1) {
			for (const length of readVarints(field)) {
				const signed = BigInt.asIntN(64, length);
				if (signed < 0n) throw new ProtobufError("a tensor has a negative dimension");
				elements *= signed;
				if (elements > 1n << 60n) throw new ProtobufError("a tensor has too many elements");
			}
		} else if (field.number === 8) name = text(field);
		else if (field.number === 13) outside = true;
		else if (field.number === 14 && int(field) !== 0n) outside = true;
	}
	if (outside) walk.external ??= name === "" ? "(unnamed)" : name;
	if (parameter) walk.parameters += elements;
	return name;
}

/** A SparseTensorProto is named by its values. */
function walkSparseTensor(walk: Walk, sparse: Uint8Array, parameter: boolean): string {
	let name = "";
	for (const field of readFields(sparse)) {
		if (field.number === 1) name = walkTensor(walk, message(field), parameter);
		else if (field.number === 2) walkTensor(walk, message(field), false);
	}
	return name;
}
