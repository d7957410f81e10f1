/** How far the chain has come, as the `meta` table keeps it under `progress`. */
import { bytesToBigint, decodeRlp, encodeRlp, rlpInteger, utf8 } from "@freehold/protocol";
import type { StateMachine, TableWrite } from "../execution/types.js";

const KEY = utf8("progress");

export interface Progress {
	/** Of the last consensus block. */
	readonly height: bigint;
	/** Consensus time of the last EVM block, in nanoseconds. */
	readonly evmTimeNs: bigint;
}

/** Undefined before genesis. */
export function readProgress(state: Pick<StateMachine, "get">): Progress | undefined {
	const stored = state.get("meta", KEY);
	if (stored === undefined) return undefined;
	const [height, evmTimeNs] = decodeRlp(stored) as readonly [Uint8Array, Uint8Array];
	return { height: bytesToBigint(height), evmTimeNs: bytesToBigint(evmTimeNs) };
}

export function progressWrite({ height, evmTimeNs }: Progress): TableWrite {
	return { table: "meta", key: KEY, value: encodeRlp([rlpInteger(height), rlpInteger(evmTimeNs)]) };
}
