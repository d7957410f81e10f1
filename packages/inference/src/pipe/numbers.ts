/** Numbers as contracts hold them, `value ÷ 10^decimals`, to and from tensors. */
import { FreeholdError, type JsonElement, type Tensor, type TensorSpec, tensorElements, tensorFromElements } from "@freehold/protocol";

export interface ContractNumber {
	readonly value: bigint;
	readonly decimals: bigint;
}

export interface NumberTensor {
	readonly name: string;
	readonly values: readonly ContractNumber[];
	readonly shape: readonly number[];
}

const MAX_DECIMALS = 100n;
const INT128 = 1n << 127n;
const FORM = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

/** The tensor that a model takes under this name. Throws `engine.inputInvalid` for what does not fit its type. */
export function tensorOf({ name, values, shape }: NumberTensor, spec: TensorSpec): Tensor {
	const isInteger = spec.dtype.startsWith("int") || spec.dtype.startsWith("uint");
	const elements = values.map((number): unknown => {
		const text = decimalText(number);
		if (spec.dtype === "bool") return text !== "0";
		if (isInteger) return spec.dtype.endsWith("64") ? text : Number(text);
		return Number(text);
	});
	return tensorFromElements(spec.dtype, shape, elements, name);
}

/** A tensor's numbers, each exactly as its shortest decimal text. Throws `engine.failed` for what no decimal can say. */
export function numbersOf(tensor: Tensor): readonly ContractNumber[] {
	return tensorElements(tensor).map((element) => parseDecimal(spelled(element, tensor.dtype)));
}

export function parseDecimal(text: string): ContractNumber {
	const match = FORM.exec(text);
	if (match === null) throw new FreeholdError("engine.failed", { reason: `${text} is no number that a contract can hold` });
	const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
	const digits = BigInt(`${whole}${fraction}`);
	let decimals = BigInt(fraction.length) - BigInt(exponent);
	let value = sign === "-" ? -digits : digits;
	if (decimals < 0n) {
		value *= 10n ** -decimals;
		decimals = 0n;
	}
	while (decimals > 0n && value % 10n === 0n) {
		value /= 10n;
		decimals -= 1n;
	}
	if (value >= INT128 || value < -INT128) throw new FreeholdError("engine.failed", { reason: `${text} is no number that a contract can hold` });
	return { value, decimals };
}

/** Throws `engine.inputInvalid` where the decimals are none. */
function decimalText({ value, decimals }: ContractNumber): string {
	if (decimals < 0n || decimals > MAX_DECIMALS)
		throw new FreeholdError("engine.inputInvalid", { input: "decimals", expected: `0 to ${MAX_DECIMALS}`, given: decimals.toString() });
	if (decimals === 0n) return value.toString();
	return value % 10n ** decimals === 0n ? (value / 10n ** decimals).toString() : `${value}e-${decimals}`;
}

/** JavaScript's shortest text; of a float32 that which gives the same float32 back. */
function spelled(element: JsonElement, dtype: Tensor["dtype"]): string {
	if (typeof element === "boolean") return element ? "1" : "0";
	if (typeof element === "number" && dtype === "float32")
		for (let precision = 1; precision <= 9; precision++) {
			const text = String(Number(element.toPrecision(precision)));
			if (Math.fround(Number(text)) === element) return text;
		}
	return String(element);
}
