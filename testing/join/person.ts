/** Somebody with a key of their own and money from the faucet, who asks through any gateway of the network. */
import { readFile } from "node:fs/promises";
import type { NetworkFile, ReceiptFile } from "@freehold/protocol";
import { type Account, connect, type Freehold } from "@freehold/sdk";
import { nativeCrypto } from "@freehold/service";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

export interface Person {
	readonly freehold: Freehold;
	/** Asks; gives the complete receipt. */
	ask(model: string, input: string): Promise<ReceiptFile>;
	/** The same person at another gateway. */
	at(gatewayUrl: string): Promise<Person>;
}

export async function person(network: NetworkFile, opg: bigint): Promise<Person> {
	const account = privateKeyToAccount(generatePrivateKey()) as unknown as Account;
	const found = personOf(network, account);
	await found.freehold.faucet({ amount: opg });
	return found;
}

function personOf(network: NetworkFile, account: Account): Person {
	const freehold = connect({ network, account, crypto: nativeCrypto });
	return {
		freehold,
		async ask(model, input) {
			const inputs = JSON.parse(await readFile(input, "utf8")) as Record<string, number[][]>;
			const { callId } = await freehold.infer(model, { inputs });
			return (await freehold.receipts.wait(callId)).file;
		},
		async at(gatewayUrl) {
			return personOf((await (await fetch(`${gatewayUrl}/network.json`)).json()) as NetworkFile, account);
		},
	};
}
