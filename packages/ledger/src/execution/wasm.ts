/** The compiled execution core (`evm-core/`): loaded and compiled once per process, instantiated as often as needed. */
import { readFileSync } from "node:fs";

/** What an instance exports. Requests are written at `input(length)`, answers stand at `output()`; see `evm-core/src/lib.rs`. */
export interface EvmCore {
	readonly memory: { readonly buffer: ArrayBuffer };
	input(length: number): number;
	output(): number;
	execute(): number;
	call(): number;
	trace(): number;
	probe(): number;
	system(): number;
	deploy(): number;
	credit(): number;
	amend(): number;
	changes(): number;
	reset(): void;
	entries(): number;
	keccak(length: number): void;
}

/** What an instance asks of the host. All arguments but `number` are offsets in its memory. */
export interface EvmHost {
	account(address: number, out: number): number;
	storage(address: number, slot: number, out: number): void;
	code_size(hash: number): number;
	code_read(out: number): void;
	block_hash(number: bigint, out: number): void;
}

/** The part of the WebAssembly API used here; `@types/node` of this major version does not declare it. */
declare const WebAssembly: {
	readonly Module: new (bytes: Uint8Array) => object;
	readonly Instance: new (module: object, imports: { readonly host: EvmHost }) => { readonly exports: unknown };
};

let compiled: object | undefined;

/** A fresh instance with its own memory. */
export function instantiateEvmCore(host: EvmHost): EvmCore {
	compiled ??= new WebAssembly.Module(readFileSync(new URL("../../evm-core/evm-core.wasm", import.meta.url)));
	return new WebAssembly.Instance(compiled, { host }).exports as EvmCore;
}
