/** geth's `callTracer`: the tree of calls. */

import { failureOf, REVERTED, type TraceRecord } from "../execution/trace-record.js";
import { revertReason } from "../rpc/revert.js";
import { quantity } from "../rpc/views.js";
import { hexOf } from "../transaction/decode.js";

const types: Readonly<Record<number, string>> = {
	240: "CREATE",
	241: "CALL",
	242: "CALLCODE",
	244: "DELEGATECALL",
	245: "CREATE2",
	250: "STATICCALL",
};
const STATICCALL = 0xfa;

interface LogView {
	readonly address: string;
	readonly topics: readonly string[];
	readonly data: string;
	readonly position: string;
	/** Counts through the transaction, those that were undone too. */
	readonly index: string;
}

interface Frame {
	from: string;
	gas: string;
	gasUsed: string;
	to?: string;
	input: string;
	output?: string;
	error?: string;
	revertReason?: string;
	calls?: Frame[];
	logs?: LogView[];
	value?: string;
	type: string;
}

/** `gasLimit` and `gasUsed` of the transaction stand in the outermost frame. */
export function callFrames(records: Iterable<TraceRecord>, totals: { readonly gasLimit: bigint; readonly gasUsed: bigint }): Frame | undefined {
	let root: Frame | undefined;
	const open: Frame[] = [];
	let logs = 0;
	for (const record of records) {
		const current = open.at(-1);
		if (record.kind === "begin") {
			const frame = frameOf(record);
			if (current === undefined) root ??= frame;
			else callsOf(current).push(frame);
			open.push(frame);
		} else if (record.kind === "end") {
			const frame = open.pop();
			if (frame !== undefined) finish(frame, record);
		} else if (current !== undefined && record.kind === "log") {
			current.logs ??= [];
			current.logs.push({
				address: hexOf(record.address),
				topics: record.topics.map(hexOf),
				data: hexOf(record.data),
				position: quantity(current.calls?.length ?? 0),
				index: quantity(logs++),
			});
		} else if (current !== undefined && record.kind === "selfDestruct") {
			const { contract, beneficiary, balance } = record;
			callsOf(current).push({
				from: hexOf(contract),
				gas: "0x0",
				gasUsed: "0x0",
				to: hexOf(beneficiary),
				input: "0x",
				value: quantity(balance),
				type: "SELFDESTRUCT",
			});
		}
	}
	if (root !== undefined) {
		root.gas = quantity(totals.gasLimit);
		root.gasUsed = quantity(totals.gasUsed);
		forgetUndoneLogs(root, false);
	}
	return root;
}

const callsOf = (frame: Frame): Frame[] => {
	frame.calls ??= [];
	return frame.calls;
};

function frameOf({ opcode, from, to, value, gas, input }: Extract<TraceRecord, { kind: "begin" }>): Frame {
	return {
		from: hexOf(from),
		gas: quantity(gas),
		gasUsed: "0x0",
		to: hexOf(to),
		input: hexOf(input),
		...(opcode === STATICCALL ? {} : { value: quantity(value) }),
		type: types[opcode] ?? "CALL",
	};
}

function finish(frame: Frame, { result, gasUsed, output }: Extract<TraceRecord, { kind: "end" }>): void {
	frame.gasUsed = quantity(gasUsed);
	const error = failureOf(result);
	if (error !== undefined) {
		frame.error = error;
		if (frame.type.startsWith("CREATE")) delete frame.to;
	}
	if (output.length === 0 || (error !== undefined && result !== REVERTED)) return;
	frame.output = hexOf(output);
	const reason = error === undefined ? undefined : revertReason(output);
	if (reason !== undefined) frame.revertReason = reason;
}

/** What a failed frame emitted, and those within it, did not happen. */
function forgetUndoneLogs(root: Frame, isUndone: boolean): void {
	const rest: [Frame, boolean][] = [[root, isUndone]];
	for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
		const [frame, undone] = next;
		const gone = undone || frame.error !== undefined;
		if (gone) delete frame.logs;
		for (const call of frame.calls ?? []) rest.push([call, gone]);
	}
}
