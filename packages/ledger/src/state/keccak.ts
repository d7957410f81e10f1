/** Keccak-256 in WebAssembly, with a scratch area so that what is built in place is hashed without a copy. */
import { type EvmCore, instantiateEvmCore } from "../execution/wasm.js";

/** Larger than any trie node: a branch takes 532 bytes, a leaf's value is at most an account. */
const SCRATCH_BYTES = 64 * 1024;

let core: EvmCore | undefined;
let scratch = new Uint8Array(0);
/** Where the instance leaves its answers. */
let answer = new Uint8Array(0);

/** An instance that only hashes never reads state. */
const noState = (): never => {
	throw new Error("the hashing instance has no state");
};

function hashingCore(): EvmCore {
	core ??= instantiateEvmCore({ account: noState, storage: noState, code_size: noState, code_read: noState, block_hash: noState });
	return core;
}

/** At least 64 KiB to write into before `hashScratch`. Valid until the next hash of something larger: fetch it anew for each piece of work. */
export function hashingScratch(): Uint8Array {
	if (scratch.byteLength < SCRATCH_BYTES) reserve(SCRATCH_BYTES);
	return scratch;
}

/** Keccak-256 of the first `length` bytes of the scratch area. */
export function hashScratch(length: number): Uint8Array {
	hashingCore().keccak(length);
	const hash = new Uint8Array(32);
	hash.set(answer);
	return hash;
}

/** Keccak-256 of `bytes`. */
export function keccak256(bytes: Uint8Array): Uint8Array {
	if (scratch.byteLength < Math.max(SCRATCH_BYTES, bytes.length)) reserve(Math.max(SCRATCH_BYTES, bytes.length));
	scratch.set(bytes);
	return hashScratch(bytes.length);
}

/** Makes the scratch area at least `length` bytes, and takes the views that hashing needs: nothing allocates after this. */
function reserve(length: number): void {
	const engine = hashingCore();
	engine.input(length);
	engine.keccak(0);
	scratch = new Uint8Array(engine.memory.buffer, engine.input(length), length);
	answer = new Uint8Array(engine.memory.buffer, engine.output(), 32);
}
