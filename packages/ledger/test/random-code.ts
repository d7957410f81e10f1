/** Random contracts that mostly run to some end: snippets that leave the stack as it was, now and then plain noise. */
import { assemble, type Mnemonic } from "./execution-kit.js";
import type { Random } from "./random.js";

type Part = Mnemonic | bigint | number | Uint8Array;

// biome-ignore format: a list
const CONSTANTS: readonly Mnemonic[] = [
	"ADDRESS", "ORIGIN", "CALLER", "CALLVALUE", "CALLDATASIZE", "CODESIZE", "GASPRICE", "RETURNDATASIZE", "COINBASE", "TIMESTAMP",
	"NUMBER", "PREVRANDAO", "GASLIMIT", "CHAINID", "SELFBALANCE", "BASEFEE", "BLOBBASEFEE", "PC", "MSIZE", "GAS", "PUSH0",
];
const ARITHMETIC: readonly Mnemonic[] = ["ADD", "MUL", "SUB", "DIV", "LT", "XOR", "EXP"];
const CALLS: readonly Mnemonic[] = ["CALL", "CALL", "CALL", "STATICCALL", "DELEGATECALL", "CALLCODE"];

/** Code of up to about `length` snippets that touches the given addresses. */
export function randomCode(random: Random, addresses: readonly Uint8Array[], length: number): Uint8Array {
	const parts: Uint8Array[] = [];
	for (let left = 1 + random.below(length); left > 0; left--) parts.push(snippet(random, addresses, length));
	if (random.chance(0.7)) parts.push(ending(random, addresses));
	const code = Uint8Array.from(parts.flatMap((part) => [...part]));
	// No contract's code may begin with 0xef (EIP-3541), and those of genesis are all made.
	if (code[0] === 0xef) code[0] = 0x5b;
	return code;
}

function snippet(random: Random, addresses: readonly Uint8Array[], length: number): Uint8Array {
	const value = () => valueParts(random, addresses);
	const small = () => random.below(96);
	switch (random.below(15)) {
		case 0:
		case 1:
		case 2:
			return assemble(...value(), random.below(6), "SSTORE");
		case 3:
			return assemble(...value(), random.below(3), "TSTORE");
		case 4:
			return assemble(...value(), small(), "MSTORE");
		case 5: {
			const topics = random.below(5);
			return assemble(...Array.from({ length: topics }, value).flat(), small(), small(), `LOG${topics}` as Mnemonic);
		}
		case 6:
		case 7:
		case 8:
			return call(random, addresses, value);
		case 9:
			return length > 3 ? create(random, addresses, length) : assemble(...value(), "POP");
		case 10:
			return assemble(small(), small(), small(), random.pick(["CALLDATACOPY", "CODECOPY", "MCOPY"] as const));
		case 11:
			return assemble(small(), small(), small(), random.pick(addresses), "EXTCODECOPY");
		case 12:
			return assemble(random.below(3), 0, small(), "RETURNDATACOPY");
		case 13:
			return skippable(random, assemble(...value()), snippet(random, addresses, 1));
		default:
			return random.chance(0.15) ? random.bytes(random.below(12)) : assemble(...value(), "POP");
	}
}

/** Pushes one word. */
function valueParts(random: Random, addresses: readonly Uint8Array[], depth = 0): readonly Part[] {
	const inner = () => valueParts(random, addresses, depth + 1);
	switch (depth > 2 ? random.below(3) : random.below(12)) {
		case 0:
			return [random.below(4)];
		case 1:
			return [random.bytes(1 + random.below(32))];
		case 2:
			return [random.pick(CONSTANTS)];
		case 3:
		case 4:
			return [random.below(6), "SLOAD"];
		case 5:
			return [random.below(3), "TLOAD"];
		case 6:
			return [random.pick(addresses), random.pick(["BALANCE", "EXTCODESIZE", "EXTCODEHASH"] as const)];
		case 7:
			return [random.below(64), "MLOAD"];
		case 8:
			return [random.below(64), random.below(64), "KECCAK256"];
		case 9:
			return [random.below(6), "NUMBER", "SUB", "BLOCKHASH"];
		case 10:
			return [random.below(40), "CALLDATALOAD"];
		default:
			return [...inner(), ...inner(), random.pick(ARITHMETIC)];
	}
}

function call(random: Random, addresses: readonly Uint8Array[], value: () => readonly Part[]): Uint8Array {
	const kind = random.pick(CALLS);
	const amount: readonly Part[] = kind === "CALL" || kind === "CALLCODE" ? [random.chance(0.7) ? 0 : random.below(1000)] : [];
	const gas: readonly Part[] = random.chance(0.7) ? ["GAS"] : [random.below(60_000)];
	const keep: readonly Part[] = random.chance(0.5) ? ["POP"] : [random.below(6), "SSTORE"];
	return assemble(
		...value(),
		0,
		"MSTORE",
		random.below(64),
		random.below(64),
		random.below(128),
		random.below(32),
		...amount,
		random.pick(addresses),
		...gas,
		kind,
		...keep,
	);
}

/** Puts creation code into memory and creates; the child is made of the same kind of code. */
function create(random: Random, addresses: readonly Uint8Array[], length: number): Uint8Array {
	const body = randomCode(random, addresses, 2).subarray(0, 60);
	const child = random.chance(0.6)
		? Uint8Array.from([0x60, body.length, 0x80, 0x60, 0x09, 0x5f, 0x39, 0x5f, 0xf3, ...body])
		: randomCode(random, addresses, Math.min(3, length));
	const code = child.subarray(0, 96);
	const parts: Part[] = [];
	for (let at = 0; at < code.length; at += 32) {
		const chunk = new Uint8Array(32);
		chunk.set(code.subarray(at, at + 32));
		parts.push(chunk, at, "MSTORE");
	}
	const endowment = random.chance(0.7) ? 0 : random.below(500);
	const tail: readonly Part[] = random.chance(0.5)
		? ["POP"]
		: [0, 0, 0, 0, 0, random.below(6), "POP", "POP", "POP", "POP", "POP", "POP", random.below(6), "SSTORE"];
	if (random.chance(0.5)) return assemble(...parts, code.length, 0, endowment, "CREATE", ...tail);
	return assemble(...parts, random.below(2), code.length, 0, endowment, "CREATE2", ...tail);
}

/** A snippet that a condition jumps over. */
function skippable(random: Random, condition: Uint8Array, inner: Uint8Array): Uint8Array {
	// The target depends on where the snippet stands, which only PC knows: PC + 6 + inner.
	const distance = inner.length + 6;
	if (distance > 255) return condition.length > 0 && random.chance(1) ? Uint8Array.from([...condition, 0x50]) : condition;
	return Uint8Array.from([...condition, 0x58, 0x60, distance, 0x01, 0x57, ...inner, 0x5b]);
}

function ending(random: Random, addresses: readonly Uint8Array[]): Uint8Array {
	switch (random.below(8)) {
		case 0:
			return assemble(random.pick(addresses), "SELFDESTRUCT");
		case 1:
			return assemble("ADDRESS", "SELFDESTRUCT");
		case 2:
			return assemble(random.below(64), random.below(64), "REVERT");
		case 3:
			return assemble("INVALID");
		case 4:
			return assemble("STOP");
		default:
			return assemble(random.below(96), random.below(64), "RETURN");
	}
}
