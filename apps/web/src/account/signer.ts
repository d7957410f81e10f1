/** The account that the SDK signs with: each signature is explained and agreed to first, or lies within what was agreed to before. */
import type { Hex } from "@freehold/protocol";
import type { Account } from "@freehold/sdk";
import { privateKeyToAccount } from "viem/accounts";
import { allowance } from "./allowance.js";
import { askConsent } from "./consent.js";
import { type Explanation, explainTransaction, explainTypedData, type TransactionData, type TypedData } from "./explain.js";
import { privateKey, type Session } from "./session.js";
import { noteSignature } from "./signed-log.js";
import { walletSigner } from "./wallet-signer.js";

export class NotExplained extends Error {
	override readonly name = "NotExplained";
	constructor() {
		super("Something asked for a signature that this page cannot put into words. It was refused.");
	}
}

/** A key of this browser signs and the SDK sends; a wallet sends by itself. Undefined while there is nobody who could sign. */
export function signerOf(session: Session, chainId: number): Account | undefined {
	if (session.kind === "wallet") {
		const { address } = session;
		const wallet = walletSigner(session.wallet, address, chainId);
		return {
			address,
			signTypedData: async (typed) => agreed(address, typedData(typed, chainId), () => wallet.signTypedData(typed)),
			sendTransaction: async (call) => agreed(address, transaction(call, chainId), () => wallet.sendTransaction(call)),
		};
	}
	const key = session.kind === "key" ? privateKey() : undefined;
	if (session.kind !== "key" || key === undefined) return undefined;
	const { address } = session;
	const account = privateKeyToAccount(key);
	return {
		address,
		signTypedData: async (typed) =>
			agreed(address, typedData(typed, chainId), () => account.signTypedData(typed as Parameters<typeof account.signTypedData>[0])),
		signTransaction: async (call) => agreed(address, transaction(call, chainId), () => account.signTransaction(call)),
	};
}

function typedData(typed: TypedData, chainId: number): Explanation | undefined {
	return typed.domain.chainId === chainId ? explainTypedData(typed) : undefined;
}

function transaction(call: TransactionData, chainId: number): Explanation | undefined {
	return call.chainId === chainId ? explainTransaction(call) : undefined;
}

/** Signs after a yes. What was agreed to is remembered only when there is a signature. */
async function agreed(address: Hex, explanation: Explanation | undefined, sign: () => Promise<Hex>): Promise<Hex> {
	if (explanation === undefined) throw new NotExplained();
	const allowed = allowance(address);
	// Looking at one's own moves nothing and shows nobody else anything; it is in the list of what was signed all the same.
	const silent =
		explanation.kind === "look" ||
		(explanation.kind === "voucher" && explanation.channel !== undefined && allowed.covers(explanation.channel, explanation.amount));
	if (!silent) await askConsent(explanation);
	const signature = await sign();
	if (explanation.kind === "deposit") allowed.raise(explanation.amount);
	else if (explanation.kind === "voucher" && explanation.channel !== undefined) allowed.sign(explanation.channel, explanation.amount);
	noteSignature(explanation, silent);
	return signature;
}
