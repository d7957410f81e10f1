/** The byte format spoken with the execution core: little-endian integers, 32-byte words big-endian, lists behind a u32 count. */
import type { AccountChange } from "../state/world-state.js";
import { invalidOutcome } from "./invalid.js";
import type { TouchedAccount, TouchedState, TraceRecord } from "./trace-record.js";
import type { AccessListItem, AccountAmendment, Authorization, BlockEnv, ExecutableTx, Log, ModelCall, TxOutcome } from "./types.js";

const U64_MAX = (1n << 64n) - 1n;
const U128_MAX = (1n << 128n) - 1n;
const U256_MAX = (1n << 256n) - 1n;

/**
 * Collects a request. An integer that does not fit its field becomes the greatest that does: every such transaction is invalid
 * either way (its fee cannot be paid, its gas exceeds any block, its nonce is the last one).
 */
export class RequestWriter {
	#buffer = Buffer.alloc(64 * 1024);
	#length = 0;

	/** The request so far, valid until the next write. */
	get bytes(): Uint8Array {
		return this.#buffer.subarray(0, this.#length);
	}

	clear(): this {
		this.#length = 0;
		return this;
	}

	environment(env: BlockEnv): this {
		this.u64(env.chainId).u64(env.number).u64(env.timestamp).u64(env.gasLimit).u64(env.baseFeePerGas);
		return this.raw(env.coinbase, 20).raw(env.prevRandao, 32);
	}

	transaction(tx: ExecutableTx): this {
		this.raw(tx.hash ?? NO_HASH, 32)
			.u8(tx.type)
			.raw(tx.sender, 20)
			.optionalAddress(tx.to)
			.word(tx.value)
			.u64(tx.nonce)
			.u64(tx.gasLimit);
		this.u128(tx.maxFeePerGas).u128(tx.maxPriorityFeePerGas).data(tx.data);
		return this.accessList(tx.accessList).authorizations(tx.authorizationList);
	}

	amendments(list: readonly AccountAmendment[]): this {
		this.u32(list.length);
		for (const { address, nonce, balance, code, onlyTheseSlots, slots } of list) {
			const given = [nonce !== undefined, balance !== undefined, code !== undefined, onlyTheseSlots];
			this.raw(address, 20).u8(given.reduce((flags, isGiven, bit) => flags | (Number(isGiven) << bit), 0));
			this.u64(nonce ?? 0n)
				.word(balance ?? 0n)
				.data(code ?? new Uint8Array(0))
				.u32(slots.length);
			for (const { key, value } of slots) this.raw(key, 32).raw(value, 32);
		}
		return this;
	}

	u8(value: number): this {
		const at = this.#reserve(1);
		this.#buffer[at] = value;
		return this;
	}

	u32(value: number): this {
		const at = this.#reserve(4);
		this.#buffer.writeUInt32LE(value, at);
		return this;
	}

	u64(value: bigint): this {
		const at = this.#reserve(8);
		this.#buffer.writeBigUInt64LE(clamp(value, U64_MAX), at);
		return this;
	}

	u128(value: bigint): this {
		const fitting = clamp(value, U128_MAX);
		return this.u64(fitting & U64_MAX).u64(fitting >> 64n);
	}

	word(value: bigint): this {
		const at = this.#reserve(32);
		let rest = clamp(value, U256_MAX);
		for (let offset = 24; offset >= 0; offset -= 8) {
			this.#buffer.writeBigUInt64BE(rest & U64_MAX, at + offset);
			rest >>= 64n;
		}
		return this;
	}

	/** Bytes of a fixed length. */
	raw(bytes: Uint8Array, length: number): this {
		if (bytes.length !== length) throw new RangeError(`expected ${length} bytes, given ${bytes.length}`);
		const at = this.#reserve(length);
		this.#buffer.set(bytes, at);
		return this;
	}

	data(bytes: Uint8Array): this {
		return this.u32(bytes.length).raw(bytes, bytes.length);
	}

	optionalAddress(address: Uint8Array | undefined): this {
		return this.u8(address === undefined ? 0 : 1).raw(address ?? NO_ADDRESS, 20);
	}

	accessList(items: readonly AccessListItem[]): this {
		this.u32(items.length);
		for (const { address, storageKeys } of items) {
			this.raw(address, 20).u32(storageKeys.length);
			for (const key of storageKeys) this.raw(key, 32);
		}
		return this;
	}

	authorizations(items: readonly Authorization[]): this {
		this.u32(items.length);
		for (const { chainId, address, nonce, authority } of items) this.word(chainId).raw(address, 20).u64(nonce).optionalAddress(authority);
		return this;
	}

	#reserve(length: number): number {
		const at = this.#length;
		this.#length += length;
		if (this.#length > this.#buffer.length) {
			const larger = Buffer.alloc(Math.max(this.#length, this.#buffer.length * 2));
			larger.set(this.#buffer);
			this.#buffer = larger;
		}
		return at;
	}
}

/** Reads an answer. The views that it gives stand in the answer's own copy and stay valid. */
export class AnswerReader {
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	#at = 0;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
		this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	}

	/** `tx` is what the outcome belongs to: refusals quote it. */
	outcome(tx: ExecutableTx, env: BlockEnv): TxOutcome {
		const status = this.#u8();
		if (status === 3) {
			const code = this.#u8();
			const [first, second] = [this.#word(), this.#word()];
			return invalidOutcome({ code, first, second, text: this.#text() }, tx, env);
		}
		const gasUsed = this.#u64();
		const createdHere = this.#u8() === 1;
		const created = this.#take(20);
		const output = this.#data();
		const halt = this.#text();
		return {
			kind: "executed",
			success: status === 1,
			gasUsed,
			output,
			halt: status === 2 ? halt : undefined,
			logs: this.#list(() => this.#log()),
			created: createdHere ? created : undefined,
		};
	}

	/** What follows the outcome of a probed transaction. */
	modelCalls(): ModelCall[] {
		return this.#list(() => ({ id: this.#take(32), isAnswered: this.#u8() === 1, request: this.#data() }));
	}

	changes(): { accounts: AccountChange[]; codes: { hash: Uint8Array; code: Uint8Array }[] } {
		const accounts = this.#list(() => this.#account());
		const codes = this.#list(() => ({ hash: this.#take(32), code: this.#data() }));
		return { accounts, codes };
	}

	/** What follows the outcome of a watched transaction. */
	watched(): { readonly isFull: boolean; readonly records: () => Iterable<TraceRecord>; readonly touched: TouchedAccount[] } {
		const isFull = this.#u8() === 1;
		const records = this.#data();
		return { isFull, records: () => new AnswerReader(records).#records(), touched: this.#list(() => this.#touched()) };
	}

	*#records(): Iterable<TraceRecord> {
		while (this.#at < this.#bytes.length) yield this.#record(this.#u8());
	}

	/** Fields are read in the order in which they are written here. */
	#record(kind: number): TraceRecord {
		switch (kind) {
			case 1:
				return {
					kind: "begin",
					opcode: this.#u8(),
					from: this.#take(20),
					to: this.#take(20),
					value: this.#word(),
					gas: this.#u64(),
					input: this.#data(),
				};
			case 2:
				return { kind: "end", result: this.#u8(), gasUsed: this.#u64(), output: this.#data() };
			case 3:
				return { kind: "log", ...this.#log() };
			case 4:
				return { kind: "selfDestruct", contract: this.#take(20), beneficiary: this.#take(20), balance: this.#word() };
			case 5:
				return {
					kind: "step",
					result: this.#u8(),
					gasCost: this.#u64(),
					opcode: this.#u8(),
					pc: this.#u32(),
					gas: this.#u64(),
					refund: this.#u64(),
					stack: this.#list(() => this.#take(this.#u8())),
					memory: this.#data(),
					returnData: this.#data(),
				};
			case 6:
				return { kind: "slot", key: this.#take(32), value: this.#take(32) };
			default:
				throw new RangeError(`the execution core has no record ${kind}`);
		}
	}

	#touched(): TouchedAccount {
		const address = this.#take(20);
		const flags = this.#u8();
		return {
			address,
			isCreated: (flags & 1) === 1,
			isDestroyed: (flags & 2) === 2,
			before: this.#state(),
			after: this.#state(),
			code: this.#data(),
			slots: this.#list(() => ({ key: this.#take(32), before: this.#take(32), after: this.#take(32) })),
		};
	}

	#state(): TouchedState {
		return { nonce: this.#u64(), balance: this.#word(), codeHash: this.#take(32) };
	}

	#account(): AccountChange {
		const address = this.#take(20);
		const flags = this.#u8();
		const state = { nonce: this.#u64(), balance: this.#take(32), codeHash: this.#take(32) };
		const slots = this.#list(() => ({ key: this.#take(32), value: this.#take(32) }));
		return { address, state: (flags & 1) === 1 ? state : undefined, wiped: (flags & 2) === 2, slots };
	}

	#log(): Log {
		return { address: this.#take(20), topics: this.#list(() => this.#take(32)), data: this.#data() };
	}

	#take(length: number): Uint8Array {
		this.#at += length;
		return this.#bytes.subarray(this.#at - length, this.#at);
	}

	#u8(): number {
		return this.#view.getUint8(this.#at++);
	}

	#u32(): number {
		this.#at += 4;
		return this.#view.getUint32(this.#at - 4, true);
	}

	#u64(): bigint {
		this.#at += 8;
		return this.#view.getBigUint64(this.#at - 8, true);
	}

	#word(): bigint {
		let value = 0n;
		for (let index = 0; index < 4; index++) {
			value = (value << 64n) | this.#view.getBigUint64(this.#at);
			this.#at += 8;
		}
		return value;
	}

	#data(): Uint8Array {
		return this.#take(this.#u32());
	}

	#text(): string {
		const bytes = this.#data();
		return bytes.length === 0 ? "" : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
	}

	#list<T>(item: () => T): T[] {
		const items: T[] = [];
		for (let left = this.#u32(); left > 0; left--) items.push(item());
		return items;
	}
}

const NO_ADDRESS = new Uint8Array(20);
const NO_HASH = new Uint8Array(32);

function clamp(value: bigint, max: bigint): bigint {
	if (value < 0n) throw new RangeError("a quantity is never negative");
	return value > max ? max : value;
}
