/** The acceptance of a licence that a client sends with its call. It is kept with the call; clients that send none are served all the same. */
import { FreeholdError, type Hex, isAcceptedBy, licenceHeader, parseLicenceHeader } from "@freehold/protocol";
import { type HttpRequest, nativeCrypto } from "@freehold/service";

export interface SignedLicence {
	readonly text: Hex;
	readonly signature: Hex;
}

/** Undefined when the request says nothing. Throws `request.invalid` for an acceptance that the payer did not sign. */
export function acceptedLicence(request: HttpRequest, release: Hex, payer: Hex, chainId: number): SignedLicence | undefined {
	const value = request.headers[licenceHeader];
	if (value === undefined) return undefined;
	const accepted = typeof value === "string" ? parseLicenceHeader(value) : undefined;
	if (accepted === undefined) throw refuse("must be the digest of the text and a signature, with a dot between them");
	if (!isAcceptedBy({ release, text: accepted.text, payer }, accepted.signature, chainId, nativeCrypto))
		throw refuse("is not signed by the payer of this call");
	return accepted;
}

function refuse(reason: string): FreeholdError {
	return new FreeholdError("request.invalid", { field: licenceHeader, reason });
}
