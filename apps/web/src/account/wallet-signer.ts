/** Signing and sending with an injected wallet: it is brought to this network first, and asks its own question after the page's. */
import { type Hex, isHex } from "@freehold/protocol";
import type { SendingAccount } from "@freehold/sdk/chain";
import { Declined } from "./consent.js";
import type { TypedData } from "./explain.js";
import type { InjectedWallet } from "./session.js";

type Transaction = Parameters<SendingAccount["sendTransaction"]>[0];

/** Codes of EIP-1193 and of `wallet_switchEthereumChain` (EIP-3326). */
const USER_REJECTED = 4001;
const UNKNOWN_CHAIN = 4902;

export function walletSigner({ provider, name }: InjectedWallet, address: Hex, chainId: number) {
	const id: Hex = `0x${chainId.toString(16)}`;
	const ask = async (method: string, params: readonly unknown[]): Promise<unknown> => {
		try {
			return await provider.request({ method, params });
		} catch (error) {
			if (codeOf(error) === USER_REJECTED) throw new Declined();
			throw error;
		}
	};
	const onChain = async (): Promise<void> => {
		if ((await ask("eth_chainId", [])) === id) return;
		try {
			await ask("wallet_switchEthereumChain", [{ chainId: id }]);
		} catch (error) {
			if (codeOf(error) !== UNKNOWN_CHAIN) throw error;
			await ask("wallet_addEthereumChain", [
				{
					chainId: id,
					chainName: `Freehold ${chainId}`,
					nativeCurrency: { name: "OPG", symbol: "OPG", decimals: 18 },
					rpcUrls: [`${location.origin}/api/rpc`],
				},
			]);
		}
		// A wallet may add a network without going there.
		if ((await ask("eth_chainId", [])) !== id) await ask("wallet_switchEthereumChain", [{ chainId: id }]);
	};
	return {
		async signTypedData(typed: TypedData): Promise<Hex> {
			await onChain();
			const types = { EIP712Domain: DOMAIN_FIELDS, ...typed.types };
			const text = JSON.stringify({ ...typed, types }, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
			const signature = await ask("eth_signTypedData_v4", [address, text]);
			if (!isHex(signature)) throw new Error(`${name} gave no signature.`);
			return signature;
		},
		async sendTransaction({ to, data, value, gas, maxFeePerGas, maxPriorityFeePerGas }: Transaction): Promise<Hex> {
			await onChain();
			const quantity = (amount: bigint): Hex => `0x${amount.toString(16)}`;
			const hash = await ask("eth_sendTransaction", [
				{
					from: address,
					...(to === undefined ? {} : { to }),
					data,
					value: quantity(value),
					gas: quantity(gas),
					maxFeePerGas: quantity(maxFeePerGas),
					maxPriorityFeePerGas: quantity(maxPriorityFeePerGas),
				},
			]);
			if (!isHex(hash, 32)) throw new Error(`${name} gave no transaction.`);
			return hash;
		},
	};
}

const DOMAIN_FIELDS = [
	{ name: "name", type: "string" },
	{ name: "version", type: "string" },
	{ name: "chainId", type: "uint256" },
	{ name: "verifyingContract", type: "address" },
] as const;

function codeOf(error: unknown): unknown {
	return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
