/** Hubs name licences in their own, lower-case words. */
import { FreeholdError } from "@freehold/protocol";

const SPDX_NAMES = [
	...["AFL-3.0", "AGPL-3.0", "Apache-2.0", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "BSL-1.0", "CC0-1.0"],
	...["CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-2.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0"],
	...["CC-BY-ND-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CDLA-Permissive-1.0"],
	...["CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "ECL-2.0", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2", "GFDL-1.1", "GPL-2.0", "GPL-3.0", "ISC"],
	...["LGPL-2.1", "LGPL-3.0", "LPPL-1.3c", "MIT", "MPL-2.0", "MS-PL", "NCSA", "ODbL-1.0", "OFL-1.1", "OSL-3.0", "PDDL-1.0", "PostgreSQL", "Unlicense"],
	...["WTFPL", "Zlib"],
];
const bySmallName = new Map(SPDX_NAMES.map((name) => [name.toLowerCase(), name]));
/** Names of a file that holds a licence's text. */
export const licenceFiles = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "LICENCE.md"] as const;

export interface HubLicence {
	/** SPDX name; undefined where the text itself is the licence. */
	readonly licence?: string;
	readonly licenceText?: string;
}

/**
 * The licence under which a repository's model may be published again. One without an SPDX name is taken with its text. Throws `request.invalid` where the
 * repository says neither: then only its owner knows.
 */
export function licenceOf(repository: string, said: string | undefined, text: string | undefined): HubLicence {
	const spdx = said === undefined ? undefined : bySmallName.get(said.toLowerCase());
	if (spdx !== undefined) return { licence: spdx };
	if (text !== undefined) return { licenceText: text };
	const reason = said === undefined ? "names no licence" : `is under "${said}", whose text it does not hold`;
	throw new FreeholdError("request.invalid", { field: "--licence", reason: `${repository} ${reason}: say --licence or --licence-file` });
}
