/**
 * An injected wallet as extensions are: it announces itself (EIP-6963), asks its owner, picks nonces itself, signs typed data, sends what it signs, and signs no
 * transaction for others to send. No extension can be installed here, so its key and its way to the chain live in the test; the page cannot tell.
 */
import type { BrowserContext } from "playwright-core";
import { createWalletClient, defineChain, type Hex, http } from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";

export interface InjectedWallet {
	readonly account: PrivateKeyAccount;
	/** What the page asked for, in order. */
	readonly asked: string[];
	/** Answers the next question of this kind with a refusal by the person. */
	refuse: string | undefined;
	/** Chain that the wallet is on. */
	chain: Hex;
}

interface Refusal {
	readonly code: number;
	readonly message: string;
}

const MAINNET: Hex = "0x1";

/** `networkUrl` is the gateway's origin; the key needs money there. */
export async function injectWallet(context: BrowserContext, networkUrl: string, privateKey: Hex): Promise<InjectedWallet> {
	const account = privateKeyToAccount(privateKey);
	const wallet: InjectedWallet = { account, asked: [], refuse: undefined, chain: MAINNET };
	const known = new Set<string>([MAINNET]);
	let open = false;
	const answer = async (method: string, params: readonly unknown[]): Promise<unknown> => {
		switch (method) {
			case "eth_chainId":
				return wallet.chain;
			case "eth_accounts":
				return open ? [account.address] : [];
			case "eth_requestAccounts":
				open = true;
				return [account.address];
			case "wallet_addEthereumChain": {
				known.add((params[0] as { chainId: string }).chainId);
				return null;
			}
			case "wallet_switchEthereumChain": {
				const { chainId } = params[0] as { chainId: Hex };
				if (!known.has(chainId)) throw refusal(4902, "Unrecognized chain");
				wallet.chain = chainId;
				return null;
			}
			case "eth_signTypedData_v4": {
				const { types, domain, primaryType, message } = JSON.parse(String(params[1])) as Parameters<typeof account.signTypedData>[0] & {
					types: Record<string, unknown>;
				};
				const { EIP712Domain: _, ...others } = types;
				return account.signTypedData({ types: others, domain, primaryType, message } as Parameters<typeof account.signTypedData>[0]);
			}
			case "eth_sendTransaction": {
				const { to, data, value, gas, maxFeePerGas, maxPriorityFeePerGas } = params[0] as Readonly<Record<string, Hex>>;
				const chain = defineChain({
					id: Number(wallet.chain),
					name: "Freehold",
					nativeCurrency: { name: "OPG", symbol: "OPG", decimals: 18 },
					rpcUrls: { default: { http: [`${networkUrl}/api/rpc`] } },
				});
				const client = createWalletClient({ account, chain, transport: http() });
				return client.sendTransaction({
					to: to ?? null,
					data: data ?? "0x",
					value: BigInt(value ?? 0),
					gas: BigInt(gas ?? 0),
					maxFeePerGas: BigInt(maxFeePerGas ?? 0),
					maxPriorityFeePerGas: BigInt(maxPriorityFeePerGas ?? 0),
				});
			}
			default:
				throw refusal(4200, `The method ${method} is not supported`);
		}
	};
	await context.exposeFunction("askWalletOfTest", async (method: string, params: readonly unknown[]) => {
		wallet.asked.push(method);
		try {
			if (wallet.refuse === method) {
				wallet.refuse = undefined;
				throw refusal(4001, "User rejected the request");
			}
			return { result: await answer(method, params ?? []) };
		} catch (error) {
			return { error: isRefusal(error) ? error : { code: -32603, message: error instanceof Error ? error.message : String(error) } };
		}
	});
	await context.addInitScript(() => {
		type Answer = { readonly result?: unknown; readonly error?: { readonly code: number; readonly message: string } };
		const ask = (globalThis as unknown as { askWalletOfTest(method: string, params: unknown): Promise<Answer> }).askWalletOfTest;
		const listeners = new Set<(accounts: unknown) => void>();
		const provider = {
			request: async ({ method, params }: { method: string; params?: unknown }) => {
				const { result, error } = await ask(method, params);
				if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
				return result;
			},
			on: (event: string, listener: (accounts: unknown) => void) => void (event === "accountsChanged" && listeners.add(listener)),
			removeListener: (_: string, listener: (accounts: unknown) => void) => void listeners.delete(listener),
		};
		Object.assign(globalThis, {
			lockWalletOfTest: () => {
				for (const listener of listeners) listener([]);
			},
		});
		const detail = Object.freeze({
			info: { uuid: "350670db-19fa-4704-a166-e52e178b59d2", name: "Test Wallet", rdns: "test.wallet", icon: "data:," },
			provider,
		});
		const announce = (): void => void dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
		addEventListener("eip6963:requestProvider", announce);
		announce();
	});
	return wallet;
}

function refusal(code: number, message: string): Refusal {
	return { code, message };
}

function isRefusal(value: unknown): value is Refusal {
	return typeof value === "object" && value !== null && !(value instanceof Error) && "code" in value && "message" in value;
}
