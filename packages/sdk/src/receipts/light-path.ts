/** The way from the network's checkpoint to the block that proves a receipt, where the validators are no longer those of the checkpoint. */
import { LightClient, LightError } from "@freehold/proofs/light";
import { FreeholdError, type LightBlock, lightBlockShape, limits, networkOf, type ReceiptFile, toHex } from "@freehold/protocol";
import type { Client } from "../client/client.js";

/**
 * The file with the blocks of the way, asked of the ledger and not believed; the same file where none is needed. Throws `answer.refused` when there is no way, or
 * none that is trusted any more.
 */
export async function withLightPath(client: Client, file: ReceiptFile, signal: AbortSignal | undefined): Promise<ReceiptFile> {
	const { anchor } = file;
	const { checkpoint, chainId } = client.network;
	if (anchor === undefined || anchor.lightPath !== undefined || checkpoint.kind !== "validators") return file;
	const { header } = anchor.lightBlock;
	if (toHex(header.validatorsHash) === checkpoint.validatorsHash || header.height <= BigInt(checkpoint.height)) return file;
	const source = async (height: bigint): Promise<LightBlock> => {
		if (height === header.height) return anchor.lightBlock as LightBlock;
		const answer = await client.chain.request("freehold_getLightBlock", [height.toString()], { signal });
		if (answer === null) throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `consensus block ${height} is not there` });
		return lightBlockShape.read(answer, "lightBlock") as LightBlock;
	};
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
		return { ...file, anchor: { ...anchor, lightPath } };
	} catch (error) {
		if (error instanceof LightError) throw new FreeholdError("answer.refused", { check: "header", reason: error.message }, { cause: error });
		throw error;
	}
}
