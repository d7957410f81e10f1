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

type Transaction = Parameters<Account["signTransaction"]>[0];

interface Raw {
	readonly signTypedData: (typed: TypedData) => Promise<Hex>;
	readonly signTransaction: (transaction: Transaction) => Promise<Hex>;
}

export function signerOf(session: Session, chainId: number): Account | undefined {
	if (session.kind !== "key" && session.kind !== "wallet") return undefined;
	const { address } = session;
	const raw = session.kind === "wallet" ? walletSigner(session.wallet, address, chainId) : keySigner();
	if (raw === undefined) return undefined;
	return {
		address,
		async signTypedData(typed) {
			await agree(address, typed.domain.chainId === chainId ? explainTypedData(typed) : undefined);
			return raw.signTypedData(typed);
		},
		async signTransaction(transaction) {
			await agree(address, transaction.chainId === chainId ? explainTransaction(transaction as TransactionData) : undefined);
			return raw.signTransaction(transaction);
		},
	};
}

async function agree(address: Hex, explanation: Explanation | undefined): Promise<void> {
	if (explanation === undefined) throw new NotExplained();
	const allowed = allowance(address);
	const silent = explanation.kind === "voucher" && explanation.channel !== undefined && allowed.covers(explanation.channel, explanation.amount);
	if (!silent) await askConsent(explanation);
	if (explanation.kind === "deposit") allowed.raise(explanation.amount);
	else if (explanation.kind === "voucher" && explanation.channel !== undefined) allowed.sign(explanation.channel, explanation.amount);
	noteSignature(explanation, silent);
}

function keySigner(): Raw | undefined {
	const key = privateKey();
	if (key === undefined) return undefined;
	const account = privateKeyToAccount(key);
	return {
		signTypedData: (typed) => account.signTypedData(typed as Parameters<typeof account.signTypedData>[0]),
		signTransaction: (transaction) => account.signTransaction(transaction),
	};
}
