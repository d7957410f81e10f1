/** Reading accounts: balances, nonces, code, storage, proofs. */
import { equalBytes, limits } from "@freehold/protocol";
import { EMPTY_TRIE_ROOT } from "../block/ordered-trie.js";
import { EMPTY_CODE_HASH } from "../state/account.js";
import { hexOf } from "../transaction/decode.js";
import type { Methods, RpcContext } from "./context.js";
import { addressParameter, prunedIsRefused, stateBlockParameter } from "./parameters.js";
import { invalidParams } from "./rpc-error.js";
import { quantity } from "./views.js";

export function stateMethods({ application, state, calls }: RpcContext): Methods {
	const { chain, pool } = application;
	const at = <T>(block: unknown, read: (number: bigint) => T): T => {
		const { number } = stateBlockParameter(block, chain);
		try {
			return read(number);
		} catch (error) {
			return prunedIsRefused(error);
		}
	};
	return {
		eth_getBalance: ([address, block]) => {
			const account = addressParameter(address);
			return at(block, (number) => quantity(state.account(account, number)?.balance ?? 0n));
		},
		eth_getTransactionCount: ([address, block]) => {
			const account = addressParameter(address);
			if (block === "pending") return quantity(pool.pendingNonce(hexOf(account)) ?? state.account(account)?.nonce ?? 0n);
			return at(block, (number) => quantity(state.account(account, number)?.nonce ?? 0n));
		},
		eth_getCode: ([address, block]) => {
			const account = addressParameter(address);
			return at(block, (number) => {
				const codeHash = state.account(account, number)?.codeHash;
				return codeHash === undefined || equalBytes(codeHash, EMPTY_CODE_HASH) ? "0x" : hexOf(state.code(codeHash));
			});
		},
		eth_getStorageAt: ([address, slot, block]) => {
			const account = addressParameter(address);
			const { key } = storageKey(slot);
			return at(block, (number) => hexOf(state.storage(account, key, number)));
		},
		eth_getProof: async ([address, keys, block], asker) => {
			const account = addressParameter(address);
			if (!Array.isArray(keys) || keys.length > limits.rpcProofKeys) throw invalidParams(`storage keys: must be a list of at most ${limits.rpcProofKeys}`);
			const slots = keys.map(storageKey);
			const input = () => ({ address: account, keys: slots.map(({ key }) => key), at: stateBlockParameter(block, chain).number });
			const proof = await calls.run({ kind: "prove", bytes: 64 * (1 + slots.length), input }, asker).catch(prunedIsRefused);
			return {
				address: hexOf(account),
				accountProof: proof.accountProof.map(hexOf),
				balance: quantity(proof.account?.balance ?? 0n),
				codeHash: hexOf(proof.account?.codeHash ?? EMPTY_CODE_HASH),
				nonce: quantity(proof.account?.nonce ?? 0n),
				storageHash: hexOf(proof.account?.storageRoot ?? EMPTY_TRIE_ROOT),
				storageProof: proof.storage.map(({ value, proof: nodes }, index) => ({
					key: slots[index]?.spelling,
					value: quantity(value),
					proof: nodes.map(hexOf),
				})),
			};
		},
	};
}

/** A storage key may be a quantity or 32 bytes; the answer repeats the caller's spelling. */
function storageKey(value: unknown): { readonly key: Uint8Array; readonly spelling: string } {
	if (typeof value !== "string" || !/^0x[0-9a-fA-F]{0,64}$/.test(value)) throw invalidParams("storage key: must be at most 32 bytes of hex");
	const key = Uint8Array.from(Buffer.from(value.slice(2).padStart(64, "0"), "hex"));
	return { key, spelling: value.length === 66 ? value.toLowerCase() : quantity(BigInt(value === "0x" ? "0x0" : value)) };
}
