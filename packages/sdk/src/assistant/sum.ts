/** Sums as a model writes them: numbers, `+ - * / ^ %`, brackets. Exactly what is written here is worked out, and nothing is run. Pure. */

export class SumError extends Error {
	override readonly name = "SumError";
}

const MAX_CHARACTERS = 500;
const MAX_DEPTH = 50;
const TOKEN = /\s*(?:(\d+(?:[.,]\d+)*(?:e[+-]?\d+)?|\.\d+)|([-+*/^%()×÷−·]))/iy;
const SAME: Readonly<Record<string, string>> = { "×": "*", "·": "*", "÷": "/", "−": "-" };

/** The value as people write it, at most twelve digits. Throws `SumError`. */
export function workOut(expression: string): string {
	if (expression.length > MAX_CHARACTERS) throw new SumError("it is too long");
	const value = new Sum(tokensOf(expression.replace(/[=?]\s*$/, ""))).value();
	if (!Number.isFinite(value)) throw new SumError("it has no value");
	return String(Number(value.toPrecision(12)));
}

function tokensOf(text: string): readonly (number | string)[] {
	const tokens: (number | string)[] = [];
	TOKEN.lastIndex = 0;
	while (text.slice(TOKEN.lastIndex).trim() !== "") {
		const at = TOKEN.lastIndex;
		const match = TOKEN.exec(text);
		if (match === null) throw new SumError(`"${text.slice(at, at + 20).trim()}" is no part of a sum`);
		const [, digits, sign = ""] = match;
		tokens.push(digits === undefined ? (SAME[sign] ?? sign) : numberOf(digits));
	}
	return tokens;
}

/** `1,234.5`: commas group thousands. */
function numberOf(digits: string): number {
	const value = Number(/^\d{1,3}(,\d{3})+(\.\d+)?$/.test(digits) ? digits.replaceAll(",", "") : digits);
	if (!Number.isFinite(value)) throw new SumError(`${digits} is no number`);
	return value;
}

/** By descent: sums of products of powers. */
class Sum {
	readonly #tokens: readonly (number | string)[];
	#at = 0;
	#depth = 0;

	constructor(tokens: readonly (number | string)[]) {
		this.#tokens = tokens;
	}

	value(): number {
		const value = this.#sum();
		if (this.#at < this.#tokens.length) throw new SumError(`"${this.#tokens[this.#at]}" is out of place`);
		return value;
	}

	#take(...signs: readonly string[]): string | undefined {
		const token = this.#tokens[this.#at];
		if (typeof token !== "string" || !signs.includes(token)) return undefined;
		this.#at++;
		return token;
	}

	#sum(): number {
		if (++this.#depth > MAX_DEPTH) throw new SumError("its brackets are too deep");
		let value = this.#product();
		for (let sign = this.#take("+", "-"); sign !== undefined; sign = this.#take("+", "-")) {
			const next = this.#product();
			value = sign === "+" ? value + next : value - next;
		}
		this.#depth--;
		return value;
	}

	#product(): number {
		let value = this.#signed();
		for (let sign = this.#take("*", "/", "%"); sign !== undefined; sign = this.#take("*", "/", "%")) {
			const next = this.#signed();
			value = sign === "*" ? value * next : sign === "/" ? value / next : value % next;
		}
		return value;
	}

	/** A minus binds less than a power: -2^2 is -4. */
	#signed(): number {
		let negative = false;
		for (let sign = this.#take("-", "+"); sign !== undefined; sign = this.#take("-", "+")) negative = sign === "-" ? !negative : negative;
		const value = this.#power();
		return negative ? -value : value;
	}

	#power(): number {
		const base = this.#atom();
		if (this.#take("^") === undefined) return base;
		if (++this.#depth > MAX_DEPTH) throw new SumError("its powers are too deep");
		const exponent = this.#signed();
		this.#depth--;
		return base ** exponent;
	}

	#atom(): number {
		if (this.#take("(") !== undefined) {
			const value = this.#sum();
			if (this.#take(")") === undefined) throw new SumError("a bracket is not closed");
			return value;
		}
		const token = this.#tokens[this.#at];
		if (typeof token !== "number") throw new SumError(token === undefined ? "it ends too early" : `"${token}" is out of place`);
		this.#at++;
		return token;
	}
}
