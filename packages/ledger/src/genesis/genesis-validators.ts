/** The first validators of a network of several: bonded in block 0, by the same calls as anybody later, so that their bonds answer for them from the first block. */
import { contractAddresses, FreeholdError, fromHex, systemAddresses, type Validator } from "@freehold/protocol";
import { SYSTEM_ADDRESS } from "../execution/history-contract.js";
import type { GenesisState } from "../execution/types.js";
import { selector } from "../pipe/delivery.js";
import { encodeSet, padded, VALIDATOR_SET, wordOf } from "../validators/staking.js";

/** One of the first validators, as the genesis file names it. */
export interface GenesisValidator {
	/** Whose bond it is; must hold it among the balances. */
	readonly operator: Uint8Array;
	/** Ed25519 key that signs its votes. */
	readonly publicKey: Uint8Array;
	/** The key's signature that shows that it belongs to the operator, 64 bytes. */
	readonly possession: Uint8Array;
	/** Smallest unit; each whole OPG is one unit of power. */
	readonly bond: bigint;
	readonly commissionBps: number;
}

/** Rules of `ValidatorSet` where they are not the default ones. */
export interface StakingRules {
	/** Least stake of an operator in itself, smallest unit. */
	readonly minSelfBond: bigint;
	readonly epochSeconds: number;
	readonly jailSeconds: number;
	/** EVM blocks over which absence is judged. */
	readonly attendanceBlocks: number;
	/** What a double signature costs, in hundredths of a percent. */
	readonly equivocationBps: number;
}

export const defaultStakingRules: StakingRules = {
	minSelfBond: 1_000n * 10n ** 18n,
	epochSeconds: 3_600,
	jailSeconds: 600,
	attendanceBlocks: 1_000,
	equivocationBps: 500,
};

const POWER_UNIT = 10n ** 18n;
const POSSESSION_PURPOSE = "freehold-validator-possession-v1";

/** What a consensus key signs to be bonded: the same bytes as `ValidatorSet.possessionMessage`. */
export function possessionMessage(chainId: bigint, operator: Uint8Array): Uint8Array {
	return Buffer.concat([Buffer.from(POSSESSION_PURPOSE, "utf8"), wordOf(chainId), padded(operator)]);
}

/** The set that the bonds make: what the engine's genesis must name. */
export function setOf(validators: readonly GenesisValidator[]): readonly Validator[] {
	return validators.map(({ publicKey, bond }) => ({ publicKey, power: bond / POWER_UNIT }));
}

/** Calls of block 0 that open the set and bond its first members; none for a network of one sequencer. */
export function stakingCalls(validators: readonly GenesisValidator[], rules: StakingRules): GenesisState["calls"] {
	if (validators.length === 0) return [];
	const opg = fromHex(contractAddresses.OPG);
	const approve = (from: Uint8Array, amount: bigint) => ({
		from,
		to: opg,
		data: Buffer.concat([selector("approve(address,uint256)"), padded(VALIDATOR_SET), wordOf(amount)]),
	});
	const call = (from: Uint8Array, data: Uint8Array) => ({ from, to: VALIDATOR_SET, data });
	const { minSelfBond, epochSeconds, jailSeconds, attendanceBlocks, equivocationBps } = rules;
	const words = [minSelfBond, BigInt(epochSeconds), BigInt(jailSeconds), BigInt(attendanceBlocks), BigInt(equivocationBps)].map(wordOf);
	const setRules = Buffer.concat([selector("setRules((uint128,uint32,uint32,uint32,uint16))"), ...words]);
	return [
		call(fromHex(systemAddresses.treasury), setRules),
		call(SYSTEM_ADDRESS, selector("open()")),
		// The reward pool has no key: this is the only one who may ever take from it.
		approve(fromHex(systemAddresses.rewardPool), 2n ** 256n - 1n),
		...validators.flatMap((validator) => [approve(validator.operator, validator.bond), call(validator.operator, bondCall(validator))]),
		call(SYSTEM_ADDRESS, encodeSet(setOf(validators))),
	];
}

function bondCall({ publicKey, possession, commissionBps, bond }: GenesisValidator): Uint8Array {
	const head = [publicKey, wordOf(128n), wordOf(BigInt(commissionBps)), wordOf(bond)];
	return Buffer.concat([selector("bond(bytes32,bytes,uint16,uint128)"), ...head, wordOf(64n), possession]);
}

/** Throws `config.invalid` when the engine begins with another set than the one that is bonded. */
export function requireSameSet(bonded: readonly GenesisValidator[], told: readonly Validator[]): void {
	if (bonded.length === 0 || told.length === 0) return;
	const text = (set: readonly Validator[]): string =>
		set
			.map(({ publicKey, power }) => `${Buffer.from(publicKey).toString("hex")}:${power}`)
			.sort()
			.join(" ");
	if (text(setOf(bonded)) !== text(told))
		throw new FreeholdError("config.invalid", { option: "--genesis", reason: "its validators are not those of the consensus engine's genesis" });
}
