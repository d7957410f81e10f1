/**
 * What the protocol itself says to the contract `ValidatorSet`, within EVM blocks: faults that the engine proved before the transactions, the end of an epoch
 * after them. The set that the engine was told last stands in the contract's storage, so that the application hash covers it.
 */
import { epochRecord, readField } from "@freehold/contracts/layout";
import { bytesToBigint, concatBytes, contractAddresses, fromHex, type Validator } from "@freehold/protocol";
import type { Misbehaviour } from "../application/types.js";
import type { BlockEnv, StateMachine } from "../execution/types.js";
import { selector } from "../pipe/delivery.js";
import { nextSet, updatesBetween } from "./next-set.js";

export const VALIDATOR_SET: Uint8Array = fromHex(contractAddresses.ValidatorSet);
const WORD = 32;

/** What the engine says of the blocks before. */
export interface EngineReport {
	readonly misbehaviour: readonly Misbehaviour[];
	/** Addresses of validators whose vote is not in the commit of the last block. */
	readonly absent: readonly Uint8Array[];
}

type Protocol = Pick<StateMachine, "storage" | "system">;

/** When the epoch under way ends, in Unix seconds, as the last block left it; undefined on a network of one sequencer. */
export function epochEnd(state: Pick<StateMachine, "storage">): bigint | undefined {
	const { slot, fields } = epochRecord;
	const endsAt = readField([bytesToBigint(state.storage(VALIDATOR_SET, wordOf(BigInt(slot))))], fields.endsAt);
	return endsAt === 0n ? undefined : endsAt;
}

/** Tells the contract of faults. To be called before the block's transactions. */
export function reportFaults(state: Protocol, { misbehaviour, absent }: EngineReport): void {
	if (misbehaviour.length === 0 && absent.length === 0) return;
	if (epochEnd(state) === undefined) return;
	const addresses = (list: readonly Uint8Array[]): readonly Uint8Array[] => list.filter(({ length }) => length === 20).map(padded);
	const equivocators = addresses(misbehaviour.map(({ validatorAddress }) => validatorAddress));
	state.system(VALIDATOR_SET, encodeArrays("report(address[],address[])", [equivocators, addresses(absent)]));
}

/** Ends the epoch where its time has come, and gives what the engine has to be told. To be called after the block's transactions. */
export function closeEpoch(state: Protocol, env: Pick<BlockEnv, "timestamp">): readonly Validator[] {
	const end = epochEnd(state);
	if (end === undefined || env.timestamp < end) return [];
	const [lastKeys = [], lastPowers = [], keys = [], powers = []] = decodeArrays(state.system(VALIDATOR_SET, selector("endEpoch()")), 4);
	const last = validatorsOf(lastKeys, lastPowers);
	const next = nextSet(last, validatorsOf(keys, powers));
	state.system(VALIDATOR_SET, encodeSet(next));
	return updatesBetween(last, next);
}

/** The call that keeps a set in the contract. */
export function encodeSet(set: readonly Validator[]): Uint8Array {
	return encodeArrays("setActive(bytes32[],uint64[])", [set.map(({ publicKey }) => publicKey), set.map(({ power }) => wordOf(power))]);
}

export function wordOf(value: bigint): Uint8Array {
	return fromHex(`0x${value.toString(16).padStart(2 * WORD, "0")}`);
}

export function padded(address: Uint8Array): Uint8Array {
	return concatBytes(new Uint8Array(WORD - address.length), address);
}

/** A call whose arguments are lists of words. */
function encodeArrays(signature: string, lists: readonly (readonly Uint8Array[])[]): Uint8Array {
	let offset = lists.length * WORD;
	const heads = lists.map((list) => {
		const head = wordOf(BigInt(offset));
		offset += (1 + list.length) * WORD;
		return head;
	});
	return concatBytes(selector(signature), ...heads, ...lists.flatMap((list) => [wordOf(BigInt(list.length)), ...list]));
}

/** Inverse, for what the protocol's own contract answered. */
function decodeArrays(answer: Uint8Array, count: number): readonly (readonly Uint8Array[])[] {
	const word = (at: number): Uint8Array => {
		if (at + WORD > answer.length) throw new Error("the answer of ValidatorSet is too short");
		return answer.slice(at, at + WORD);
	};
	const number = (at: number): number => Number(bytesToBigint(word(at)));
	return Array.from({ length: count }, (_, index) => {
		const at = number(index * WORD);
		return Array.from({ length: number(at) }, (__, item) => word(at + (1 + item) * WORD));
	});
}

function validatorsOf(keys: readonly Uint8Array[], powers: readonly Uint8Array[]): readonly Validator[] {
	return keys.map((publicKey, index) => ({ publicKey, power: bytesToBigint(powers[index] ?? new Uint8Array(0)) }));
}
