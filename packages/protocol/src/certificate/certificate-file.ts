/**
 * The certificate file (`*.certificate.json`): who published which bytes when, and who owns them at the block that proves it. Everything that a verifier needs
 * beside a checkpoint. Reading is strict; the meaning is judged by the `proofs` package.
 */
import { hex, hexBytes, integer, list, literal, object, optional, type ShapeOf, text } from "../codec/shape.js";
import { limits } from "../limits.js";
import { lightBlockShape } from "../receipt/receipt-file.js";

export const certificateShape = object({
	version: literal(1),
	kind: literal("freehold-certificate"),
	chainId: integer(1, Number.MAX_SAFE_INTEGER),
	release: hex(32),
	/** Canonical text of the manifest, which names each file by its SHA-256. */
	manifest: text(limits.manifestBytes),
	/** RLP of the EVM header whose state the proofs are of. */
	evmHeader: hexBytes({ min: 1, max: limits.evmHeaderBytes }),
	/** The consensus block whose application hash is that header's hash. */
	lightBlock: lightBlockShape,
	/** The blocks that lead from the checkpoint's to that one over changed sets of validators, as a receipt's anchor carries them. */
	lightPath: optional(list(lightBlockShape, limits.lightPathBlocks)),
	/** Trie nodes of the state proofs: each once, in ascending order of their keccak256. */
	stateNodes: list(hexBytes({ min: 1, max: limits.proofNodeBytes }), limits.proofNodes),
});

export type CertificateFile = ShapeOf<typeof certificateShape>;

/** Throws `SyntaxError` naming what is wrong. */
export function parseCertificateFile(content: string): CertificateFile {
	if (content.length > limits.receiptFileBytes) throw new SyntaxError("certificate is too large");
	return certificateShape.read(JSON.parse(content), "certificate");
}

export function formatCertificateFile(file: CertificateFile): string {
	return `${JSON.stringify(certificateShape.write(file), null, 2)}\n`;
}
