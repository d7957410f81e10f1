/** Whom the key in a role's folder signs for, where the operator's own key is kept elsewhere. Written by `freehold node register`. */
import { readFile } from "node:fs/promises";
import { FreeholdError, type Hex, isHex } from "@freehold/protocol";
import { atomicWriteFile } from "../net/atomic-file.js";

/** Name of the file in a role's data folder. */
export const OPERATOR_FILE = "operator.json";

/** Undefined when there is no such file. Throws `config.invalid` when it says nothing. */
export async function readOperatorFile(path: string): Promise<Hex | undefined> {
	const text = await readFile(path, "utf8").catch(() => undefined);
	if (text === undefined) return undefined;
	try {
		const { version, operator } = JSON.parse(text) as { readonly version?: unknown; readonly operator?: unknown };
		if (version === 1 && isHex(operator, 20)) return operator;
	} catch {
		// Said below.
	}
	throw new FreeholdError("config.invalid", { option: "--operator", reason: `${path} must hold {"version":1,"operator":"0x…"}` });
}

export async function writeOperatorFile(path: string, operator: Hex): Promise<void> {
	await atomicWriteFile(path, `${JSON.stringify({ version: 1, operator })}\n`);
}
