export { judgeLightBlock, type LightBlockVerdict } from "./consensus/light-block.js";
export { defaultCrypto } from "./crypto/default-crypto.js";
export { type AnchorParts, assembleAnchor, type StateProofAnswer } from "./receipt/assemble-anchor.js";
export type { Check, CheckName, CheckResult } from "./receipt/checks.js";
export { evidenceDigest } from "./receipt/evidence.js";
export { type AccountSlots, type AnchorInfo, requiredState } from "./receipt/required-state.js";
export { type Outcome, type ReceiptVerdict, type VerifyOptions, verifyReceipt, verifyReceiptText } from "./receipt/verify-receipt.js";
export { ProvenState } from "./state/proven-state.js";
export { ProofError, readTrie, TrieNodes } from "./trie/trie.js";
