/** A ledger's genesis whose first validators are bonded: operators are the development accounts, in order. */
import { fromHex, type Hex, toHex, type Validator } from "@freehold/protocol";
import { mnemonicToAccount } from "viem/accounts";
import { possessionMessage } from "../src/genesis/genesis-validators.js";
import type { SigningKey } from "../src/sequencer/signing-key.js";
import { CHAIN_ID, developers, funded, OPG } from "./local-ledger.js";

export const BOND = 10_000n * OPG;
/** One who comes later, with money and without a bond. */
export const newcomer = mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex: 4 });

/** What an engine's key signs for an operator. */
export function possessionOf(key: SigningKey, operator: string): Hex {
	return toHex(key.sign(possessionMessage(BigInt(CHAIN_ID), fromHex(operator.toLowerCase() as Hex))));
}

export interface Staking {
	/** The validators' keys; the operator of the first is the first development account. */
	readonly keys: readonly SigningKey[];
	readonly timestamp: number;
	readonly rules?: Readonly<Record<string, number | string>>;
}

export function stakingGenesis({ keys, timestamp, rules = {} }: Staking) {
	return {
		chainId: CHAIN_ID,
		timestamp,
		balances: funded([...developers, newcomer]),
		validators: keys.map((key, index) => {
			const operator = (developers[index] as (typeof developers)[number]).address.toLowerCase();
			return { operator, publicKey: toHex(key.publicKey), possession: possessionOf(key, operator), bond: BOND.toString() };
		}),
		staking: rules,
	};
}

/** As the consensus engine begins. */
export const engineSet = (keys: readonly SigningKey[]): readonly Validator[] => keys.map(({ publicKey }) => ({ publicKey, power: BOND / OPG }));
