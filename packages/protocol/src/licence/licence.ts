/**
 * Accepting a licence: the payer signs which text of which release they accept, so that both sides can show it later. The text is a file of the release where the
 * licence is `LicenseRef-PATH`, else the line that names the SPDX expression and where its text stands.
 */
import { fromHex, type Hex, toHex, utf8 } from "../bytes/bytes.js";
import { encodeWords } from "../codec/words.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";
import type { Manifest } from "../manifest/manifest.js";
import { typedDigest } from "../receipt/types.js";

export interface LicenceAcceptance {
	readonly release: Hex;
	/** SHA-256 of the text that was shown. */
	readonly text: Hex;
	readonly payer: Hex;
}

/** The EIP-712 type, as wallets are given it; the domain is that of orders and receipts. */
export const licenceTypes = {
	LicenceAcceptance: [
		{ name: "release", type: "bytes32" },
		{ name: "text", type: "bytes32" },
		{ name: "payer", type: "address" },
	],
} as const;

/** Header of every paid route in which a client hands its acceptance over: `text` and `signature`, separated by a dot. */
export const licenceHeader = "licence-acceptance";

const REF = "LicenseRef-";
const SPDX_ID = /[A-Za-z0-9][A-Za-z0-9.+-]*/g;
const SPDX_WORDS = new Set(["AND", "OR", "WITH"]);

/** Path of the manifest's file that is the licence's text; undefined for an SPDX expression. */
export function licencePath(licence: string): string | undefined {
	return licence.startsWith(REF) ? licence.slice(REF.length) : undefined;
}

/** What is shown and accepted for an SPDX expression: its texts are public, and named by their identifiers for good. */
export function spdxText(licence: string): string {
	const ids = [...new Set(licence.match(SPDX_ID) ?? [])].filter((id) => !SPDX_WORDS.has(id));
	return `SPDX-License-Identifier: ${licence}\n${ids.map((id) => `https://spdx.org/licenses/${id}.html\n`).join("")}`;
}

export function licenceTextDigest(text: string, hashes: Hashes = defaultHashes): Hex {
	return toHex(hashes.sha256(utf8(text)));
}

/** SHA-256 of the text that is accepted for a release; undefined when it names a file that the release does not have. */
export function licenceDigestOf({ licence, files }: Pick<Manifest, "licence" | "files">, hashes: Hashes = defaultHashes): Hex | undefined {
	const path = licencePath(licence);
	return path === undefined ? licenceTextDigest(spdxText(licence), hashes) : files.find((file) => file.path === path)?.sha256;
}

/** Whether gateways refuse calls of a payer who has not accepted: for texts of the owner's own. Public licences bind without a signature. */
export function demandsAcceptance(licence: string): boolean {
	return licencePath(licence) !== undefined;
}

/** EIP-712 digest that the payer signs. */
export function licenceDigest({ release, text, payer }: LicenceAcceptance, chainId: number, hashes: Hashes = defaultHashes): Hex {
	const type = hashes.keccak256(utf8("LicenceAcceptance(bytes32 release,bytes32 text,address payer)"));
	return typedDigest(chainId, encodeWords([toHex(type), release, text, payer]), hashes);
}

/** Acceptance of a header's value; undefined when it is none. */
export function parseLicenceHeader(value: string): { readonly text: Hex; readonly signature: Hex } | undefined {
	const found = /^(0x[0-9a-f]{64})\.(0x[0-9a-f]{130})$/.exec(value);
	return found === null ? undefined : { text: found[1] as Hex, signature: found[2] as Hex };
}

/** Whether the payer signed the acceptance. */
export function isAcceptedBy(
	acceptance: LicenceAcceptance,
	signature: Hex,
	chainId: number,
	crypto: Hashes & { readonly recover: (digest: Uint8Array, signature: Uint8Array) => Uint8Array | undefined },
): boolean {
	const signer = crypto.recover(fromHex(licenceDigest(acceptance, chainId, crypto)), fromHex(signature));
	return signer !== undefined && toHex(signer) === acceptance.payer;
}
