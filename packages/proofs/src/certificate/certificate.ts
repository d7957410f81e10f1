/** Deciding who published which bytes when, from a file and a checkpoint alone. */
import { layout } from "@freehold/contracts/layout";
import {
	type CertificateFile,
	type Checkpoint,
	type Crypto,
	decodeEvmHeader,
	defaultHashes,
	equalBytes,
	fromHex,
	type Hashes,
	type Hex,
	type LightBlock,
	type Manifest,
	modelId,
	networkOf,
	parseCertificateFile,
	parseManifest,
	parseModelName,
	provenAddresses,
	releaseId,
	toHex,
	utf8,
} from "@freehold/protocol";
import { judgeLightBlock } from "../consensus/light-block.js";
import { defaultCrypto } from "../crypto/default-crypto.js";
import { judgeLightPath } from "../light/light-path.js";
import type { StateProofAnswer } from "../receipt/assemble-anchor.js";
import type { AccountSlots } from "../receipt/required-state.js";
import { ProvenState } from "../state/proven-state.js";
import { fieldsOf, type RecordRef, slotOf } from "../state/slots.js";
import { TrieNodes } from "../trie/trie.js";

export interface CertifiedFacts {
	/** `namespace/name@major.minor`. */
	readonly model: string;
	readonly release: Hex;
	readonly manifest: Manifest;
	/** Who owned the model when the release was published. */
	readonly publisher: Hex;
	/** Unix seconds, by the chain's clock. */
	readonly publishedAt: number;
	/** Unix seconds; 0 while it is served. */
	readonly retiredAt: number;
	/** Who owns the model at the block of the proof. */
	readonly owner: Hex;
	/** Block of the proof, and its time in Unix seconds. */
	readonly block: { readonly number: bigint; readonly time: number };
}

/**
 * `older`: genuine, and proved by a block before the checkpoint; a newer certificate says the same for certain. `expired`: genuine, and its way over changed sets
 * begins at a checkpoint that is too old to be trusted (or was judged without `trustNow`); a newer checkpoint, and a certificate from it, say the same for certain.
 * `elsewhere`: sound, and its way does not pass the checkpoint: it may have been made from another one, or by anybody with validators of their own.
 */
export type CertificateVerdict =
	| { readonly outcome: "genuine"; readonly facts: CertifiedFacts; readonly signedBy: "one operator" | "validators" }
	| { readonly outcome: "older" | "expired" | "elsewhere"; readonly facts: CertifiedFacts; readonly reason: string }
	| { readonly outcome: "forged"; readonly reason: string };

export interface CertificateOptions {
	readonly checkpoint: Checkpoint;
	/** Refuses files of other chains. */
	readonly chainId?: number;
	/** Unix milliseconds; refuses headers from the future. */
	readonly now?: number;
	/** The clock for a way over changed sets of validators (default `now`); without one nothing that such a way leads to is trusted. */
	readonly trustNow?: number;
	readonly crypto?: Crypto;
}

/** Verdict on a file of which only the text is at hand: what does not parse is forged. */
export function verifyCertificateText(content: string, options: CertificateOptions): CertificateVerdict {
	try {
		return verifyCertificate(parseCertificateFile(content), options);
	} catch (error) {
		return { outcome: "forged", reason: error instanceof Error ? error.message : "the file does not parse" };
	}
}

/**
 * @example
 * const verdict = verifyCertificate(parseCertificateFile(text), { checkpoint });
 * if (verdict.outcome === "genuine") console.log(verdict.facts.publisher, verdict.facts.publishedAt);
 */
export function verifyCertificate(file: CertificateFile, options: CertificateOptions): CertificateVerdict {
	const crypto = options.crypto ?? defaultCrypto;
	const forged = (reason: string): CertificateVerdict => ({ outcome: "forged", reason });
	if (options.chainId !== undefined && options.chainId !== file.chainId) return forged(`the file is of chain ${file.chainId}, not of ${options.chainId}`);
	let facts: CertifiedFacts;
	try {
		facts = readFacts(file, crypto);
	} catch (error) {
		return forged(error instanceof Error ? error.message : "the file proves nothing");
	}
	const consensusChainId = networkOf(file.chainId)?.consensusChainId ?? `freehold-${file.chainId}`;
	const { checkpoint, now, trustNow } = options;
	const block = file.lightBlock as LightBlock;
	const verdict =
		file.lightPath === undefined
			? judgeLightBlock(block, { checkpoint, consensusChainId, now }, crypto)
			: judgeLightPath(file.lightPath as readonly LightBlock[], block, { checkpoint, consensusChainId, now: trustNow ?? now }, crypto);
	if (verdict.kind === "refused") return forged(verdict.reason);
	if (!equalBytes(block.header.appHash, crypto.keccak256(file.evmHeader))) return forged("the consensus header proves another block than the one in the file");
	if (verdict.kind === "older") return { outcome: "older", facts, reason: `block ${block.header.height} is older than the checkpoint` };
	if (verdict.kind === "expired") return { outcome: "expired", facts, reason: `block ${block.header.height} is beyond a checkpoint that is too old` };
	if (verdict.kind === "elsewhere") return { outcome: "elsewhere", facts, reason: `the way to block ${block.header.height} does not pass the checkpoint` };
	return { outcome: "genuine", facts, signedBy: checkpoint.kind === "sequencer" ? "one operator" : "validators" };
}

function readFacts(file: CertificateFile, crypto: Crypto): CertifiedFacts {
	const manifest = parseManifest(file.manifest);
	const { model, release } = idsOf(manifest, crypto);
	if (release !== file.release) throw new SyntaxError("the manifest is another release's");
	const header = decodeEvmHeader(file.evmHeader);
	const nodes = TrieNodes.fromSorted(file.stateNodes, crypto);
	const state = new ProvenState(header.stateRoot, nodes, crypto);
	const records = certificateRecords(release, model);
	const stored = fieldsOf(layout.ModelRegistry.release.fields, state.read(records.release));
	const { owner = 0n } = fieldsOf(layout.ModelRegistry.owner.fields, state.read(records.owner));
	if (!nodes.allUsed) throw new SyntaxError("the state proof holds nodes that prove nothing");
	const publishedAt = stored.publishedAt ?? 0n;
	if (publishedAt === 0n) throw new SyntaxError("the registry has no such release");
	if (stored.manifest !== BigInt(toHex(crypto.sha256(utf8(file.manifest))))) throw new SyntaxError("the registry holds another manifest's digest");
	if (stored.modelId !== BigInt(model)) throw new SyntaxError("the release is of another model");
	if (publishedAt > header.timestamp) throw new SyntaxError("the release is newer than the block that proves it");
	return {
		model: manifest.release,
		release,
		manifest,
		publisher: address(stored.publisher ?? 0n),
		publishedAt: Number(publishedAt),
		retiredAt: Number(stored.retiredAt ?? 0n),
		owner: address(owner),
		block: { number: header.number, time: Number(header.timestamp) },
	};
}

/** Slots that a certificate must prove: ask `eth_getProof` for exactly these at one block, and hand the answers to `assembleCertificate`. */
export function certificateState(manifest: Manifest, hashes: Hashes = defaultHashes): readonly AccountSlots[] {
	const { model, release } = idsOf(manifest, hashes);
	const records = Object.values(certificateRecords(release, model));
	return [{ address: provenAddresses.ModelRegistry, slots: records.flatMap((record) => record.words.map((word) => slotOf(record, word, hashes))) }];
}

export interface CertificateParts {
	readonly chainId: number;
	readonly manifestText: string;
	readonly evmHeader: Uint8Array;
	readonly lightBlock: LightBlock;
	/** Answers for the slots of `certificateState`; more than needed is left out. */
	readonly proofs: readonly StateProofAnswer[];
}

/** Throws `ProofError` when the answers do not prove all that is required. */
export function assembleCertificate(parts: CertificateParts, hashes: Hashes = defaultHashes): CertificateFile {
	const { model, release } = idsOf(parseManifest(parts.manifestText), hashes);
	const answers = parts.proofs.flatMap((proof) => [proof.accountProof, ...proof.storageProof.map((slot) => slot.proof)]);
	const nodes = new TrieNodes([...new Set(answers.flat())].map(fromHex), hashes);
	const state = new ProvenState(decodeEvmHeader(parts.evmHeader).stateRoot, nodes, hashes);
	for (const record of Object.values(certificateRecords(release, model))) state.read(record);
	return {
		version: 1,
		kind: "freehold-certificate",
		chainId: parts.chainId,
		release,
		manifest: parts.manifestText,
		evmHeader: parts.evmHeader,
		lightBlock: parts.lightBlock,
		stateNodes: nodes.used(),
	};
}

function certificateRecords(release: Hex, model: Hex) {
	const contract = provenAddresses.ModelRegistry;
	return {
		release: { contract, record: layout.ModelRegistry.release, keys: [release], words: [0, 1, 2, 8] },
		owner: { contract, record: layout.ModelRegistry.owner, keys: [model], words: [0] },
	} as const satisfies Record<string, RecordRef>;
}

function idsOf(manifest: Manifest, hashes: Hashes): { readonly model: Hex; readonly release: Hex } {
	const name = parseModelName(manifest.release);
	if (name?.version === undefined) throw new SyntaxError("the manifest names no release");
	const model = modelId(name.namespace, name.name, hashes);
	return { model, release: releaseId(model, name.version, hashes) };
}

function address(word: bigint): Hex {
	return `0x${word.toString(16).padStart(40, "0")}`;
}
