/** Every bound on outside data, in one table that code and documentation share. Sizes in bytes, times in milliseconds. */
export const limits = {
	/** Body of a JSON request to any program. */
	jsonBodyBytes: 32 * 1024 * 1024,
	jsonDepth: 64,
	/** Lists, objects and names in one JSON text. */
	jsonMembers: 100_000,
	/** Values in the lists and objects of one JSON text; a tensor with more elements is sent as base64. */
	jsonValues: 500_000,
	headerBytes: 64 * 1024,
	requestTimeoutMs: 60_000,
	headersTimeoutMs: 15_000,
	/** Connections of one program; beyond, the one that has been idle longest makes room. */
	connections: 10_000,
	/** Request bodies that one program holds at a time, together. */
	bodiesBytes: 256 * 1024 * 1024,
	/** A body that comes, or an answer that is taken, more slowly than this is given up; measured over `slowWindowMs`. */
	slowestBytesPerSecond: 1_024,
	slowWindowMs: 30_000,
	/** One blob (a model file). */
	blobBytes: 4 * 1024 * 1024 * 1024,
	/** One part of an upload in parts, and the least that a part but the last has. */
	uploadPartBytes: 16 * 1024 * 1024,
	uploadPartLeastBytes: 1024 * 1024,
	manifestBytes: 256 * 1024,
	manifestFiles: 64,
	cardBytes: 256 * 1024,
	tensorBytes: 16 * 1024 * 1024,
	tensorElements: 4 * 1024 * 1024,
	/** Elements up to which an answer spells tensors as lists; larger ones as base64. */
	tensorListElements: 100_000,
	tensorRank: 16,
	tensorsPerCall: 64,
	/** Messages, tools, texts and attachments of one call to a language model. */
	textMessages: 2_048,
	textParts: 64,
	textChars: 4 * 1024 * 1024,
	textTools: 128,
	textSchemaChars: 64 * 1024,
	textStops: 16,
	textStopChars: 256,
	textChoices: 16,
	textLogprobs: 20,
	textOutputTokens: 131_072,
	textAttachmentBytes: 8 * 1024 * 1024,
	embeddingInputs: 2_048,
	embeddingDimensions: 16_384,
	/** API keys of one owner at a gateway. */
	keysPerOwner: 16,
	keyModels: 64,
	/** Licences that are kept with an API key. */
	keyLicences: 256,
	/** A caller of a stream that takes nothing for this long has gone. */
	streamStallMs: 30_000,
	modelParents: 8,
	/** A receipt file, in bytes of text. */
	receiptFileBytes: 64 * 1024 * 1024,
	proofNodes: 512,
	proofNodeBytes: 64 * 1024,
	batchProofSteps: 32,
	/** What the contract takes. */
	batchLines: 256,
	batchRefunds: 256,
	/** What a gateway puts into one batch: all of it must fit a block. */
	batchSealedLines: 100,
	batchSealedRefunds: 100,
	batchClaims: 64,
	/** Calls in one batch. */
	batchCalls: 10_000,
	/** Age at which the oldest call of a batch forces its anchoring. */
	batchAgeMs: 10_000,
	quoteValidityMs: 300_000,
	priceRiseNoticeMs: 3_600_000,
	idempotencyKeyBytes: 128,
	/** `PAYMENT-SIGNATURE` and its like, in characters. */
	paymentHeaderChars: 24 * 1024,
	rpcBatch: 1_000,
	/** EIP-7702 authorisations in a call that only reads: each costs the recovery of a signer. */
	rpcAuthorizations: 256,
	rpcProofKeys: 1_024,
	/** Filters that clients poll, together. */
	rpcFilters: 256,
	/** Calls that wait for a reading thread, together, and their bytes. */
	rpcWaitingCalls: 4_000,
	rpcWaitingBytes: 64 * 1024 * 1024,
	webSockets: 256,
	webSocketSubscriptions: 16,
	webSocketCalls: 1_000,
	/** What a reader may leave unread before it is cut off. */
	webSocketUnsentBytes: 16 * 1024 * 1024,
	rpcBodyBytes: 16 * 1024 * 1024,
	transactionBytes: 128 * 1024,
	logRangeBlocks: 10_000,
	logResults: 10_000,
	/** Characters of data in the logs of one answer. */
	logBytes: 32 * 1024 * 1024,
	validators: 1_000,
	/** Blocks between a checkpoint and the block that proves a receipt, where the set of validators has changed. */
	lightPathBlocks: 64,
	/** How long a set answers for what it signed, in milliseconds: shorter than validators wait for their bonds. */
	lightTrustMs: 7 * 86_400_000,
	evmHeaderBytes: 2_048,
} as const;
