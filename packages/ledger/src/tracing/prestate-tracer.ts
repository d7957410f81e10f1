/** geth's `prestateTracer`: every account and slot that a transaction looked at as it was before, or what it changed. */

import type { TouchedAccount, TouchedState } from "../execution/trace-record.js";
import { quantity } from "../rpc/views.js";
import { hexOf } from "../transaction/decode.js";

export interface PrestateOptions {
	readonly diffMode: boolean;
	readonly disableCode: boolean;
	readonly disableStorage: boolean;
}

interface AccountView {
	balance?: string;
	nonce?: number;
	code?: string;
	storage?: Record<string, string>;
}

type Accounts = Record<string, AccountView>;

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

/** `code` finds a code by its hash. */
export function prestate(
	touched: readonly TouchedAccount[],
	options: PrestateOptions,
	code: (hash: Uint8Array) => Uint8Array,
): Accounts | { readonly pre: Accounts; readonly post: Accounts } {
	const sorted = [...touched].sort((a, b) => Buffer.compare(a.address, b.address));
	if (options.diffMode) return differences(sorted, options, code);
	return Object.fromEntries(
		sorted.map((account) => {
			const view = stateView(account.before, code(account.before.codeHash), options);
			const slots = options.disableStorage ? [] : account.slots;
			if (slots.length > 0) view.storage = Object.fromEntries(slots.map(({ key, before }) => [hexOf(key), hexOf(before)]));
			return [hexOf(account.address), view];
		}),
	);
}

function stateView({ nonce, balance }: TouchedState, code: Uint8Array, { disableCode }: PrestateOptions): AccountView {
	return {
		balance: quantity(balance),
		...(nonce === 0n ? {} : { nonce: Number(nonce) }),
		...(disableCode || code.length === 0 ? {} : { code: hexOf(code) }),
	};
}

function differences(touched: readonly TouchedAccount[], options: PrestateOptions, code: (hash: Uint8Array) => Uint8Array) {
	const pre: Accounts = {};
	const post: Accounts = {};
	for (const account of touched) {
		const { address, before, after, isDestroyed } = account;
		const existed = before.nonce !== 0n || before.balance !== 0n || code(before.codeHash).length > 0;
		const changed: AccountView = {};
		if (after.balance !== before.balance) changed.balance = quantity(after.balance);
		if (after.nonce !== before.nonce) changed.nonce = Number(after.nonce);
		if (account.code.length > 0 && !options.disableCode) changed.code = hexOf(account.code);
		const slots = options.disableStorage ? [] : account.slots.filter((slot) => Buffer.compare(slot.before, slot.after) !== 0);
		const isChanged = Object.keys(changed).length > 0 || slots.length > 0 || isDestroyed;
		if (!isChanged) continue;
		const name = hexOf(address);
		const old = stateView(before, code(before.codeHash), options);
		const was = slots.filter((slot) => !isZero(slot.before));
		const is = slots.filter((slot) => !isZero(slot.after));
		if (was.length > 0) old.storage = Object.fromEntries(was.map((slot) => [hexOf(slot.key), hexOf(slot.before)]));
		if (is.length > 0) changed.storage = Object.fromEntries(is.map((slot) => [hexOf(slot.key), hexOf(slot.after)]));
		if (existed) pre[name] = old;
		if (!isDestroyed) post[name] = changed;
	}
	return { pre, post };
}
