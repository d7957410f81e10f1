/** Proving an anchored receipt again, against a newer block: batch roots stay in the state for ever, so an old file can follow a new checkpoint. */
import { type AnchorInfo, assembleAnchor, requiredState, verifyReceipt } from "@freehold/proofs";
import {
	type Crypto,
	FreeholdError,
	fromHex,
	type Hex,
	isHex,
	type LightBlock,
	lightBlockShape,
	orderDigest,
	type ReceiptFile,
	receiptDigest,
	toHex,
} from "@freehold/protocol";
import { pause } from "../chain/deadline.js";
import type { Client } from "../client/client.js";
import { withLightPath } from "./light-path.js";

export interface RefreshOptions {
	readonly signal?: AbortSignal;
}

const ATTEMPTS = 25;
const PAUSE_MS = 200;

/**
 * The same receipt, proved against the newest block. Throws `request.invalid` when the file is not anchored, `answer.refused` when it is not genuine.
 *
 * @example
 * const newer = await freehold.receipts.refresh(parseReceiptFile(text));
 */
export async function refreshReceipt(client: Client, file: ReceiptFile, { signal }: RefreshOptions = {}): Promise<ReceiptFile> {
	const { anchor, order } = file;
	if (anchor === undefined)
		throw new FreeholdError("request.invalid", { field: "receipt", reason: "is not anchored yet; get the anchored one from the gateway first" });
	if (file.chainId !== client.network.chainId) throw new FreeholdError("chain.wrongNetwork", { actual: client.network.chainId, expected: file.chainId });
	const info: AnchorInfo = {
		seq: anchor.seq,
		gatewayKey: signerOf(orderDigest(order, file.chainId, client.crypto), file.orderSignature, client.crypto),
		nodeKey: signerOf(receiptDigest(file.receipt, file.chainId, client.crypto), file.receiptSignature, client.crypto),
	};
	const { evmHeader, lightBlock, number } = await newestProof(client, signal);
	const proofs = await Promise.all(
		requiredState(order, info, client.crypto).map(({ address, slots }) => client.chain.proof(address, slots, number, { signal })),
	);
	const proved: ReceiptFile = {
		...file,
		anchor: assembleAnchor(
			{
				order,
				info,
				line: anchor.line,
				leafProof: anchor.leafProof.map(({ siblingOnLeft, hash, ...sums }) => ({ siblingOnLeft, hash, sums })),
				lineProof: anchor.lineProof,
				evmHeader,
				lightBlock,
				proofs,
			},
			client.crypto,
		),
	};
	const newer = await withLightPath(client, proved, signal);
	const { checkpoint, chainId } = client.network;
	const { outcome, checks } = verifyReceipt(newer, { checkpoint, chainId, crypto: client.crypto, trustNow: client.now() });
	if (outcome === "meets") return newer;
	const wrong = checks.find((check) => check.result === "fails") ?? checks.find((check) => !check.ok);
	throw new FreeholdError("answer.refused", { check: wrong?.name ?? "file", reason: wrong?.detail ?? outcome }, { cause: newer });
}

export interface ProofBlock {
	readonly number: bigint;
	readonly evmHeader: Uint8Array;
	readonly lightBlock: LightBlock;
}

/**
 * The newest block with the consensus block that proves it; that one follows at once, and so does one that is not older than a checkpoint that was just made: a short
 * wait is enough.
 */
export async function newestProof(client: Client, signal: AbortSignal | undefined): Promise<ProofBlock> {
	const { checkpoint } = client.network;
	const least = checkpoint.kind === "validators" ? BigInt(checkpoint.height) : 0n;
	for (let attempt = 1; ; attempt++) {
		const number = await client.chain.blockNumber({ signal });
		const answer = await client.chain.request("freehold_getProofBlock", [`0x${number.toString(16)}`], { signal });
		const parsed = parseProofBlock(answer, number);
		if (parsed !== undefined && (parsed.lightBlock.header.height >= least || attempt === ATTEMPTS)) return parsed;
		if (attempt === ATTEMPTS) throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `no proof of block ${number}` });
		await pause(PAUSE_MS, signal);
	}
}

function parseProofBlock(answer: unknown, number: bigint): ProofBlock | undefined {
	if (typeof answer !== "object" || answer === null || !("evmHeader" in answer) || !("lightBlock" in answer)) return undefined;
	if (!isHex(answer.evmHeader)) return undefined;
	return { number, evmHeader: fromHex(answer.evmHeader), lightBlock: lightBlockShape.read(answer.lightBlock, "lightBlock") as LightBlock };
}

function signerOf(digest: Hex, signature: Hex, crypto: Crypto): Hex {
	const address = crypto.recover(fromHex(digest), fromHex(signature));
	if (address === undefined) throw new FreeholdError("answer.refused", { check: "signed", reason: "a signature is malformed" });
	return toHex(address);
}
