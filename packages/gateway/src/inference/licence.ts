/**
 * The licence of a call: a model whose owner wrote one is run only for a payer who accepted its text. The acceptance comes with the call, or is kept with the
 * API key that pays; it is written down with the call, for both sides to show later.
 */
import {
	demandsAcceptance,
	FreeholdError,
	type Hex,
	isAcceptedBy,
	type LicenceAcceptance,
	licenceDigestOf,
	licenceHeader,
	type Manifest,
	parseLicenceHeader,
} from "@freehold/protocol";
import { type HttpRequest, nativeCrypto } from "@freehold/service";
import type { KeyRecord, SignedLicence } from "../store/tables.js";
import type { CallPlan } from "./plan.js";

/** What stands for the call's licence, and whether its signer is still to be compared with the payer. */
export interface CallLicence {
	readonly accepted: SignedLicence | undefined;
	/** Throws `request.invalid` for an acceptance that the payer did not sign. */
	readonly check: (payer: Hex) => void;
}

/**
 * What the request says, or the key that pays for it. Throws `licence.required` where nothing is said and something has to be, and `request.invalid` for an
 * acceptance that is none; before any money moves.
 */
export function licenceOf(
	{ headers }: Pick<HttpRequest, "headers">,
	{ release, manifest }: Pick<CallPlan, "release" | "manifest">,
	chainId: number,
	key?: KeyRecord,
): CallLicence {
	const value = headers[licenceHeader];
	const { record, name } = release;
	if (value === undefined) {
		// Checked when it was put there.
		const kept = key?.licences?.[record.release];
		if (kept === undefined && demandsAcceptance(manifest.licence)) throw required(name, manifest.licence, key);
		return { accepted: kept, check: () => undefined };
	}
	const accepted = typeof value === "string" ? parseLicenceHeader(value) : undefined;
	if (accepted === undefined) throw refuse(licenceHeader, "must be the digest of the text and a signature, with a dot between them");
	checkText(accepted.text, manifest, licenceHeader);
	return { accepted, check: (payer) => checkAcceptance({ release: record.release, payer, ...accepted }, manifest, chainId, licenceHeader) };
}

/** Throws `request.invalid` for another text than the release's, and for a signature that is not the payer's. */
export function checkAcceptance(
	{ signature, ...acceptance }: LicenceAcceptance & { readonly signature: Hex },
	manifest: Manifest,
	chainId: number,
	field: string,
): void {
	checkText(acceptance.text, manifest, field);
	if (!isAcceptedBy(acceptance, signature, chainId, nativeCrypto)) throw refuse(field, "is not signed by whoever pays");
}

function checkText(text: Hex, manifest: Manifest, field: string): void {
	if (text !== licenceDigestOf(manifest, nativeCrypto)) throw refuse(field, `is for another text than the licence of ${manifest.release}`);
}

function required(model: string, licence: string, key: KeyRecord | undefined): FreeholdError {
	const bare = model.replace(/@.*$/, "");
	const remedy =
		key === undefined
			? `Read and accept it with: freehold model licence ${bare} --accept (in the SDK: licences.accept). It goes along in the header ${licenceHeader}.`
			: `The key's owner reads and accepts it with: freehold key accept ${key.id} ${bare}`;
	return new FreeholdError("licence.required", { model, licence, payer: key === undefined ? "the payer" : key.owner, remedy });
}

function refuse(field: string, reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field, reason });
}
