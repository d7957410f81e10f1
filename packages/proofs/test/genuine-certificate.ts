/** A certificate as a network makes it: a release in a state trie by another implementation, and a signed consensus block, reached over changed sets where asked. */
import { layout } from "@freehold/contracts/layout";
import {
	type CertificateFile,
	type Checkpoint,
	contractAddresses,
	defaultHashes,
	encodeEvmHeader,
	type Hex,
	type Manifest,
	manifestDigest,
	manifestText,
	modelId,
	releaseId,
} from "@freehold/protocol";
import { assembleCertificate, certificateState } from "../src/certificate/certificate.js";
import { CHAIN_ID, consensusOf, evmHeaderOf, honest, makeState, pack, type Story } from "./genuine-receipt.js";

export const certifiedManifest: Manifest = {
	version: 1,
	release: "base/digits@1.2",
	format: "onnx",
	files: [{ path: "model.onnx", sha256: `0x${"ab".repeat(32)}`, bytes: 12 }],
	inputs: [{ name: "X", dtype: "float32", shape: ["N", 64] }],
	outputs: [{ name: "label", dtype: "int64", shape: null }],
	licence: "Apache-2.0",
	title: "Zahlen, für alle",
};
export const PUBLISHER: Hex = `0x${"a1".repeat(20)}`;
export const OWNER: Hex = `0x${"b2".repeat(20)}`;
export const PUBLISHED_AT = 1_759_990_000;

export interface CertificateStory extends Partial<Story> {
	/** Fields of the release's record that are kept otherwise. */
	readonly kept?: Readonly<Record<string, bigint>>;
}

export async function makeCertificate({
	kept = {},
	...changes
}: CertificateStory = {}): Promise<{ readonly file: CertificateFile; readonly checkpoint: Checkpoint }> {
	const contract = contractAddresses.ModelRegistry;
	const model = modelId("base", "digits");
	const release = releaseId(model, { major: 1, minor: 2 });
	const record = {
		modelId: BigInt(model),
		manifest: BigInt(manifestDigest(certifiedManifest)),
		publishedAt: BigInt(PUBLISHED_AT),
		publisher: BigInt(PUBLISHER),
	};
	const storage = new Map([
		...pack(contract, layout.ModelRegistry.release, [release], { ...record, ...kept }),
		...pack(contract, layout.ModelRegistry.owner, [model], { owner: BigInt(OWNER) }),
	]);
	const state = await makeState({ [contract]: storage });
	const evmHeader = encodeEvmHeader(evmHeaderOf(state.root));
	const { lightBlock, lightPath, checkpoint } = consensusOf({ ...honest, ...changes }, defaultHashes.keccak256(evmHeader));
	const proofs = await Promise.all(certificateState(certifiedManifest).map(({ address, slots }) => state.prove(address, slots)));
	const file = assembleCertificate({ chainId: CHAIN_ID, manifestText: manifestText(certifiedManifest), evmHeader, lightBlock, proofs });
	return { checkpoint, file: lightPath === undefined ? file : { ...file, lightPath: [...lightPath] } };
}

/** Over one change of the set: the checkpoint's block, one between, and the block of the proof. */
export const changedSets = {
	checkpointKind: "validators",
	pathSets: [
		[0, 1, 2],
		[1, 2, 3],
	],
	validatorPowers: [10n, 10n, 10n],
	signers: [0, 1, 2],
} as const satisfies CertificateStory;
