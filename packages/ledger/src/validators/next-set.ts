/**
 * Who may vote next. Pure: of the set that the engine was told last and the one that the stake asks for.
 *
 * One epoch moves at most a third of the power, so that a light client which trusts the set before still finds more than a third of it in the next one, and
 * nobody buys the chain between two blocks. What does not fit moves in the epochs after.
 */
import { toHex, type Validator } from "@freehold/protocol";

/** CometBFT's bound on the sum of all powers: an eighth of what fits into a signed 64-bit integer. */
export const MAX_TOTAL_POWER = (2n ** 63n - 1n) / 8n;
const KEY_BYTES = 32;

interface Move {
	readonly key: string;
	readonly publicKey: Uint8Array;
	readonly from: bigint;
	readonly to: bigint;
}

/** The next set, by key. Never empty where the last one was not; entries that no engine takes are left out. */
export function nextSet(last: readonly Validator[], wanted: readonly Validator[]): readonly Validator[] {
	const target = soundOf(wanted);
	if (target.size === 0) return byKey(last);
	const moves = movesBetween(new Map<string, Validator>(last.map((validator) => [toHex(validator.publicKey), validator])), target);
	const total = last.reduce((sum, { power }) => sum + power, 0n);
	// Fewer than three units cannot be divided.
	let budget = total < 3n ? MAX_TOTAL_POWER * 2n : total / 3n;
	const next = new Map<string, Validator>(last.map((validator) => [toHex(validator.publicKey), validator]));
	for (const { key, publicKey, from, to } of moves) {
		const distance = to > from ? to - from : from - to;
		const step = distance < budget ? distance : budget;
		budget -= step;
		const power = to > from ? from + step : from - step;
		if (power > 0n) next.set(key, { publicKey, power });
		else next.delete(key);
	}
	return byKey([...next.values()]);
}

/** What the engine has to be told to come from one set to the next; power 0 takes a validator out. */
export function updatesBetween(last: readonly Validator[], next: readonly Validator[]): readonly Validator[] {
	const before = new Map(last.map((validator) => [toHex(validator.publicKey), validator.power]));
	const after = new Set(next.map(({ publicKey }) => toHex(publicKey)));
	const gone = last.filter(({ publicKey }) => !after.has(toHex(publicKey))).map(({ publicKey }) => ({ publicKey, power: 0n }));
	return [...gone, ...next.filter(({ publicKey, power }) => before.get(toHex(publicKey)) !== power)];
}

/** Keys of the right length with some power, each once, as long as the sum fits. */
function soundOf(wanted: readonly Validator[]): Map<string, Validator> {
	const sound = new Map<string, Validator>();
	let total = 0n;
	for (const validator of wanted) {
		const { publicKey, power } = validator;
		const key = toHex(publicKey);
		if (publicKey.length !== KEY_BYTES || power <= 0n || total + power > MAX_TOTAL_POWER || sound.has(key)) continue;
		sound.set(key, validator);
		total += power;
	}
	return sound;
}

/** Who has to go goes first; then the longest ways. */
function movesBetween(last: ReadonlyMap<string, Validator>, target: ReadonlyMap<string, Validator>): readonly Move[] {
	const moves: Move[] = [];
	for (const [key, { publicKey, power }] of last) moves.push({ key, publicKey, from: power, to: target.get(key)?.power ?? 0n });
	for (const [key, { publicKey, power }] of target) if (!last.has(key)) moves.push({ key, publicKey, from: 0n, to: power });
	const distance = ({ from, to }: Move): bigint => (to > from ? to - from : from - to);
	return moves
		.filter((move) => distance(move) > 0n)
		.sort((a, b) => Number(b.to === 0n) - Number(a.to === 0n) || compare(distance(b), distance(a)) || compare(a.key, b.key));
}

function byKey(set: readonly Validator[]): readonly Validator[] {
	return [...set].sort((a, b) => compare(toHex(a.publicKey), toHex(b.publicKey)));
}

function compare<T extends bigint | string>(a: T, b: T): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
