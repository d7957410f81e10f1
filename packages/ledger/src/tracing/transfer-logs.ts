/** Logs with one more for each transfer of native value, as `eth_simulateV1` shows them: an ERC-20 `Transfer` of the address 0xee…ee. */
import { fromHex } from "@freehold/protocol";
import type { TraceRecord } from "../execution/trace-record.js";
import { REVERTED } from "../execution/trace-record.js";
import type { Log } from "../execution/types.js";

const NATIVE = new Uint8Array(20).fill(0xee);
/** keccak256("Transfer(address,address,uint256)") */
const TRANSFER = fromHex("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/** Instructions that move value: CREATE, CALL, CREATE2. Lent code only sees its borrower's. */
const MOVES: ReadonlySet<number> = new Set([0xf0, 0xf1, 0xf5]);

export function logsWithTransfers(records: Iterable<TraceRecord>): readonly Log[] {
	const all: Log[] = [];
	/** How many logs there were when each open frame began: a failed one takes its own back. */
	const marks: number[] = [];
	for (const record of records) {
		if (record.kind === "begin") {
			marks.push(all.length);
			if (record.value > 0n && MOVES.has(record.opcode)) all.push(transfer(record.from, record.to, record.value));
		} else if (record.kind === "end") {
			const mark = marks.pop() ?? 0;
			if (record.result >= REVERTED) all.length = mark;
		} else if (record.kind === "log") all.push({ address: record.address, topics: record.topics, data: record.data });
		else if (record.kind === "selfDestruct" && record.balance > 0n) all.push(transfer(record.contract, record.beneficiary, record.balance));
	}
	return all;
}

function transfer(from: Uint8Array, to: Uint8Array, value: bigint): Log {
	const data = Uint8Array.from(Buffer.from(value.toString(16).padStart(64, "0"), "hex"));
	return { address: NATIVE, topics: [TRANSFER, padded(from), padded(to)], data };
}

function padded(address: Uint8Array): Uint8Array {
	const word = new Uint8Array(32);
	word.set(address, 12);
	return word;
}
