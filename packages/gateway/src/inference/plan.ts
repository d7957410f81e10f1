/** From an ask to a plan: the release, the checked question, what it commits to, and the most that the call can cost. No money moves here. */

import { maxCharge } from "@freehold/payments";
import { type EvidenceKind, FreeholdError, type Hex, type Manifest, type Mode, modes, payerCommitment, toHex } from "@freehold/protocol";
import { nativeCrypto } from "@freehold/service";
import type { Catalogue, ServedRelease } from "../catalogue/catalogue.js";
import type { Manifests } from "../catalogue/manifests.js";
import type { Need } from "../nodes/capability.js";
import { withinReach } from "../nodes/choice.js";
import type { OperatorRecord, Question } from "../store/tables.js";

/** What a caller says of a call beside the question. */
export interface CallTerms {
	readonly model?: string;
	readonly release?: Hex;
	readonly mode: Mode;
	/** Sorted, without repetition. */
	readonly require: readonly EvidenceKind[];
	readonly maxCharge?: bigint;
	/** Undefined: the gateway draws it. */
	readonly salt?: Hex;
}

/** A question that its model can be asked, with the bounds of what it counts. */
export interface Measured {
	readonly question: Question;
	/** Exact, or an upper bound where `exact` is false. */
	readonly inputUnits: bigint;
	/** Upper bound. */
	readonly maxOutputUnits: bigint;
	/** Least bound that a caller's maximum may bring `maxOutputUnits` down to; undefined: the bound stands. */
	readonly shrinkable?: true;
	readonly exact: boolean;
	/** Beginning of a conversation: calls that share it do well at one node. */
	readonly beginning?: string;
	/** What the order's `request` holds. */
	readonly commit: (release: Hex, salt: Hex) => Hex;
}

export interface CallPlan {
	readonly mode: Mode;
	readonly require: readonly EvidenceKind[];
	readonly release: ServedRelease;
	readonly manifest: Manifest;
	readonly question: Question;
	readonly salt: Hex;
	readonly inputUnits: bigint;
	/** Upper bound of what the outputs can count. */
	readonly maxOutputUnits: bigint;
	readonly gatewayFee: bigint;
	/** Nodes that could run it, the one to ask first in front. */
	readonly nodes: readonly OperatorRecord[];
	/** The most that the call costs at the first node: no payment below it will do. */
	readonly amount: bigint;
	/** What the payer is asked to allow: enough for the next nodes too, should the first one die. */
	readonly asked: bigint;
	/** True when the charge is certain before the run. */
	readonly known: boolean;
	/** keccak256(salt ‖ canonical text of the request). */
	readonly request: Hex;
}

export interface PlanModules {
	readonly catalogue: Catalogue;
	readonly manifests: Manifests;
	readonly gatewayFee: bigint;
	readonly rankedNodes: (need: Need, beginning?: string) => readonly OperatorRecord[];
	readonly random: (length: number) => Uint8Array;
	/** Unix milliseconds. */
	readonly now: () => number;
}

/** Evidence that stands in every answer. */
const GIVEN = "signed";

/**
 * `measure` reads the question against the release's manifest. `offered`: what the caller's payment allows, where there is one, else what the ask does; nodes
 * that it pays for come before dearer ones.
 * Throws `model.notFound`, `model.retired`, `engine.unsupported`, `require.unavailable`, `node.unavailable`, and what `measure` throws.
 */
export async function planCall(terms: CallTerms, measure: (manifest: Manifest) => Measured, modules: PlanModules, offered?: bigint): Promise<CallPlan> {
	const { mode, require } = terms;
	const release = modules.catalogue.resolve(terms, Math.floor(modules.now() / 1000));
	if ((release.record.modes & (1 << modes[mode])) === 0)
		throw new FreeholdError("engine.unsupported", { mode, reason: `its owner does not offer ${release.name} in it` });
	const missing = require.find((kind) => kind !== GIVEN);
	if (missing !== undefined) throw new FreeholdError("require.unavailable", { kind: missing });
	const manifest = await modules.manifests.get(release.record.manifest);
	const measured = measure(manifest);
	const { question, inputUnits } = measured;
	const { gatewayFee } = modules;
	const ranked = modules.rankedNodes({ format: release.record.format, mode }, measured.beginning);
	const costAt = (node: OperatorRecord, maxOutputUnits: bigint): bigint =>
		maxCharge(release.price, { inputUnits, maxOutputUnits }, { nodeFee: node.nodeFee, gatewayFee });
	const most = offered ?? terms.maxCharge;
	const paidFor = most === undefined ? [] : ranked.filter((node) => costAt(node, 0n) <= most);
	const nodes = paidFor.length > 0 ? paidFor : ranked;
	const first = nodes[0];
	if (first === undefined) throw new FreeholdError("node.unavailable", { release: release.name });
	const maxOutputUnits = affordable(measured, release.price.perOutputUnit, costAt(first, 0n), terms.maxCharge);
	const amount = costAt(first, maxOutputUnits);
	if (terms.maxCharge !== undefined && amount > terms.maxCharge)
		throw new FreeholdError("payment.insufficient", { given: terms.maxCharge, needed: amount, field: "maxCharge" });
	const salt = terms.salt ?? toHex(modules.random(32));
	const asked = withinReach(nodes, (node) => costAt(node, maxOutputUnits)).reduce((highest, node) => {
		const cost = costAt(node, maxOutputUnits);
		return cost > highest && (terms.maxCharge === undefined || cost <= terms.maxCharge) ? cost : highest;
	}, amount);
	return {
		mode,
		require,
		release,
		manifest,
		question,
		salt,
		inputUnits,
		maxOutputUnits,
		gatewayFee,
		nodes,
		amount,
		asked,
		known: (measured.exact || release.price.perInputUnit === 0n) && (release.price.perOutputUnit === 0n || maxOutputUnits === 0n),
		request: measured.commit(release.record.release, salt),
	};
}

/** Where only the run shows how long the answer is, the caller's maximum says how long it may be. */
function affordable({ maxOutputUnits, shrinkable }: Measured, perOutputUnit: bigint, fixed: bigint, allowed: bigint | undefined): bigint {
	if (perOutputUnit === 0n || allowed === undefined || shrinkable === undefined || allowed < fixed) return maxOutputUnits;
	const units = (allowed - fixed) / perOutputUnit;
	return units < maxOutputUnits ? units : maxOutputUnits;
}

export function payerOf(payer: Hex, salt: Hex): Hex {
	return payerCommitment(payer, salt, nativeCrypto);
}
