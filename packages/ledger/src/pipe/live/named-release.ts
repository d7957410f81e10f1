/** Whether a release is the one that a contract's request names, as the contract at `0x…F4` would say (`contracts/solidity/pipe/ModelNames.sol`). */
import { layout } from "@freehold/contracts/layout";
import { contractAddresses, encodeWords, fromHex, type Hex, modelId, parseModelName, releaseId } from "@freehold/protocol";
import type { StateMachine } from "../../execution/types.js";
import { keccak256 } from "../../state/keccak.js";
import { hexOf } from "../../transaction/decode.js";

const REGISTRY = fromHex(contractAddresses.ModelRegistry);
const WORD = 32;
const MAX_NAME = 160;

export function isNamed(request: Hex, release: Hex, state: Pick<StateMachine, "storage">): boolean {
	const text = modelOf(request);
	if (text === undefined) return false;
	if (/^0x[0-9a-f]{64}$/.test(text)) return text === release;
	const name = parseModelName(text);
	if (name === undefined) return false;
	const model = modelId(name.namespace, name.name);
	if (name.version !== undefined) return releaseId(model, name.version) === release;
	const slot = keccak256(encodeWords([release, layout.ModelRegistry.release.slot]));
	return hexOf(state.storage(REGISTRY, slot)) === model;
}

/** The text of an encoded request: each kind is a structure whose second field it is. */
function modelOf(request: Hex): string | undefined {
	const bytes = fromHex(request);
	const number = (at: number): number => (at + WORD <= bytes.length ? Number(BigInt(hexOf(bytes.subarray(at, at + WORD)))) : Number.NaN);
	const at = WORD + number(2 * WORD);
	const length = number(at);
	return length <= MAX_NAME && at + WORD + length <= bytes.length ? Buffer.from(bytes.subarray(at + WORD, at + WORD + length)).toString("utf8") : undefined;
}
