import { expect, test } from "vitest";
import { checkStateless, intrinsicGas } from "./intrinsic.js";

const plain = { to: new Uint8Array(20), data: new Uint8Array(0), accessList: [], authorizationList: [] };
const tx = { ...plain, type: 2, sender: new Uint8Array(20), nonce: 0n, value: 0n, gasLimit: 21_000n, maxFeePerGas: 1n, maxPriorityFeePerGas: 0n } as const;

test.each([
	["a plain transfer", plain, 21_000n, 21_000n],
	["calldata: 4 and 16 a byte, floor 10 and 40 (EIP-7623)", { ...plain, data: Uint8Array.of(0, 0, 1) }, 21_024n, 21_060n],
	["a creation: 32,000 and 2 a word (EIP-3860)", { ...plain, to: undefined, data: new Uint8Array(33) }, 21_000n + 32_000n + 132n + 4n, 21_330n],
	["an access list", { ...plain, accessList: [{ address: new Uint8Array(20), storageKeys: [new Uint8Array(32)] }] }, 25_300n, 21_000n],
])("%s", (_, request, intrinsic, floor) => expect(intrinsicGas(request)).toEqual({ intrinsic, floor }));

test.each([
	["too little gas", { gasLimit: 20_999n }, "intrinsic gas too low: gas 20999, minimum needed 21000"],
	[
		"below the calldata floor",
		{ data: new Uint8Array(100).fill(1), gasLimit: 23_000n },
		"insufficient gas for floor data gas cost: gas 23000, minimum needed 25000",
	],
	["more than a block", { gasLimit: 100_000_001n }, "exceeds block gas limit: gas 100000001, limit 100000000"],
	["a tip above the fee", { maxPriorityFeePerGas: 2n }, "max priority fee per gas higher than max fee per gas"],
	[
		"too long creation code",
		{ to: undefined, data: new Uint8Array(49_153), gasLimit: 99_000_000n },
		"max initcode size exceeded: code size 49153, limit 49152",
	],
])("%s is refused in geth's words", (_, change, message) => expect(() => checkStateless({ ...tx, ...change }, 100_000_000n)).toThrow(message));
