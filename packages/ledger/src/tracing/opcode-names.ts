/** Names of the instructions, as traces spell them (the Yellow Paper's, with PREVRANDAO under its older name DIFFICULTY as geth and anvil have it). */
const groups: readonly (readonly [first: number, names: string])[] = [
	[0x00, "STOP ADD MUL SUB DIV SDIV MOD SMOD ADDMOD MULMOD EXP SIGNEXTEND"],
	[0x10, "LT GT SLT SGT EQ ISZERO AND OR XOR NOT BYTE SHL SHR SAR"],
	[0x20, "KECCAK256"],
	[
		0x30,
		"ADDRESS BALANCE ORIGIN CALLER CALLVALUE CALLDATALOAD CALLDATASIZE CALLDATACOPY CODESIZE CODECOPY GASPRICE EXTCODESIZE EXTCODECOPY RETURNDATASIZE RETURNDATACOPY EXTCODEHASH",
	],
	[0x40, "BLOCKHASH COINBASE TIMESTAMP NUMBER DIFFICULTY GASLIMIT CHAINID SELFBALANCE BASEFEE BLOBHASH BLOBBASEFEE"],
	[0x50, "POP MLOAD MSTORE MSTORE8 SLOAD SSTORE JUMP JUMPI PC MSIZE GAS JUMPDEST TLOAD TSTORE MCOPY PUSH0"],
	[0xa0, "LOG0 LOG1 LOG2 LOG3 LOG4"],
	[0xf0, "CREATE CALL CALLCODE RETURN DELEGATECALL CREATE2"],
	[0xfa, "STATICCALL"],
	[0xfd, "REVERT INVALID SELFDESTRUCT"],
];

const names = new Map<number, string>();
for (const [first, list] of groups) for (const [index, name] of list.split(" ").entries()) names.set(first + index, name);
for (let size = 1; size <= 32; size++) names.set(0x5f + size, `PUSH${size}`);
for (let depth = 1; depth <= 16; depth++) {
	names.set(0x7f + depth, `DUP${depth}`);
	names.set(0x8f + depth, `SWAP${depth}`);
}

export function opcodeName(opcode: number): string {
	return names.get(opcode) ?? `opcode 0x${opcode.toString(16)} not defined`;
}
