/** The licence of a release: its text, and the payer's signature under it. */
import {
	contractAddresses,
	FreeholdError,
	fromUtf8,
	type Hex,
	isAcceptedBy,
	licenceHeader,
	licencePath,
	licenceTextDigest,
	licenceTypes,
	limits,
	spdxText,
} from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { servedRelease } from "../models/acts.js";
import { readBlob, readManifest } from "../models/blobs.js";

export interface Licence {
	readonly release: Hex;
	/** SPDX expression, or `LicenseRef-PATH`. */
	readonly licence: string;
	/** What is accepted: a file of the release, or the names of public texts. */
	readonly text: string;
	/** SHA-256 of the text. */
	readonly digest: Hex;
}

/** Kept by whoever accepted, and sent along with calls. */
export interface AcceptedLicence {
	readonly release: Hex;
	readonly licence: string;
	/** SHA-256 of the text. */
	readonly text: Hex;
	readonly payer: Hex;
	readonly signature: Hex;
}

/**
 * Text of a release's licence. Throws `licence.missing` when it names a file that the release does not have.
 *
 * @example
 * const { licence, text } = await freehold.licences.show("ada/digits");
 */
export async function showLicence(client: Client, model: string, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Licence> {
	const release = await servedRelease(client, model, signal);
	const { manifest } = await readManifest(client, release, signal);
	const { licence } = manifest;
	const path = licencePath(licence);
	if (path === undefined) return withDigest(client, release, licence, spdxText(licence));
	const file = manifest.files.find((candidate) => candidate.path === path);
	if (file === undefined) throw new FreeholdError("licence.missing", { model, licence });
	return withDigest(client, release, licence, fromUtf8(await readBlob(client, file.sha256, limits.cardBytes, signal)));
}

function withDigest(client: Client, release: Hex, licence: string, text: string): Licence {
	return { release, licence, text, digest: licenceTextDigest(text, client.crypto) };
}

/**
 * Signs that the account accepts a licence, after its text was shown. Pass it on with each call: `infer(model, { licence })`.
 *
 * @example
 * const accepted = await freehold.licences.accept(await freehold.licences.show("ada/digits"));
 */
export async function acceptLicence(client: Client, { release, licence, digest }: Licence): Promise<AcceptedLicence> {
	const account = client.account();
	const payer = account.address.toLowerCase() as Hex;
	const signature = await account.signTypedData({
		domain: { name: "Freehold", version: "1", chainId: client.network.chainId, verifyingContract: contractAddresses.UsageLedger },
		types: licenceTypes,
		primaryType: "LicenceAcceptance",
		message: { release, text: digest, payer },
	});
	if (!isAcceptedBy({ release, text: digest, payer }, signature, client.network.chainId, client.crypto))
		throw new FreeholdError("request.invalid", { field: "account", reason: "signs with another key than its address says" });
	return { release, licence, text: digest, payer, signature };
}

/** How an acceptance goes along with a call. */
export function licenceHeaders(accepted: Pick<AcceptedLicence, "text" | "signature"> | undefined): Readonly<Record<string, string>> {
	return accepted === undefined ? {} : { [licenceHeader]: `${accepted.text}.${accepted.signature}` };
}
