/** From an ask to a plan: the release, its checked inputs, what they commit to, and the most that the call can cost. No money moves here. */

import { isKnownInAdvance, maxCharge } from "@freehold/payments";
import {
	commit,
	commitTensors,
	elementCount,
	FreeholdError,
	type Hex,
	limits,
	type Manifest,
	modes,
	parseInputs,
	payerCommitment,
	type TensorSpec,
	type Tensors,
	toHex,
} from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import type { Catalogue, ServedRelease } from "../catalogue/catalogue.js";
import type { Manifests } from "../catalogue/manifests.js";
import type { Need } from "../nodes/capability.js";
import type { OperatorRecord } from "../store/tables.js";
import type { Ask } from "./ask.js";

export interface CallPlan {
	readonly ask: Ask;
	readonly release: ServedRelease;
	readonly inputs: Tensors;
	readonly salt: Hex;
	readonly inputUnits: bigint;
	/** Upper bound of what the outputs can count. */
	readonly maxOutputUnits: bigint;
	readonly gatewayFee: bigint;
	/** Nodes that could run it, the one to ask first in front. */
	readonly nodes: readonly OperatorRecord[];
	/** The most that the call costs at the first node. */
	readonly amount: bigint;
	/** True when the charge is certain before the run. */
	readonly known: boolean;
	/** keccak256(salt ‖ canonical text of the request). */
	readonly request: Hex;
}

export interface PlanModules {
	readonly catalogue: Catalogue;
	readonly manifests: Manifests;
	readonly gatewayFee: bigint;
	readonly rankedNodes: (need: Need) => readonly OperatorRecord[];
	readonly random: (length: number) => Uint8Array;
	/** Unix milliseconds. */
	readonly now: () => number;
}

/** Evidence that stands in every answer. */
const GIVEN = "signed";

/**
 * `offered`: what the caller's payment allows, where there is one, else what the ask does; nodes that it pays for come before dearer ones.
 * Throws `model.notFound`, `model.retired`, `engine.inputInvalid`, `engine.unsupported`, `require.unavailable`, `node.unavailable`.
 */
export async function planCall(ask: Ask, modules: PlanModules, offered?: bigint): Promise<CallPlan> {
	const release = modules.catalogue.resolve(ask, Math.floor(modules.now() / 1000));
	if ((release.record.modes & (1 << modes[ask.mode])) === 0)
		throw new FreeholdError("engine.unsupported", { mode: ask.mode, reason: `its owner does not offer ${release.name} in it` });
	const missing = ask.require.find((kind) => kind !== GIVEN);
	if (missing !== undefined) throw new FreeholdError("require.unavailable", { kind: missing });
	const manifest = await modules.manifests.get(release.record.manifest);
	const inputs = parseInputs(ask.inputs, manifest.inputs);
	const ranked = modules.rankedNodes({ format: release.record.format, mode: ask.mode });
	const salt = ask.salt ?? toHex(modules.random(32));
	const inputUnits = unitsOf(inputs);
	const { gatewayFee } = modules;
	const costAt = (node: OperatorRecord, maxOutputUnits: bigint): bigint =>
		maxCharge(release.price, { inputUnits, maxOutputUnits }, { nodeFee: node.nodeFee, gatewayFee });
	const most = offered ?? ask.maxCharge;
	const paidFor = most === undefined ? [] : ranked.filter((node) => costAt(node, 0n) <= most);
	const nodes = paidFor.length > 0 ? paidFor : ranked;
	const first = nodes[0];
	if (first === undefined) throw new FreeholdError("node.unavailable", { release: release.name });
	const fixed = costAt(first, 0n);
	const maxOutputUnits = affordable(boundOutputs(manifest, inputs), release.price.perOutputUnit, fixed, ask.maxCharge);
	const amount = costAt(first, maxOutputUnits);
	if (ask.maxCharge !== undefined && amount > ask.maxCharge)
		throw new FreeholdError("payment.insufficient", { given: ask.maxCharge, needed: amount, field: "maxCharge" });
	return {
		ask,
		release,
		inputs,
		salt,
		inputUnits,
		maxOutputUnits,
		gatewayFee,
		nodes,
		amount,
		known: isKnownInAdvance(release.price, { inputUnits, maxOutputUnits }),
		request: requestCommitment(release.record.release, ask, inputs, salt),
	};
}

/** Where only the run shows how long the answer is, the caller's maximum says how long it may be. */
function affordable(bound: bigint, perOutputUnit: bigint, fixed: bigint, allowed: bigint | undefined): bigint {
	if (perOutputUnit === 0n || allowed === undefined || bound < BigInt(limits.tensorElements) || allowed < fixed) return bound;
	const units = (allowed - fixed) / perOutputUnit;
	return units < bound ? units : bound;
}

/** What the order's `request` holds. */
export function requestCommitment(release: Hex, ask: Pick<Ask, "mode" | "require">, inputs: Tensors, salt: Hex): Hex {
	const text = { kind: "inference", version: 1, release, mode: ask.mode, require: ask.require, inputs: commitTensors(inputs, nativeCrypto) } as const;
	return commit(text, salt, nativeCrypto);
}

export function payerOf(payer: Hex, salt: Hex): Hex {
	return payerCommitment(payer, salt, nativeCrypto);
}

/** Units of tensors: their elements. */
export function unitsOf(tensors: Tensors): bigint {
	let units = 0;
	for (const tensor of Object.values(tensors)) units += elementCount(tensor.shape);
	return BigInt(units);
}

/** The most elements that the outputs can have: exact where every length is fixed or equals one of an input. */
export function boundOutputs(manifest: Pick<Manifest, "inputs" | "outputs">, inputs: Tensors): bigint {
	const lengths = symbolLengths(manifest.inputs, inputs);
	let units = 0;
	for (const { shape } of manifest.outputs) {
		let count = 1;
		for (const dimension of shape ?? [null]) {
			const length = typeof dimension === "string" ? lengths.get(dimension) : dimension;
			if (length === undefined || length === null) return BigInt(limits.tensorElements);
			count *= length;
		}
		units += count;
	}
	return BigInt(Math.min(units, limits.tensorElements));
}

function symbolLengths(specs: readonly TensorSpec[], inputs: Tensors): ReadonlyMap<string, number> {
	const lengths = new Map<string, number>();
	for (const { name, shape } of specs) {
		shape?.forEach((dimension, axis) => {
			const length = inputs[name]?.shape[axis];
			if (typeof dimension === "string" && length !== undefined) lengths.set(dimension, length);
		});
	}
	return lengths;
}
