/** What a caller wants to pretend: other accounts (`stateOverrides`) and another block (`blockOverrides`), in geth's names. */
import type { AccountAmendment, BlockEnv } from "../execution/types.js";
import { addressParameter, bytesParameter, hashParameter, objectParameter, quantityParameter } from "./parameters.js";
import { invalidParams } from "./rpc-error.js";

const MAX_ACCOUNTS = 1_000;
const MAX_SLOTS = 10_000;
const MAX_CODE_BYTES = 256 * 1024;

type Given = Readonly<Record<string, unknown>>;

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

export function stateOverridesParameter(value: unknown): readonly AccountAmendment[] {
	if (!isGiven(value)) return [];
	const accounts = Object.entries(objectParameter(value, "state overrides"));
	if (accounts.length > MAX_ACCOUNTS) throw invalidParams(`state overrides: at most ${MAX_ACCOUNTS} accounts`);
	let slots = 0;
	return accounts.map(([name, given]) => {
		const amendment = amendmentOf(name, objectParameter(given, `state overrides of ${name.slice(0, 42)}`));
		slots += amendment.slots.length;
		if (slots > MAX_SLOTS) throw invalidParams(`state overrides: at most ${MAX_SLOTS} slots`);
		return amendment;
	});
}

function amendmentOf(name: string, given: Given): AccountAmendment {
	for (const field of Object.keys(given)) {
		if (field === "movePrecompileToAddress" && isGiven(given[field])) throw invalidParams("movePrecompileToAddress: precompiles cannot be moved here");
		if (!["balance", "nonce", "code", "state", "stateDiff", "movePrecompileToAddress"].includes(field))
			throw invalidParams(`state overrides: no field "${field.slice(0, 50)}"`);
	}
	if (isGiven(given["state"]) && isGiven(given["stateDiff"])) throw invalidParams("state overrides: either state or stateDiff");
	const code = isGiven(given["code"]) ? bytesParameter(given["code"], "code", MAX_CODE_BYTES) : undefined;
	if (code !== undefined && code[0] === 0xef && code[1] === 0x01 && (code.length !== 23 || code[2] !== 0))
		throw invalidParams("code: no delegation (EIP-7702) has this form");
	const storage = given["state"] ?? given["stateDiff"];
	return {
		address: addressParameter(name, "state overrides"),
		nonce: isGiven(given["nonce"]) ? quantityParameter(given["nonce"], "nonce", 64) : undefined,
		balance: isGiven(given["balance"]) ? quantityParameter(given["balance"], "balance") : undefined,
		code,
		onlyTheseSlots: isGiven(given["state"]),
		slots: isGiven(storage)
			? Object.entries(objectParameter(storage, "state")).map(([key, word]) => ({ key: hashParameter(key, "slot"), value: hashParameter(word, "slot value") }))
			: [],
	};
}

export function overriddenEnv(env: BlockEnv, value: unknown): BlockEnv {
	if (!isGiven(value)) return env;
	const given = objectParameter(value, "block overrides");
	const known = [
		"number",
		"time",
		"timestamp",
		"gasLimit",
		"feeRecipient",
		"coinbase",
		"prevRandao",
		"random",
		"baseFeePerGas",
		"baseFee",
		"blobBaseFee",
		"difficulty",
	];
	for (const field of Object.keys(given)) if (!known.includes(field)) throw invalidParams(`block overrides: no field "${field.slice(0, 50)}"`);
	const quantity = (names: readonly string[], standard: bigint): bigint => {
		const name = names.find((candidate) => isGiven(given[candidate]));
		return name === undefined ? standard : quantityParameter(given[name], name, 64);
	};
	const recipient = given["feeRecipient"] ?? given["coinbase"];
	const random = given["prevRandao"] ?? given["random"];
	return {
		...env,
		number: quantity(["number"], env.number),
		timestamp: quantity(["time", "timestamp"], env.timestamp),
		gasLimit: bounded(quantity(["gasLimit"], env.gasLimit), env.gasLimit),
		baseFeePerGas: quantity(["baseFeePerGas", "baseFee"], env.baseFeePerGas),
		coinbase: isGiven(recipient) ? addressParameter(recipient, "feeRecipient") : env.coinbase,
		prevRandao: isGiven(random) ? hashParameter(random, "prevRandao") : env.prevRandao,
	};
}

/** Gas bounds the time that a call takes: nobody pretends to a larger block. */
const bounded = (wanted: bigint, most: bigint): bigint => (wanted < most ? wanted : most);
