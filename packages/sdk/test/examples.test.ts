/** Every example in the documentation compiles, as it stands, under strict settings. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiler = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));

/** What examples take for granted: a reader's own values. */
const PRELUDE = `
import type { Account, Freehold } from "@freehold/sdk";
import type { ChainEvent, ChainClient, Cursor } from "@freehold/sdk/chain";
import type { NetworkFile } from "@freehold/protocol";
declare global {
	const freehold: Freehold;
	const client: ChainClient;
	const account: Account;
	const process: { readonly stdout: { write(text: string): unknown } };
	const network: NetworkFile;
	const bytes: Uint8Array;
	const pixels: number[][];
	const text: string;
	const key: \`0x\${string}\`;
	const me: \`0x\${string}\`;
	const friend: \`0x\${string}\`;
	const common: \`0x\${string}\`;
	const nodeKey: \`0x\${string}\`;
	const release: \`0x\${string}\`;
	const callId: \`0x\${string}\`;
	const signal: AbortSignal;
	const database: { cursor(): Promise<Cursor | undefined>; transact(work: (write: { events(events: readonly ChainEvent[], cursor: Cursor): void }) => void): Promise<void> };
}
`;
const OPTIONS = [
	"--ignoreConfig",
	"--noEmit",
	"--strict",
	"--exactOptionalPropertyTypes",
	"--skipLibCheck",
	"--module",
	"nodenext",
	"--target",
	"es2023",
	"--lib",
	"es2023,dom",
	"--types",
	"",
	"--pretty",
	"false",
];

let folder: string;
beforeAll(async () => {
	await mkdir(join(root, "dist"), { recursive: true });
	folder = await mkdtemp(join(root, "dist", "examples-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("compiles", async () => {
	const examples = await collect();
	expect(examples.length).toBeGreaterThan(15);
	await writeFile(join(folder, "prelude.d.ts"), PRELUDE);
	await Promise.all(examples.map(({ name, code }) => writeFile(join(folder, `${name}.ts`), `${importsFor(code)}${code}\nexport {};\n`)));
	const files = ["prelude.d.ts", ...examples.map(({ name }) => `${name}.ts`)].map((file) => join(folder, file));
	const { stdout } = await promisify(execFile)(process.execPath, [compiler, ...OPTIONS, ...files], { cwd: folder }).catch((error: { stdout: string }) => error);
	expect(stdout).toBe("");
});

interface Example {
	readonly name: string;
	readonly code: string;
}

async function collect(): Promise<readonly Example[]> {
	const examples: Example[] = [];
	const readme = await readFile(join(root, "README.md"), "utf8");
	for (const [index, match] of [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].entries()) examples.push({ name: `readme-${index}`, code: match[1] ?? "" });
	for (const file of await readdir(join(root, "src"), { recursive: true })) {
		if (!file.endsWith(".ts") || file.endsWith(".test.ts")) continue;
		const source = await readFile(join(root, "src", file), "utf8");
		for (const [index, match] of [...source.matchAll(/@example\n([\s\S]*?)\*\//g)].entries())
			examples.push({ name: `${file.replaceAll(/[\\/.]/g, "-")}-${index}`, code: (match[1] ?? "").replaceAll(/^[\t ]*\* ?/gm, "") });
	}
	return examples;
}

/** Names that a short example uses without saying where they come from. */
function importsFor(code: string): string {
	const provider = code.includes("createFreeholdProvider(")
		? 'import { connect } from "@freehold/sdk";\nimport { createFreeholdProvider } from "@freehold/sdk/ai-sdk";\n'
		: "";
	if (code.includes("import ")) return code.includes("@freehold/sdk/ai-sdk") ? "" : provider;
	const chain = ["contracts"].filter((name) => code.includes(name));
	const protocol = ["parseReceiptFile"].filter((name) => code.includes(name));
	return [
		...(chain.length === 0 ? [] : [`import { ${chain.join(", ")} } from "@freehold/sdk/chain";`]),
		...(protocol.length === 0 ? [] : [`import { ${protocol.join(", ")} } from "@freehold/protocol";`]),
		"",
	].join("\n");
}
