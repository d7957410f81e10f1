/** Which calls an account has paid for: one line each beside the keys. A call's id is the right to its receipt, and nobody else keeps it for its payer. */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Hex, isHex } from "@freehold/protocol";
import type { Member } from "./connect.js";

export interface LoggedCall {
	readonly callId: Hex;
	readonly gateway: Hex;
	readonly model: string;
	/** Unix milliseconds. */
	readonly at: number;
}

const pathOf = (home: string, chainId: number, account: Hex): string => join(home, "calls", `${chainId}-${account}.jsonl`);

export async function logCall(home: string, chainId: number, account: Hex, call: LoggedCall): Promise<void> {
	const path = pathOf(home, chainId, account);
	await mkdir(dirname(path), { recursive: true, mode: 0o700 });
	await appendFile(path, `${JSON.stringify(call)}\n`, { mode: 0o600 });
}

/** Writes down a call of a command that makes many. `gateway`: who took it. */
export type NoteCall = (model: string, callId: Hex, gateway: Hex) => Promise<void>;

export function callNotes(home: string, { network, address }: Pick<Member, "network" | "address">): NoteCall {
	return (model, callId, gateway) => logCall(home, network.chainId, address, { callId, gateway, model, at: Date.now() });
}

/** Oldest first, each once; lines that were cut off are left out. */
export async function loggedCalls(home: string, chainId: number, account: Hex): Promise<readonly LoggedCall[]> {
	const text = await readFile(pathOf(home, chainId, account), "utf8").catch(() => "");
	const calls = new Map<Hex, LoggedCall>();
	for (const line of text.split("\n")) {
		try {
			const call = JSON.parse(line) as LoggedCall;
			if (isHex(call.callId, 32)) calls.set(call.callId, call);
		} catch {
			// The last line of a command that was killed.
		}
	}
	return [...calls.values()];
}
