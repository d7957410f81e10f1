/** Revert data in words: Solidity's `Error(string)` and `Panic(uint256)`. */
import { hexOf, integerOf } from "../transaction/decode.js";
import { RpcError, rpcCodes } from "./rpc-error.js";

/** Solidity documentation, "Panic via assert and error via require". */
const panics: Readonly<Record<number, string>> = {
	0: "generic panic",
	1: "assert(false)",
	17: "arithmetic underflow or overflow",
	18: "division or modulo by zero",
	33: "enum overflow",
	34: "invalid encoded storage byte array accessed",
	49: "out-of-bounds array access; popping on an empty array",
	50: "out-of-bounds access of an array or bytesN",
	65: "out of memory",
	81: "uninitialized function",
};

/** Code 3 with the data, as every client library expects it. */
export function revertError(data: Uint8Array): RpcError {
	const reason = revertReason(data);
	return new RpcError(rpcCodes.reverted, reason === undefined ? "execution reverted" : `execution reverted: ${reason}`, hexOf(data));
}

export function revertReason(data: Uint8Array): string | undefined {
	const selector = hexOf(data.subarray(0, 4));
	const body = data.subarray(4);
	if (selector === "0x4e487b71" && body.length === 32) {
		const code = integerOf(body);
		return (code < 256n ? panics[Number(code)] : undefined) ?? `unknown panic code: 0x${code.toString(16)}`;
	}
	if (selector !== "0x08c379a0" || body.length < 64) return undefined;
	const length = integerOf(body.subarray(32, 64));
	if (integerOf(body.subarray(0, 32)) !== 32n || length > BigInt(body.length - 64)) return undefined;
	return Buffer.from(body.subarray(64, 64 + Number(length))).toString("utf8");
}
