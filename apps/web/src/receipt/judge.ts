/** Checking a receipt in this tab: nothing is asked of anyone. */

import { type ReceiptVerdict, verifyReceiptText } from "@freehold/proofs";
import { formatReceiptFile, type ReceiptFile } from "@freehold/protocol";
import type { Step } from "../design/checks.js";
import type { PinnedCheckpoint } from "../network/network.js";
import { checkWords } from "./check-words.js";

export interface Judgement {
	readonly verdict: ReceiptVerdict;
	readonly steps: readonly Step[];
	/** Milliseconds that it took here. */
	readonly tookMs: number;
}

export function judgeText(text: string, trust: PinnedCheckpoint): Judgement {
	const startedAt = performance.now();
	const verdict = verifyReceiptText(text, { checkpoint: trust.checkpoint, chainId: trust.chainId, now: Date.now() });
	const tookMs = performance.now() - startedAt;
	return { verdict, tookMs, steps: verdict.checks.map(({ name, result, detail }) => ({ id: name, result, title: checkWords[name].title, detail })) };
}

export function judgeFile(file: ReceiptFile, trust: PinnedCheckpoint): Judgement {
	return judgeText(formatReceiptFile(file), trust);
}
