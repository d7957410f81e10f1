/** The genesis file: the little that differs between two networks. Everything else follows from the contracts' own plan. */
import { FreeholdError, fromHex, isHex } from "@freehold/protocol";
import { defaultStakingRules, type GenesisValidator, type StakingRules } from "./genesis-validators.js";

export interface GenesisFile {
	readonly chainId: number;
	/** Unix seconds. */
	readonly timestamp: number;
	/** Funded out of the ecosystem share, in the smallest unit. `prepaid`: how much of it stands in `UsageLedger` for models that contracts ask. */
	readonly balances: readonly { readonly address: Uint8Array; readonly amount: bigint; readonly prepaid?: bigint }[];
	/** The first validators of a network of several, bonded in block 0; none for one sequencer. */
	readonly validators: readonly GenesisValidator[];
	/** Rules of bonding; the default ones where nothing is said. */
	readonly staking: StakingRules;
	/** Ed25519 key of the one sequencer; when absent, the key that makes the first block. */
	readonly sequencer?: Uint8Array;
	/** Who gets the priority fees; the reward pool when absent. */
	readonly feeRecipient?: Uint8Array;
}

const MAX_BALANCES = 10_000;
const MAX_VALIDATORS = 100;
const KNOWN_KEYS = new Set(["chainId", "timestamp", "balances", "validators", "staking", "sequencer", "feeRecipient"]);

function refuse(field: string, reason: string): never {
	throw new FreeholdError("config.invalid", { option: "--genesis", reason: `${field} ${reason}` });
}

/** Genesis of its JSON text. Throws `config.invalid` naming the field. */
export function parseGenesisFile(text: string): GenesisFile {
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch {
		return refuse("the file", "is not JSON");
	}
	const file = objectOf(value, "the file");
	for (const key of Object.keys(file)) if (!KNOWN_KEYS.has(key)) refuse(key, "is not known");
	const { balances, validators = [], staking = {}, sequencer, feeRecipient } = file;
	if (!Array.isArray(balances) || balances.length > MAX_BALANCES) return refuse("balances", `must be a list of at most ${MAX_BALANCES}`);
	if (!Array.isArray(validators) || validators.length > MAX_VALIDATORS) return refuse("validators", `must be a list of at most ${MAX_VALIDATORS}`);
	return {
		validators: validators.map(validatorOf),
		staking: stakingOf(objectOf(staking, "staking")),
		chainId: wholeNumber(file["chainId"], "chainId", 1),
		timestamp: wholeNumber(file["timestamp"], "timestamp", 0),
		balances: balances.map((entry: unknown, index) => {
			const { address, amount, prepaid } = objectOf(entry, `balances[${index}]`);
			const funded = { address: bytesOf(address, 20, `balances[${index}].address`), amount: amountOf(amount, `balances[${index}].amount`) };
			if (prepaid === undefined) return funded;
			if (typeof prepaid !== "string" || !/^(0|[1-9][0-9]{0,30})$/.test(prepaid) || BigInt(prepaid) > funded.amount)
				return refuse(`balances[${index}].prepaid`, "must be a decimal string, at most the amount");
			return { ...funded, prepaid: BigInt(prepaid) };
		}),
		...(sequencer === undefined ? {} : { sequencer: bytesOf(sequencer, 32, "sequencer") }),
		...(feeRecipient === undefined ? {} : { feeRecipient: bytesOf(feeRecipient, 20, "feeRecipient") }),
	};
}

function validatorOf(entry: unknown, index: number): GenesisValidator {
	const name = `validators[${index}]`;
	const { operator, publicKey, possession, bond, commissionBps = 0 } = objectOf(entry, name);
	return {
		operator: bytesOf(operator, 20, `${name}.operator`),
		publicKey: bytesOf(publicKey, 32, `${name}.publicKey`),
		possession: bytesOf(possession, 64, `${name}.possession`),
		bond: amountOf(bond, `${name}.bond`),
		commissionBps: wholeNumber(commissionBps, `${name}.commissionBps`, 0),
	};
}

function stakingOf(given: Readonly<Record<string, unknown>>): StakingRules {
	for (const key of Object.keys(given)) if (!(key in defaultStakingRules)) refuse(`staking.${key}`, "is not known");
	const rule = (key: Exclude<keyof StakingRules, "minSelfBond">): number => wholeNumber(given[key] ?? defaultStakingRules[key], `staking.${key}`, 1);
	return {
		minSelfBond: given["minSelfBond"] === undefined ? defaultStakingRules.minSelfBond : amountOf(given["minSelfBond"], "staking.minSelfBond"),
		epochSeconds: rule("epochSeconds"),
		jailSeconds: rule("jailSeconds"),
		attendanceBlocks: rule("attendanceBlocks"),
		equivocationBps: rule("equivocationBps"),
	};
}

function amountOf(value: unknown, name: string): bigint {
	if (typeof value !== "string" || !/^(0|[1-9][0-9]{0,30})$/.test(value)) return refuse(name, "must be a decimal string");
	return BigInt(value);
}

function objectOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
	if (typeof value !== "object" || value === null || Array.isArray(value)) return refuse(name, "must be an object");
	return value as Readonly<Record<string, unknown>>;
}

function wholeNumber(value: unknown, name: string, min: number): number {
	if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min) return refuse(name, `must be a whole number from ${min}`);
	return value;
}

function bytesOf(value: unknown, length: number, name: string): Uint8Array {
	const text = typeof value === "string" ? value.toLowerCase() : undefined;
	if (!isHex(text, length)) return refuse(name, `must be ${length} bytes of 0x hex`);
	return fromHex(text);
}
