/** Block 0 of a genesis file, made in a place of its own and thrown away: a ledger that begins from a snapshot knows its network all the same. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Crypto, Timestamp } from "@freehold/protocol";
import { LedgerApplication } from "../application/application.js";
import { openStateMachine } from "../execution/execution.js";

export interface GenesisSource {
	readonly chainId: bigint;
	readonly consensusChainId: string;
	readonly time: Timestamp;
	readonly appState: Uint8Array;
}

export async function genesisBlock(
	source: GenesisSource,
	crypto: Pick<Crypto, "recover">,
): Promise<{ readonly header: Uint8Array; readonly digest: Uint8Array }> {
	const dir = mkdtempSync(join(tmpdir(), "freehold-genesis-"));
	const state = openStateMachine({ dir });
	try {
		const application = new LedgerApplication({ chainId: source.chainId, feeRecipient: new Uint8Array(20) }, { state, crypto, now: () => 0 });
		application.initChain({ chainId: source.consensusChainId, time: source.time, validators: [], appState: source.appState });
		const header = application.chain.headerRlp(0n);
		const digest = application.genesisDigest;
		if (header === undefined || digest === undefined) throw new Error("the genesis file made no block");
		return { header: Uint8Array.from(header), digest: Uint8Array.from(digest) };
	} finally {
		await state.close();
		rmSync(dir, { recursive: true, force: true });
	}
}
