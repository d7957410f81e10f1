/** A file that proves who published which bytes when, and who owns them now. */
import { assembleCertificate, certificateState, verifyCertificate } from "@freehold/proofs/certificate";
import { type CertificateFile, FreeholdError } from "@freehold/protocol";
import type { Client } from "../client/client.js";
import { lightPathTo } from "../receipts/light-path.js";
import { newestProof } from "../receipts/refresh.js";
import { servedRelease } from "./acts.js";
import { readManifest } from "./blobs.js";

/**
 * The certificate of a release, proved at the newest block and checked before it is given out. Throws `model.notFound`, or `answer.refused` when ledger and
 * storage do not agree.
 *
 * @example
 * const file = await freehold.models.certificate("ada/digits");
 */
export async function certificate(client: Client, model: string, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<CertificateFile> {
	const release = await servedRelease(client, model, signal);
	const { manifest, text } = await readManifest(client, release, signal);
	const { number, evmHeader, lightBlock } = await newestProof(client, signal);
	const proofs = await Promise.all(
		certificateState(manifest, client.crypto).map(({ address, slots }) => client.chain.proof(address, slots, number, { signal })),
	);
	const { chainId, checkpoint } = client.network;
	const proved = assembleCertificate({ chainId, manifestText: text, evmHeader, lightBlock, proofs }, client.crypto);
	const lightPath = await lightPathTo(client, lightBlock, signal);
	const file: CertificateFile = lightPath === undefined ? proved : { ...proved, lightPath: [...lightPath] };
	const verdict = verifyCertificate(file, { checkpoint, chainId, crypto: client.crypto, trustNow: client.now() });
	if (verdict.outcome !== "genuine") throw new FreeholdError("answer.refused", { check: "certificate", reason: verdict.reason });
	return file;
}
