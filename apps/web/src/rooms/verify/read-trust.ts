/** `checkpoint.json` or `network.json`: what a verifier trusts. */
import { type Checkpoint, isHex } from "@freehold/protocol";

/** Undefined when the text is neither. */
export function readTrust(text: string): { readonly chainId: number; readonly checkpoint: Checkpoint } | undefined {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return undefined;
	}
	if (typeof value !== "object" || value === null || !("checkpoint" in value) || !("chainId" in value)) return undefined;
	const { chainId, checkpoint } = value;
	if (typeof chainId !== "number" || !Number.isSafeInteger(chainId) || typeof checkpoint !== "object" || checkpoint === null) return undefined;
	const { kind, height, hash, signer, validatorsHash } = checkpoint as Record<string, unknown>;
	if (typeof height !== "number" || !isHex(hash, 32)) return undefined;
	if (kind === "sequencer" && isHex(signer, 32)) return { chainId, checkpoint: { kind, signer, height, hash } };
	if (kind === "validators" && isHex(validatorsHash, 32)) return { chainId, checkpoint: { kind, validatorsHash, height, hash } };
	return undefined;
}
