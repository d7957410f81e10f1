/** Contracts that do what traces are about: calls of every kind, storage, logs, failures, creation. */
import solc from "solc";

const SOURCE = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;
contract Child {
	uint256 public kept; event Kept(uint256 indexed value, bytes note);
	constructor(uint256 first) payable { kept = first; }
	function keep(uint256 value) external payable returns (uint256) { kept = value; emit Kept(value, "kept"); return value * 2; }
	function refuse(uint256 value) external { kept = value; emit Kept(value, "never"); revert("refused"); }
	function spin() external pure { while (true) {} }
	function leave(address payable to) external { selfdestruct(to); }
}
contract Parent {
	uint256 public value; mapping(uint256 => uint256) public table; Child public child;
	event Seen(address who);
	constructor() payable { child = new Child{value: 1}(7); }
	function all(uint256 by) external payable returns (uint256) {
		value = by; table[by] = by + 1; emit Seen(msg.sender);
		child.keep{value: 1}(by);
		try child.refuse(by) {} catch {}
		(bool ok,) = address(child).delegatecall(abi.encodeCall(Child.keep, (by + 5)));
		try child.spin{gas: 3000}() {} catch {}
		emit Seen(address(child));
		value += child.kept() + (ok ? 1 : 0);
		return value;
	}
	function make(uint256 salt) external returns (address) {
		Child made = new Child{salt: bytes32(salt)}(salt);
		made.leave(payable(msg.sender));
		return address(made);
	}
	function fail() external { value = 3; child.refuse(9); }
	function clear() external { value = 0; table[5] = 0; }
	function peek(address who) external view returns (uint256) { return who.balance + who.code.length + uint256(keccak256(abi.encode(value))); }
	receive() external payable {}
}`;

export interface Artifact {
	readonly abi: readonly unknown[];
	readonly bytecode: `0x${string}`;
}

export function compileParent(): Artifact {
	const settings = { evmVersion: "prague", optimizer: { enabled: true }, outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } };
	const input = { language: "Solidity", sources: { "Parent.sol": { content: SOURCE } }, settings };
	const { contracts, errors } = JSON.parse(solc.compile(JSON.stringify(input))) as {
		readonly contracts?: {
			readonly "Parent.sol"?: { readonly Parent: { readonly abi: readonly unknown[]; readonly evm: { readonly bytecode: { readonly object: string } } } };
		};
		readonly errors?: unknown;
	};
	const parent = contracts?.["Parent.sol"]?.Parent;
	if (parent === undefined) throw new Error(`the fixture does not compile: ${JSON.stringify(errors)}`);
	return { abi: parent.abi, bytecode: `0x${parent.evm.bytecode.object}` };
}
