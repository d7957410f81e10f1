/** Licence texts that this page has fetched, by release and digest: a signature names a text by its digest alone, and nothing is signed that cannot be shown. */
import { type Hex, licenceTextDigest } from "@freehold/protocol";

export interface ShownLicence {
	/** `namespace/name`, as it was asked for. */
	readonly model: string;
	/** SPDX expression, or `LicenseRef-PATH`. */
	readonly licence: string;
	readonly text: string;
}

const shown = new Map<string, ShownLicence>();

export function keepShown(release: Hex, licence: ShownLicence): void {
	shown.set(`${release} ${licenceTextDigest(licence.text)}`, licence);
}

/** Undefined: not a text that can be shown. */
export function shownLicence(release: unknown, digest: unknown): ShownLicence | undefined {
	return shown.get(`${String(release)} ${String(digest)}`);
}
