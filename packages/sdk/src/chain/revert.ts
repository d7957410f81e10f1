/** Words for what a contract refused: `Error(string)`, `Panic(uint256)` and the custom errors of the ABIs at hand. */
import { FreeholdError, type Hex, isHex } from "@freehold/protocol";
import { type Abi, decodeErrorResult } from "viem";
import { RpcError } from "./json-rpc.js";

export interface Revert {
	/** Name of the error; `Error` for a plain reason, undefined when no ABI knows it. */
	readonly name: string | undefined;
	readonly args: readonly unknown[];
	/** For people: `NotOwner(0x…)`, or the reason itself. */
	readonly text: string;
	readonly data: Hex;
}

/** What `data` of a revert says. */
export function decodeRevert(data: Hex, abis: readonly Abi[]): Revert {
	if (data === "0x") return { name: undefined, args: [], text: "no reason given", data };
	for (const abi of [[], ...abis]) {
		try {
			const { errorName, args = [] } = decodeErrorResult({ abi: abi as Abi, data });
			const list: readonly unknown[] = args;
			const text = errorName === "Error" ? String(list[0]) : `${errorName}(${list.map(describe).join(", ")})`;
			return { name: errorName, args: list, text, data };
		} catch {
			// Not an error of this ABI: the next one may know it.
		}
	}
	return { name: undefined, args: [], text: `error ${data.slice(0, 10)}`, data };
}

/** A failure of the node in the words of the catalogue: reverts as `chain.reverted` with the contract's reason; others unchanged. */
export function translateRevert(error: unknown, abis: readonly Abi[]): unknown {
	if (!(error instanceof FreeholdError) || !(error.cause instanceof RpcError)) return error;
	const { code, data, message } = error.cause;
	const bytes = revertData(data);
	if (bytes === undefined && code !== 3) return error;
	const revert = decodeRevert(bytes ?? "0x", abis);
	const reason = bytes === undefined || bytes === "0x" ? message : revert.text;
	return new FreeholdError("chain.reverted", { reason, ...(revert.name === undefined ? {} : { error: revert.name }) }, { cause: error.cause });
}

/** Nodes put the bytes into `data` itself or into `data.data`. */
function revertData(data: unknown): Hex | undefined {
	const inner: unknown = typeof data === "object" && data !== null && "data" in data ? data.data : data;
	return isHex(inner) ? inner : undefined;
}

function describe(value: unknown): string {
	if (typeof value === "bigint") return value.toString();
	if (typeof value === "string") return value;
	return JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? item.toString() : item)) ?? String(value);
}
