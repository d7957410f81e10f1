/** A ledger's genesis whose first validators are bonded: operators are the development accounts, in order. */
import { fromHex, toHex, type Validator } from "@freehold/protocol";
import { ed25519 } from "@noble/curves/ed25519.js";
import { possessionMessage } from "../src/genesis/genesis-validators.js";
import { CHAIN_ID, developers, funded, OPG } from "./local-ledger.js";

export const BOND = 10_000n * OPG;

/** What an engine's key signs for an operator. `seed`: 32 bytes of the key. */
export function possessionOf(seed: Uint8Array, operator: string): Uint8Array {
	return ed25519.sign(possessionMessage(BigInt(CHAIN_ID), fromHex(operator.toLowerCase() as `0x${string}`)), seed);
}

export interface Staking {
	/** Seeds of the validators' keys; the operator of the first is the first development account. */
	readonly seeds: readonly Uint8Array[];
	readonly timestamp: number;
	readonly rules?: Readonly<Record<string, number | string>>;
}

export function stakingGenesis({ seeds, timestamp, rules = {} }: Staking) {
	return {
		chainId: CHAIN_ID,
		timestamp,
		balances: funded(developers),
		validators: seeds.map((seed, index) => {
			const operator = (developers[index] as (typeof developers)[number]).address.toLowerCase();
			return {
				operator,
				publicKey: toHex(ed25519.getPublicKey(seed)),
				possession: toHex(possessionOf(seed, operator)),
				bond: BOND.toString(),
			};
		}),
		staking: rules,
	};
}

/** As the consensus engine begins. */
export const engineSet = (seeds: readonly Uint8Array[]): readonly Validator[] =>
	seeds.map((seed) => ({ publicKey: ed25519.getPublicKey(seed), power: BOND / OPG }));
