/** Signing with an injected wallet: it is brought to this network first, and asks its own question after the page's. */
import { type Hex, isHex } from "@freehold/protocol";
import type { Account } from "@freehold/sdk";
import type { TypedData } from "./explain.js";
import type { InjectedWallet } from "./session.js";

type Transaction = Parameters<Account["signTransaction"]>[0];
const UNKNOWN_CHAIN = 4902;

export function walletSigner({ provider, name }: InjectedWallet, address: Hex, chainId: number) {
	const onChain = async (): Promise<void> => {
		const id = `0x${chainId.toString(16)}`;
		if ((await provider.request({ method: "eth_chainId" })) === id) return;
		try {
			await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: id }] });
		} catch (error) {
			if (typeof error !== "object" || error === null || !("code" in error) || error.code !== UNKNOWN_CHAIN) throw error;
			await provider.request({
				method: "wallet_addEthereumChain",
				params: [
					{
						chainId: id,
						chainName: `Freehold ${chainId}`,
						nativeCurrency: { name: "OPG", symbol: "OPG", decimals: 18 },
						rpcUrls: [`${location.origin}/api/rpc`],
					},
				],
			});
		}
	};
	return {
		async signTypedData(typed: TypedData): Promise<Hex> {
			await onChain();
			const types = { EIP712Domain: DOMAIN_FIELDS, ...typed.types };
			const text = JSON.stringify({ ...typed, types }, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
			return signature(await provider.request({ method: "eth_signTypedData_v4", params: [address, text] }), name);
		},
		async signTransaction(transaction: Transaction): Promise<Hex> {
			await onChain();
			const quantity = (value: bigint | number): Hex => `0x${value.toString(16)}`;
			const { to, data, value, gas, maxFeePerGas, maxPriorityFeePerGas, nonce } = transaction;
			try {
				const answer = await provider.request({
					method: "eth_signTransaction",
					params: [
						{
							from: address,
							...(to === undefined ? {} : { to }),
							data,
							type: "0x2",
							value: quantity(value),
							gas: quantity(gas),
							nonce: quantity(nonce),
							chainId: quantity(chainId),
							maxFeePerGas: quantity(maxFeePerGas),
							maxPriorityFeePerGas: quantity(maxPriorityFeePerGas),
						},
					],
				});
				return signature(typeof answer === "object" && answer !== null && "raw" in answer ? answer.raw : answer, name);
			} catch (error) {
				throw new Error(`${name} does not sign transactions for others to send. Asking works with it; for publishing and claiming use a key of this browser.`, {
					cause: error,
				});
			}
		},
	};
}

const DOMAIN_FIELDS = [
	{ name: "name", type: "string" },
	{ name: "version", type: "string" },
	{ name: "chainId", type: "uint256" },
	{ name: "verifyingContract", type: "address" },
] as const;

function signature(value: unknown, name: string): Hex {
	if (!isHex(value)) throw new Error(`${name} gave no signature.`);
	return value;
}
