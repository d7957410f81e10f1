/** Creation code of a plain ERC-20 for chains that lack ours. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

const SOURCE = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
contract BenchToken is ERC20 {
    constructor() ERC20("Bench", "BENCH") { _mint(msg.sender, 1e27); }
}`;

export function compileToken() {
	const solc = require("solc");
	const input = {
		language: "Solidity",
		sources: { "BenchToken.sol": { content: SOURCE } },
		settings: { optimizer: { enabled: true, runs: 200 }, evmVersion: "cancun", outputSelection: { "*": { "*": ["evm.bytecode.object"] } } },
	};
	const output = JSON.parse(solc.compile(JSON.stringify(input), { import: (path) => ({ contents: readFileSync(require.resolve(path), "utf8") }) }));
	return `0x${output.contracts["BenchToken.sol"].BenchToken.evm.bytecode.object}`;
}
