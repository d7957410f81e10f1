/** The body of `POST /v1/inference`, read into exact types before anything is priced. */
import { type EvidenceKind, evidenceKinds, FreeholdError, isHex, type Mode, modes } from "@freehold/protocol";
import type { CallTerms } from "./plan.js";

export interface Ask extends CallTerms {
	/** Checked against the release's schema later. */
	readonly inputs: unknown;
}

const termFields = ["model", "release", "mode", "require", "maxCharge", "salt"] as const;

/** Throws `request.invalid` naming the field. */
export function readAsk(body: unknown): Ask {
	const source = readFields(body, ["inputs"]);
	const { inputs } = source;
	const terms = readTerms(source);
	if (inputs === undefined) throw invalid("inputs", "must be an object of tensors by name");
	return { ...terms, inputs };
}

/** The members of a request: the terms of a call, and `own`. */
export function readFields(body: unknown, own: readonly string[]): Readonly<Record<string, unknown>> {
	if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("body", "must be a JSON object");
	const known: readonly string[] = [...termFields, ...own];
	const stranger = Object.keys(body).find((key) => !known.includes(key));
	if (stranger !== undefined) throw invalid(stranger.slice(0, 100), "is not a field of this request");
	return body as Readonly<Record<string, unknown>>;
}

export function readTerms({ model, release, mode = "fast", require = [], maxCharge, salt }: Readonly<Record<string, unknown>>): CallTerms {
	if ((model === undefined) === (release === undefined)) throw invalid("model", "give either a model's name or a release's id");
	if (model !== undefined && (typeof model !== "string" || model.length > 200)) throw invalid("model", "must be namespace/name or namespace/name@major.minor");
	if (release !== undefined && !isHex(release, 32)) throw invalid("release", "must be 32 bytes of lower-case 0x hex");
	if (typeof mode !== "string" || !Object.hasOwn(modes, mode)) throw invalid("mode", `must be one of ${Object.keys(modes).join(", ")}`);
	if (salt !== undefined && !isHex(salt, 32)) throw invalid("salt", "must be 32 bytes of lower-case 0x hex");
	if (maxCharge !== undefined && (typeof maxCharge !== "string" || !/^(0|[1-9][0-9]{0,38})$/.test(maxCharge)))
		throw invalid("maxCharge", "must be a decimal string of the smallest unit");
	return {
		...(model === undefined ? {} : { model }),
		...(release === undefined ? {} : { release }),
		mode: mode as Mode,
		require: readKinds(require),
		...(maxCharge === undefined ? {} : { maxCharge: BigInt(maxCharge) }),
		...(salt === undefined ? {} : { salt }),
	};
}

function readKinds(value: unknown): readonly EvidenceKind[] {
	if (!Array.isArray(value) || value.length > evidenceKinds.length) throw invalid("require", "must be a list of kinds of evidence");
	const kinds = new Set<EvidenceKind>();
	for (const item of value as readonly unknown[]) {
		const kind = evidenceKinds.find((candidate) => candidate === item);
		if (kind === undefined) throw invalid("require", `${JSON.stringify(item)?.slice(0, 50)} is none of ${evidenceKinds.join(", ")}`);
		kinds.add(kind);
	}
	return [...kinds].sort();
}

function invalid(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
