/**
 * The file of a release that an outside provider runs: it names the provider and the model there, and says what the model can be asked. Nodes that have an
 * account with the provider serve it; the answer's evidence is `routed`, since nobody here sees which weights answered.
 */
import { fromUtf8 } from "../bytes/bytes.js";
import { FreeholdError } from "../errors/freehold-error.js";
import { checkAbilities, type TextAbilities } from "../manifest/manifest.js";

export interface UpstreamModel {
	readonly version: 1;
	/** As the nodes' operators call it: `openai`, `my-vllm`. */
	readonly provider: string;
	/** The provider's name for the model. */
	readonly model: string;
	readonly abilities: TextAbilities;
}

const MAX_BYTES = 16 * 1024;
const PROVIDER = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** True when the bytes begin as such a file does. Never throws. */
export function isUpstreamModel(bytes: Uint8Array): boolean {
	if (bytes.length > MAX_BYTES || bytes[0] !== 0x7b) return false;
	try {
		const value: unknown = JSON.parse(fromUtf8(bytes));
		return typeof value === "object" && value !== null && "provider" in value && "model" in value;
	} catch {
		return false;
	}
}

/** Throws `engine.modelInvalid` with the reason. */
export function parseUpstreamModel(bytes: Uint8Array): UpstreamModel {
	if (bytes.length > MAX_BYTES) throw refused(`it is larger than ${MAX_BYTES} bytes`);
	let value: unknown;
	try {
		value = JSON.parse(fromUtf8(bytes));
	} catch {
		throw refused("it is not JSON");
	}
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw refused("it is no JSON object");
	const { version, provider, model, abilities, ...rest } = value as Readonly<Record<string, unknown>>;
	const [stranger] = Object.keys(rest);
	if (stranger !== undefined) throw refused(`${stranger.slice(0, 100)} is not known`);
	if (version !== 1) throw refused("version must be 1");
	if (typeof provider !== "string" || !PROVIDER.test(provider)) throw refused("provider must be a short name of lower-case letters, digits and hyphens");
	if (typeof model !== "string" || !/^[\x21-\x7e]{1,200}$/.test(model)) throw refused("model must be the provider's name of a model");
	try {
		checkAbilities(abilities);
	} catch (error) {
		throw refused(error instanceof Error ? error.message : "its abilities are malformed");
	}
	return { version, provider, model, abilities };
}

function refused(reason: string): FreeholdError {
	return new FreeholdError("engine.modelInvalid", { reason });
}
