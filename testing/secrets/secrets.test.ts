/** The search for private keys finds them, in every spelling that a log might have. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findSecrets } from "../../scripts/secrets.mjs";

const search = findSecrets as (folder: string) => { readonly logs: number; readonly found: readonly string[] };
/** dev-0 of every Ethereum tool. */
const DEVELOPMENT = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const MADE = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

let folder: string;
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "freehold-secrets-"));
	await writeFile(join(folder, "keys"), `${MADE}\n`);
});
afterEach(() => rm(folder, { recursive: true }));

async function foundIn(log: string): Promise<readonly string[]> {
	await writeFile(join(folder, "one.log"), log);
	return search(folder).found;
}

it.each([
	["a development key", `{"msg":"0x${DEVELOPMENT}"}`, "dev-0"],
	["in capitals", DEVELOPMENT.toUpperCase(), "dev-0"],
	["a key that a program made", `key=${MADE}`, "a program made"],
	["in base64", Buffer.from(MADE, "hex").toString("base64"), "base64"],
	["as a list of bytes", JSON.stringify([...Buffer.from(MADE, "hex")]), "byte by byte"],
	["the mnemonic", "test test test test test test test test test test test junk", "mnemonic"],
])("%s", async (_, log, name) => {
	const found = await foundIn(`before ${log} after`);
	expect(found.join()).toContain(name);
	// And does not repeat it.
	expect(found.join()).not.toContain(MADE);
});

it("finds nothing in an honest log", async () => {
	expect(await foundIn('{"level":30,"address":"0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266","msg":"ready"}')).toEqual([]);
});
