/** The protocol's contracts: where they stand and what they say. */
import type { Abi } from "viem";

/** ABIs whose errors and events are known everywhere. */
export const protocolAbis: readonly Abi[] = [];
