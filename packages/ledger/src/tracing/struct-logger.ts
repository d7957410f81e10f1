/** geth's default tracer: one entry for each step. Written as text at once: the list may be long. */

import { failureOf, type TraceRecord } from "../execution/trace-record.js";
import { limitExceeded } from "../rpc/rpc-error.js";
import { hexOf } from "../transaction/decode.js";
import { opcodeName } from "./opcode-names.js";

export interface StructLogOptions {
	readonly enableMemory: boolean;
	readonly disableStack: boolean;
	readonly disableStorage: boolean;
	readonly enableReturnData: boolean;
	/** Steps shown; 0 for all. */
	readonly limit: number;
}

interface Result {
	readonly gasUsed: bigint;
	readonly isFailed: boolean;
	readonly output: Uint8Array;
}

/** Text of the answer. Throws `-32005` beyond `maxCharacters`. */
export function structLogs(records: Iterable<TraceRecord>, options: StructLogOptions, { gasUsed, isFailed, output }: Result, maxCharacters: number): string {
	const entries: string[] = [];
	let size = 0;
	let entry: Record<string, unknown> | undefined;
	const add = (): void => {
		if (entry === undefined || (options.limit > 0 && entries.length >= options.limit)) return;
		const text = JSON.stringify(entry);
		size += text.length + 1;
		if (size > maxCharacters) throw limitExceeded(`the trace is longer than ${maxCharacters} characters: leave parts out or set a limit`);
		entries.push(text);
	};
	/** Whose storage each open frame works on (delegated code on its borrower's), and what that account has shown of it. */
	const frames: string[] = [];
	const storages = new Map<string, Record<string, string>>();
	for (const record of records) {
		if (record.kind === "slot") {
			const account = frames.at(-1) ?? "";
			const storage = { ...storages.get(account), [hexOf(record.key)]: hexOf(record.value) };
			storages.set(account, storage);
			if (entry !== undefined && !options.disableStorage) entry["storage"] = storage;
			continue;
		}
		if (record.kind === "step") {
			// geth shows what a store gives back with the store itself.
			if (entry?.["op"] === "SSTORE" && record.refund > 0n) entry["refund"] = Number(record.refund);
			add();
			entry = entryOf(record, frames.length, options);
		} else if (record.kind === "begin") {
			const lends = record.opcode === 0xf2 || record.opcode === 0xf4;
			frames.push(hexOf(lends ? record.from : record.to));
		} else if (record.kind === "end") frames.pop();
	}
	add();
	return `{"gas":${gasUsed},"failed":${isFailed},"returnValue":"${hexOf(output)}","structLogs":[${entries.join(",")}]}`;
}

const bare = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");

function entryOf(step: Extract<TraceRecord, { kind: "step" }>, depth: number, options: StructLogOptions): Record<string, unknown> {
	const error = step.result === 0x10 ? undefined : failureOf(step.result);
	return {
		pc: step.pc,
		op: opcodeName(step.opcode),
		gas: Number(step.gas),
		gasCost: Number(step.gasCost),
		depth,
		...(error === undefined ? {} : { error }),
		...(options.disableStack ? {} : { stack: step.stack.map(shortest) }),
		...(options.enableReturnData && step.returnData.length > 0 ? { returnData: hexOf(step.returnData) } : {}),
		...(options.enableMemory && step.memory.length > 0 ? { memory: words(step.memory) } : {}),
		...(step.refund === 0n ? {} : { refund: Number(step.refund) }),
	};
}

/** As a quantity. */
function shortest(word: Uint8Array): string {
	return `0x${bare(word).replace(/^0/, "") || "0"}`;
}

function words(memory: Uint8Array): string[] {
	const list: string[] = [];
	for (let at = 0; at < memory.length; at += 32) list.push(hexOf(memory.subarray(at, at + 32)));
	return list;
}
