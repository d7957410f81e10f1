/** The 2048-bit bloom filter over log addresses and topics (yellow paper, §4.3.1). */
import type { Log } from "../execution/types.js";
import { keccak256 } from "../state/keccak.js";

export const BLOOM_BYTES = 256;

export function addToBloom(bloom: Uint8Array, value: Uint8Array): void {
	const hash = keccak256(value);
	for (let index = 0; index < 6; index += 2) {
		const bit = (((hash[index] as number) << 8) | (hash[index + 1] as number)) & 2047;
		bloom[BLOOM_BYTES - 1 - (bit >> 3)] = (bloom[BLOOM_BYTES - 1 - (bit >> 3)] as number) | (1 << (bit & 7));
	}
}

export function logsBloom(logs: readonly Log[]): Uint8Array {
	const bloom = new Uint8Array(BLOOM_BYTES);
	for (const { address, topics } of logs) {
		addToBloom(bloom, address);
		for (const topic of topics) addToBloom(bloom, topic);
	}
	return bloom;
}
