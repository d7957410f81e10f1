/** Compiles the contracts that exist for tests only; the result is kept by content in `node_modules/.cache`. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Abi, Hex } from "viem";

export interface Fixture {
	readonly abi: Abi;
	readonly bytecode: Hex;
}

const source = readFileSync(new URL("./solidity/Fixtures.sol", import.meta.url), "utf8");
const cacheFolder = fileURLToPath(new URL("../../node_modules/.cache/freehold-fixtures/", import.meta.url));
const settings = { evmVersion: "prague", optimizer: { enabled: true, runs: 1 }, outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } } };

let loaded: Readonly<Record<string, Fixture>> | undefined;

/** A compiled fixture by its name in `Fixtures.sol`. */
export function fixture(name: string): Fixture {
	loaded ??= load();
	const found = loaded[name];
	if (found === undefined) throw new RangeError(`Fixtures.sol has no contract ${name}`);
	return found;
}

function load(): Readonly<Record<string, Fixture>> {
	const file = `${cacheFolder}${createHash("sha256").update(source).update(JSON.stringify(settings)).digest("hex")}.json`;
	if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, Fixture>>;
	const fixtures = compile();
	mkdirSync(cacheFolder, { recursive: true });
	const part = `${file}.${process.pid}`;
	writeFileSync(part, JSON.stringify(fixtures));
	renameSync(part, file);
	return fixtures;
}

function compile(): Readonly<Record<string, Fixture>> {
	const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
	const input = { language: "Solidity", sources: { "Fixtures.sol": { content: source } }, settings };
	const output = JSON.parse(solc.compile(JSON.stringify(input))) as {
		readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
		readonly contracts: Readonly<
			Record<string, Readonly<Record<string, { readonly abi: Abi; readonly evm: { readonly bytecode: { readonly object: string } } }>>>
		>;
	};
	const problem = output.errors?.find((item) => item.severity === "error");
	if (problem !== undefined) throw new Error(problem.formattedMessage);
	return Object.fromEntries(
		Object.entries(output.contracts["Fixtures.sol"] ?? {}).map(([name, contract]) => [
			name,
			{ abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` as Hex },
		]),
	);
}
