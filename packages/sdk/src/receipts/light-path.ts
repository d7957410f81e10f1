/** The way from the network's checkpoint to the block that proves a file, where the validators are no longer those of the checkpoint. */
import { LightClient, LightError } from "@freehold/proofs/light";
import { FreeholdError, type LightBlock, limits, networkOf, type ReceiptFile, toHex } from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { lightBlocks } from "../trust/light-blocks.js";

/** A receipt with the blocks of the way, as `lightPathTo` finds them; the same file where none are needed. */
export async function withLightPath(client: Client, file: ReceiptFile, signal: AbortSignal | undefined): Promise<ReceiptFile> {
	const { anchor } = file;
	if (anchor === undefined || anchor.lightPath !== undefined) return file;
	const lightPath = await lightPathTo(client, anchor.lightBlock as LightBlock, signal);
	return lightPath === undefined ? file : { ...file, anchor: { ...anchor, lightPath } };
}

/**
 * The blocks from the checkpoint's to the last one, that one not among them, asked of the ledger and not believed; undefined where none are needed. Throws
 * `answer.refused` when there is no way, or none that is trusted any more.
 */
export async function lightPathTo(client: Client, last: LightBlock, signal: AbortSignal | undefined): Promise<readonly LightBlock[] | undefined> {
	const { checkpoint, chainId } = client.network;
	const { header } = last;
	if (checkpoint.kind !== "validators" || toHex(header.validatorsHash) === checkpoint.validatorsHash || header.height <= BigInt(checkpoint.height))
		return undefined;
	const blocks = lightBlocks(client.chain, signal);
	const source = async (height: bigint): Promise<LightBlock> => (height === header.height ? last : blocks(height));
	const consensusChainId = networkOf(chainId)?.consensusChainId ?? `freehold-${chainId}`;
	try {
		const first = await source(BigInt(checkpoint.height));
		const trust = { consensusChainId, trustPeriodMs: limits.lightTrustMs };
		const light = new LightClient({ checkpoint, first, source, trust, now: client.now, crypto: client.crypto });
		const lightPath = (await light.path(header.height)).slice(0, -1);
		if (lightPath.length > limits.lightPathBlocks)
			throw new FreeholdError("answer.refused", {
				check: "header",
				reason: `the way from the checkpoint has ${lightPath.length} blocks: get a newer checkpoint`,
			});
		return lightPath;
	} catch (error) {
		if (error instanceof LightError) throw new FreeholdError("answer.refused", { check: "header", reason: error.message }, { cause: error });
		throw error;
	}
}
