/** `@freehold/sdk`: publish models, ask them, check the answers, be paid. Runs in browsers. */

export type { LineageRelease, SplitPart, SplitRole } from "@freehold/payments";
export { splitOf } from "@freehold/payments";
export type { DepositPlan } from "@freehold/payments/client";
export { type Lane, type LaneStore, memoryLaneStore, readLane, writeLane } from "@freehold/payments/client";
export { type Check, type Outcome, type ReceiptVerdict, type VerifyOptions, verifyReceipt, verifyReceiptText } from "@freehold/proofs";
export type { Closed, CloseOptions } from "./channels/close.js";
export type { Opened, OpenOptions } from "./channels/open.js";
export type { ChannelView } from "./channels/show.js";
export { type Account, type Client, type ConnectOptions, depositFor } from "./client/client.js";
export type { Agreement, CoOwnerView, Member, OpenCoOwnerOptions } from "./co-owners/co-owners.js";
export { connect, type Freehold } from "./connect.js";
export { breakDown, type EarningsColumn, type EarningsRow, type EarningsSource, earningsColumns } from "./earnings/break-down.js";
export type { Claimed, ClaimOptions } from "./earnings/claim.js";
export type { Earnings } from "./earnings/show.js";
export type { FaucetOptions } from "./faucet/faucet.js";
export type { Inference, InferOptions } from "./inference/infer.js";
export type { KeptLicence, KeyOptions, KeyOwnOptions, MadeKey, RefillOptions } from "./keys/keys.js";
export type { AcceptedLicence, Licence } from "./licences/licences.js";
export type { ModelAct } from "./models/acts.js";
export { readBlob, readManifest } from "./models/blobs.js";
export type { ListOptions } from "./models/list.js";
export type { OwnOptions, PriceSet, Retired, Transferred } from "./models/own.js";
export type { OperatorView } from "./nodes/operator.js";
export type { Registered, RegisterOptions } from "./nodes/register.js";
export type { UnbondOptions, Withdrawn } from "./nodes/unbond.js";
export { type InspectedModel, inspectModel } from "./publish/inspect.js";
export { type DescendantTerms, type ParentShare, type Publication, type PublishParameters, preparePublication } from "./publish/prepare.js";
export type { Published, PublishOptions, PublishProgress } from "./publish/publish.js";
export { type SentPublication, sendPublication } from "./publish/publish.js";
export type { FileSource, ModelSource } from "./publish/source.js";
export type { UploadProgress } from "./publish/upload.js";
export type { RefreshOptions } from "./receipts/refresh.js";
export type { CallSplit, SplitOptions } from "./receipts/split.js";
export type { WaitedReceipt, WaitOptions } from "./receipts/wait.js";
export { publicationOf, type ReadRelease, type ReleaseRecordFile, readRelease } from "./releases/release-record.js";
export {
	compareWeights,
	type Similarity,
	type SimilarityVerdict,
	similarityBounds,
	similarityWords,
	type TensorSimilarity,
} from "./similarity/compare.js";
export type { AskOptions, CheckedText, TextEvent } from "./text/ask.js";
export type { ChatAnswer, ChatMessage, ChatOptions, ChatStream, CompleteOptions, DrawOptions, Embedded, EmbedOptions } from "./text/chat.js";
export type { RecoverOptions } from "./text/recover.js";
export { lightBlocks } from "./trust/light-blocks.js";
export { checkpointOf, type NewerCheckpointOptions, newerCheckpoint } from "./trust/newer-checkpoint.js";
