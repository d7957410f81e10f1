/** The genesis file: the little that differs between two networks. Everything else follows from the contracts' own plan. */
import { FreeholdError, fromHex, isHex } from "@freehold/protocol";

export interface GenesisFile {
	readonly chainId: number;
	/** Unix seconds. */
	readonly timestamp: number;
	/** Funded out of the ecosystem share, in the smallest unit. `prepaid`: how much of it stands in `UsageLedger` for models that contracts ask. */
	readonly balances: readonly { readonly address: Uint8Array; readonly amount: bigint; readonly prepaid?: bigint }[];
	/** Ed25519 key of the one sequencer; when absent, the key that makes the first block. */
	readonly sequencer?: Uint8Array;
	/** Who gets the priority fees; the reward pool when absent. */
	readonly feeRecipient?: Uint8Array;
}

const MAX_BALANCES = 10_000;
const KNOWN_KEYS = new Set(["chainId", "timestamp", "balances", "sequencer", "feeRecipient"]);

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
	const { balances, sequencer, feeRecipient } = file;
	if (!Array.isArray(balances) || balances.length > MAX_BALANCES) return refuse("balances", `must be a list of at most ${MAX_BALANCES}`);
	return {
		chainId: wholeNumber(file["chainId"], "chainId", 1),
		timestamp: wholeNumber(file["timestamp"], "timestamp", 0),
		balances: balances.map((entry: unknown, index) => {
			const { address, amount, prepaid } = objectOf(entry, `balances[${index}]`);
			if (typeof amount !== "string" || !/^(0|[1-9][0-9]{0,30})$/.test(amount)) return refuse(`balances[${index}].amount`, "must be a decimal string");
			const funded = { address: bytesOf(address, 20, `balances[${index}].address`), amount: BigInt(amount) };
			if (prepaid === undefined) return funded;
			if (typeof prepaid !== "string" || !/^(0|[1-9][0-9]{0,30})$/.test(prepaid) || BigInt(prepaid) > funded.amount)
				return refuse(`balances[${index}].prepaid`, "must be a decimal string, at most the amount");
			return { ...funded, prepaid: BigInt(prepaid) };
		}),
		...(sequencer === undefined ? {} : { sequencer: bytesOf(sequencer, 32, "sequencer") }),
		...(feeRecipient === undefined ? {} : { feeRecipient: bytesOf(feeRecipient, 20, "feeRecipient") }),
	};
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
