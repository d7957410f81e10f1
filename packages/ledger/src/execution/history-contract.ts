/** The contract that serves the hashes of the last 8,191 blocks to contracts (EIP-2935). */
import { fromHex } from "@freehold/protocol";

export const HISTORY_ADDRESS: Uint8Array = fromHex("0x0000f90827f1c53a10cb7a02335b175320002935");

/** The sender of calls that the protocol makes itself (EIP-2935, EIP-4788). */
export const SYSTEM_ADDRESS: Uint8Array = fromHex("0xfffffffffffffffffffffffffffffffffffffffe");

/** Gas that a system call may use; it counts against no block. */
export const SYSTEM_CALL_GAS = 30_000_000n;

/** The creation code that EIP-2935 gives: it returns the 83 bytes that follow its first nine. */
export const HISTORY_INIT_CODE: Uint8Array = fromHex(
	"0x60538060095f395ff33373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500",
);
