/** Compiles the examples of contracts that call models; the result is kept by content in `node_modules/.cache`. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Abi, Hex } from "viem";

export interface Compiled {
	readonly abi: Abi;
	readonly bytecode: Hex;
}

const root = fileURLToPath(new URL("../../packages/contracts/solidity/", import.meta.url));
const cacheFolder = fileURLToPath(new URL("../../node_modules/.cache/freehold-fixtures/", import.meta.url));
const settings = {
	evmVersion: "prague",
	viaIR: true,
	optimizer: { enabled: true, runs: 1 },
	outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};

/** Contracts of `testing/pipe/*.sol` and `packages/contracts/solidity/examples`, by name. */
export function compiled(): Readonly<Record<string, Compiled>> {
	const examples = readdirSync(join(root, "examples")).map((name): [string, string] => [
		`examples/${name}`,
		readFileSync(join(root, "examples", name), "utf8"),
	]);
	const probes = readFileSync(new URL("./Probes.sol", import.meta.url), "utf8");
	const imported = ["PipeTypes.sol", "IInference.sol", "FreeholdInference.sol"].map((name) => readFileSync(join(root, "pipe", name), "utf8"));
	const hash = createHash("sha256")
		.update(JSON.stringify([examples, probes, imported, settings]))
		.digest("hex");
	const file = `${cacheFolder}${hash}.json`;
	if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, Compiled>>;
	const made = compile(Object.fromEntries([...examples, ["examples/Probes.sol", probes]].map(([name, content]) => [name, { content }])));
	mkdirSync(cacheFolder, { recursive: true });
	const part = `${file}.${process.pid}`;
	writeFileSync(part, JSON.stringify(made));
	renameSync(part, file);
	return made;
}

function compile(sources: Readonly<Record<string, { readonly content: string }>>): Readonly<Record<string, Compiled>> {
	const solc = createRequire(import.meta.url)("solc") as { compile(input: string, callbacks: object): string };
	const read = (path: string): { readonly contents: string } => ({ contents: readFileSync(join(root, path), "utf8") });
	const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings }), { import: read })) as {
		readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[];
		readonly contracts: Readonly<
			Record<string, Readonly<Record<string, { readonly abi: Abi; readonly evm: { readonly bytecode: { readonly object: string } } }>>>
		>;
	};
	const problem = output.errors?.find((item) => item.severity === "error");
	if (problem !== undefined) throw new Error(problem.formattedMessage);
	return Object.fromEntries(
		Object.entries(output.contracts).flatMap(([file, contracts]) =>
			Object.keys(sources).includes(file)
				? Object.entries(contracts).map(([name, contract]) => [name, { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` as Hex }])
				: [],
		),
	);
}
