/** `eth_createAccessList`: the accounts and slots that a call touches, so that a transaction can name them beforehand (EIP-2930). */
import { callTransaction, type Engine } from "../execution/engine.js";
import { failureOf, type TouchedAccount } from "../execution/trace-record.js";
import type { AccessListItem, BlockEnv, CallRequest } from "../execution/types.js";
import { serverError } from "../rpc/rpc-error.js";
import { traceBounds } from "./trace-job.js";

export interface AccessListFound {
	readonly list: readonly AccessListItem[];
	readonly gasUsed: bigint;
	readonly error: string | undefined;
}

/** Naming a slot changes what the call does with its gas: it is tried until the list stays. */
const MAX_ROUNDS = 8;
/** Ethereum's precompiles are 1 to 0x11 in Prague, this chain's own is 0xfd. All are warm from the start. */
const PRECOMPILES = new Set([...Array.from({ length: 0x11 }, (_, index) => index + 1), 0xfd]);

export function findAccessList(engine: Engine, env: BlockEnv, request: CallRequest): AccessListFound {
	let list = request.accessList;
	for (let round = 1; ; round++) {
		const tx = callTransaction({ ...request, accessList: list });
		const { outcome, records, touched } = engine.trace(env, tx, { topOnly: true }, {}, traceBounds);
		if (outcome.kind === "invalid") throw serverError(`err: ${outcome.reason}`);
		const found = listOf(touched, request, env);
		const isStable = sizeOf(found) === sizeOf(list);
		if (!isStable && round < MAX_ROUNDS) {
			list = found;
			continue;
		}
		let error: string | undefined;
		for (const record of records()) if (record.kind === "end") error = failureOf(record.result);
		return { list: found, gasUsed: outcome.gasUsed, error };
	}
}

const sizeOf = (list: readonly AccessListItem[]): number => list.reduce((sum, { storageKeys }) => sum + 1 + storageKeys.length, 0);

function listOf(touched: readonly TouchedAccount[], { from, to, accessList, authorizationList }: CallRequest, env: BlockEnv): AccessListItem[] {
	const named = new Set(accessList.map(({ address }) => text(address)));
	const warm = new Set([from, env.coinbase, ...(to === undefined ? [] : [to]), ...authorizationList.flatMap(({ authority }) => authority ?? [])].map(text));
	const isWarm = ({ address, isCreated }: TouchedAccount): boolean =>
		warm.has(text(address)) || isCreated || (address.subarray(0, 19).every((byte) => byte === 0) && PRECOMPILES.has(address[19] as number));
	return touched
		.filter((account) => account.slots.length > 0 || named.has(text(account.address)) || !isWarm(account))
		.map(({ address, slots }) => ({ address, storageKeys: slots.map(({ key }) => key).sort(Buffer.compare) }))
		.sort((a, b) => Buffer.compare(a.address, b.address));
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
