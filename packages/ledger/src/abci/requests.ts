/** ABCI's messages to the application's plain data, and back. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Timestamp, Validator } from "@freehold/protocol";
import type { FinalizedBlock, Misbehaviour, TxResult } from "../application/types.js";
import {
	BlockIDFlag,
	type CommitInfo,
	type Misbehavior,
	MisbehaviorType,
	type Request,
	type Response,
	ResponseSchema,
	type ValidatorUpdate,
} from "../generated/abci_pb.js";

export type RequestCase = Exclude<Request["value"]["case"], undefined>;
export type RequestOf<C extends RequestCase> = Extract<Request["value"], { case: C }>["value"];
type ResponseInit = Exclude<Exclude<MessageInitShape<typeof ResponseSchema>["value"], undefined>, { case: undefined }>;

/** An answer of one kind. */
export function response(value: ResponseInit): Response {
	return create(ResponseSchema, { value });
}

const EPOCH: Timestamp = { seconds: 0n, nanos: 0 };
const EMPTY = new Uint8Array(0);

/** A moment that is not there is the beginning of time. */
export function timeOf(time: { readonly seconds: bigint; readonly nanos: number } | undefined): Timestamp {
	return time === undefined ? EPOCH : { seconds: time.seconds, nanos: time.nanos };
}

/** Throws for keys that are not Ed25519: this chain has no others. */
export function validatorsOf(updates: readonly ValidatorUpdate[]): readonly Validator[] {
	return updates.map(({ pubKey, power }) => {
		if (pubKey?.sum.case !== "ed25519") throw new Error("a validator's key is not Ed25519");
		return { publicKey: pubKey.sum.value, power };
	});
}

export function misbehaviourOf(reports: readonly Misbehavior[]): readonly Misbehaviour[] {
	return reports.map(({ type, validator, height }) => ({
		kind: type === MisbehaviorType.LIGHT_CLIENT_ATTACK ? "lightClientAttack" : "duplicateVote",
		validatorAddress: Uint8Array.from(validator?.address ?? EMPTY),
		height,
	}));
}

/** Addresses of those whose vote is not in the commit; one that voted for nothing was there. */
export function absentOf(commit: CommitInfo | undefined): readonly Uint8Array[] {
	const absent = (commit?.votes ?? []).filter(({ blockIdFlag }) => blockIdFlag === BlockIDFlag.BLOCK_ID_FLAG_ABSENT);
	return absent.map(({ validator }) => Uint8Array.from(validator?.address ?? EMPTY));
}

export function finalized({ appHash, txResults, validatorUpdates }: FinalizedBlock): Response {
	return response({
		case: "finalizeBlock",
		value: {
			appHash,
			txResults: txResults.map(({ code, data, gasWanted, gasUsed }: TxResult) => ({ code, data, gasWanted, gasUsed })),
			validatorUpdates: validatorUpdates.map(({ publicKey, power }) => ({ pubKey: { sum: { case: "ed25519" as const, value: publicKey } }, power })),
		},
	});
}
