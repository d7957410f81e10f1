/** A contract for tests, compiled once per run. */
import solc from "solc";

const SOURCE = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;
contract Counter {
	event Counted(address indexed who, uint256 indexed value, string note);
	error TooMuch(uint256 given, uint256 limit);
	uint256 public value;
	mapping(address => uint256) public counted;
	constructor(uint256 start) { value = start; }
	function count(uint256 by, string calldata note) external returns (uint256) {
		require(by != 13, "unlucky");
		if (by > 100) revert TooMuch(by, 100);
		value += by;
		counted[msg.sender] += by;
		emit Counted(msg.sender, value, note);
		return value;
	}
	function burn(uint256 rounds) external { for (uint256 i; i < rounds; i++) counted[address(uint160(i))] = i + 1; }
	function overflow() external view returns (uint256) { return value - type(uint256).max; }
	function hashOf(uint256 number) external view returns (bytes32) { return blockhash(number); }
	function forever() external pure { while (true) {} }
}`;

export interface Compiled {
	readonly abi: readonly unknown[];
	readonly bytecode: `0x${string}`;
}

export function compileCounter(): Compiled {
	const input = {
		language: "Solidity",
		sources: { "Counter.sol": { content: SOURCE } },
		settings: { evmVersion: "prague", outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } },
	};
	const { contracts, errors } = JSON.parse(solc.compile(JSON.stringify(input))) as {
		readonly contracts?: {
			readonly "Counter.sol": { readonly Counter: { readonly abi: readonly unknown[]; readonly evm: { readonly bytecode: { readonly object: string } } } };
		};
		readonly errors?: unknown;
	};
	const counter = contracts?.["Counter.sol"].Counter;
	if (counter === undefined) throw new Error(`the fixture does not compile: ${JSON.stringify(errors)}`);
	return { abi: counter.abi, bytecode: `0x${counter.evm.bytecode.object}` };
}
