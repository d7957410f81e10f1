/** Calls as clients write them, and the block that they are about. */
import { type Crypto, limits } from "@freehold/protocol";
import { BLOCK_GAS_LIMIT } from "../block/block.js";
import type { AccessListItem, Authorization, BlockEnv, CallRequest } from "../execution/types.js";
import { SignedAuthorization } from "../transaction/decode.js";
import { least } from "../transaction/transaction.js";
import type { RpcContext } from "./context.js";
import { addressParameter, bytesParameter, existingBlock, hashParameter, objectParameter, quantityParameter, stateBlockParameter } from "./parameters.js";
import { invalidParams } from "./rpc-error.js";

const ZERO_ADDRESS = new Uint8Array(20);
const MAX_LIST = 10_000;

export interface CallTarget {
	/** Block on whose state the call runs. */
	readonly number: bigint;
	/** What it sees as its block. */
	readonly env: BlockEnv;
}

export function callTarget({ application, now }: RpcContext, block: unknown): CallTarget {
	const { chain } = application;
	const { number, isPending } = stateBlockParameter(block, chain);
	if (isPending) return { number, env: application.nextEnv(BigInt(Math.floor(now() / 1000))) };
	const { header } = existingBlock(chain, number);
	const { timestamp, gasLimit, baseFeePerGas, beneficiary: coinbase, prevRandao, parentHash } = header;
	return { number, env: { chainId: application.chainId, number, timestamp, gasLimit, baseFeePerGas, coinbase, prevRandao, parentHash } };
}

export function callRequest(value: unknown, crypto: Pick<Crypto, "recover">): CallRequest {
	const call = objectParameter(value, "transaction");
	const optional = (name: string, bits: number): bigint | undefined => {
		const given = call[name];
		return given === undefined || given === null ? undefined : quantityParameter(given, name, bits);
	};
	const gas = optional("gas", 64) ?? BLOCK_GAS_LIMIT;
	const to = call["to"];
	const data = call["input"] ?? call["data"];
	return {
		from: call["from"] === undefined || call["from"] === null ? ZERO_ADDRESS : addressParameter(call["from"], "from"),
		to: to === undefined || to === null || to === "0x" ? undefined : addressParameter(to, "to"),
		value: optional("value", 256) ?? 0n,
		data: data === undefined || data === null ? new Uint8Array(0) : bytesParameter(data, "data"),
		gasLimit: least(gas, BLOCK_GAS_LIMIT),
		gasPrice: optional("gasPrice", 128) ?? optional("maxFeePerGas", 128) ?? 0n,
		accessList: listParameter(call["accessList"], "accessList").map(accessListItem),
		authorizationList: listParameter(call["authorizationList"], "authorizationList", limits.rpcAuthorizations).map((entry) => authorization(entry, crypto)),
		strict: false,
	};
}

function listParameter(value: unknown, name: string, most = MAX_LIST): readonly unknown[] {
	if (value === undefined || value === null) return [];
	if (!Array.isArray(value) || value.length > most) throw invalidParams(`${name}: must be a list of at most ${most}`);
	return value;
}

function accessListItem(value: unknown): AccessListItem {
	const { address, storageKeys } = objectParameter(value, "accessList");
	return {
		address: addressParameter(address, "accessList.address"),
		storageKeys: listParameter(storageKeys, "accessList.storageKeys").map((key) => hashParameter(key, "accessList.storageKeys")),
	};
}

function authorization(value: unknown, crypto: Pick<Crypto, "recover">): Authorization {
	const entry = objectParameter(value, "authorizationList");
	const field = (name: string, bits: number): bigint => quantityParameter(entry[name], `authorizationList.${name}`, bits);
	const { chainId, address, nonce, authority } = new SignedAuthorization(
		{
			chainId: field("chainId", 256),
			address: addressParameter(entry["address"], "authorizationList.address"),
			nonce: field("nonce", 64),
			yParity: field(entry["yParity"] === undefined ? "v" : "yParity", 8),
			r: field("r", 256),
			s: field("s", 256),
		},
		crypto,
	);
	// Plain data: it goes to another thread.
	return { chainId, address, nonce, authority };
}

/** What a request holds in memory, roughly. */
export function bytesOf({ data, accessList, authorizationList }: CallRequest): number {
	return 512 + data.length + accessList.reduce((sum, { storageKeys }) => sum + 64 + 64 * storageKeys.length, 0) + 256 * authorizationList.length;
}
