/** Names of models and ids of releases: `<namespace>/<name>[@major.minor]` (specification of the surface, §3). */
import { fromHex, type Hex, toHex, utf8 } from "../bytes/bytes.js";
import { encodeWords } from "../codec/words.js";
import { defaultHashes, type Hashes } from "../crypto/crypto.js";

const PART = /^[a-z0-9][a-z0-9-]{0,62}$/;
const VERSION = /^(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})$/;

export interface ReleaseVersion {
	readonly major: number;
	readonly minor: number;
}

export interface ModelName {
	readonly namespace: string;
	readonly name: string;
	/** Undefined: the newest release that is not retired. */
	readonly version: ReleaseVersion | undefined;
}

/** True for a namespace, or the part of a model's name after the slash. */
export function isNamePart(text: string): boolean {
	return PART.test(text);
}

/** Parts of a model's name; undefined when it is not one. */
export function parseModelName(text: string): ModelName | undefined {
	const [path, versionText, ...rest] = text.split("@");
	if (path === undefined || rest.length > 0) return undefined;
	const [namespace, name, ...more] = path.split("/");
	if (namespace === undefined || name === undefined || more.length > 0 || !PART.test(namespace) || !PART.test(name)) return undefined;
	if (versionText === undefined) return { namespace, name, version: undefined };
	const version = parseVersion(versionText);
	return version === undefined ? undefined : { namespace, name, version };
}

/** `major.minor`, each 0 to 65,535; undefined when it is not. */
export function parseVersion(text: string): ReleaseVersion | undefined {
	const match = VERSION.exec(text);
	if (match === null) return undefined;
	const major = Number(match[1]);
	const minor = Number(match[2]);
	return major > 65_535 || minor > 65_535 ? undefined : { major, minor };
}

export function formatModelName(model: ModelName): string {
	const path = `${model.namespace}/${model.name}`;
	return model.version === undefined ? path : `${path}@${model.version.major}.${model.version.minor}`;
}

/** ERC-721 token id of a model: keccak256 of `namespace/name`. */
export function modelId(namespace: string, name: string, hashes: Hashes = defaultHashes): Hex {
	return toHex(hashes.keccak256(utf8(`${namespace}/${name}`)));
}

/** Id of a release: keccak256(abi.encode(modelId, major, minor)). */
export function releaseId(model: Hex, version: ReleaseVersion, hashes: Hashes = defaultHashes): Hex {
	return toHex(hashes.keccak256(encodeWords([fromHex(model), version.major, version.minor])));
}
