/** One owner that is several people: opened by anyone, paid by shares, acting when enough shares agree. */
import { FreeholdError, type Hex } from "@freehold/protocol";
import { encodeFunctionData } from "viem";
import { contracts, coOwner } from "../chain/contracts.js";
import { decodeEvent } from "../chain/follow-events.js";
import type { Client } from "../client/client.js";
import { callOf, type ModelAct } from "../models/acts.js";
import { keyPart } from "../models/own.js";

interface Cancellable {
	readonly signal?: AbortSignal | undefined;
}

export interface Member {
	readonly address: Hex;
	/** Whole number; what matters is its part of the sum. */
	readonly shares: bigint;
}

export interface OpenCoOwnerOptions extends Cancellable {
	readonly members: readonly Member[];
	/** Shares that must agree to an act: more than half; default: the least such number. */
	readonly threshold?: bigint;
}

export interface CoOwnerView {
	readonly account: Hex;
	readonly members: readonly (Member & {
		/** What `pay` would give the member of what has come in, smallest unit. */
		readonly due: bigint;
		readonly paid: bigint;
	})[];
	readonly totalShares: bigint;
	readonly threshold: bigint;
	/** Owed to the account by the contracts, and taken in by `pay`. */
	readonly waiting: bigint;
}

/**
 * Opens a common account. A model is its members' as soon as it is given to it: `models.transfer(model, account)`.
 *
 * @example
 * const { account } = await freehold.coOwners.open({ members: [{ address: me, shares: 60n }, { address: friend, shares: 40n }] });
 */
export async function openCoOwner(client: Client, { members, threshold, signal }: OpenCoOwnerOptions): Promise<CoOwnerView & { readonly transaction: Hex }> {
	const total = members.reduce((sum, { shares }) => sum + shares, 0n);
	const needed = threshold ?? total / 2n + 1n;
	if (
		members.length === 0 ||
		members.length > 64 ||
		members.some(({ shares }) => shares <= 0n) ||
		new Set(members.map(({ address }) => address)).size !== members.length
	)
		throw new FreeholdError("request.invalid", { field: "members", reason: "must be 1 to 64, each once, with shares above zero" });
	if (needed * 2n <= total || needed > total)
		throw new FreeholdError("request.invalid", { field: "threshold", reason: `must be more than half of the ${total} shares, and at most all of them` });
	const { address, abi } = contracts.CoOwners;
	const salt: Hex = `0x${keyPart(client)}${keyPart(client)}${keyPart(client)}${keyPart(client)}`;
	const args = [members.map((member) => member.address), members.map((member) => member.shares), needed, salt] as const;
	const receipt = await client
		.transactor()
		.send({ key: `open ${salt}`, to: address, data: encodeFunctionData({ abi, functionName: "open", args }) }, { signal });
	const event = receipt.logs.map((log) => decodeEvent(log, [contracts.CoOwners])).find((candidate) => candidate?.name === "Opened");
	if (event === undefined) throw new FreeholdError("upstream.failed", { what: "The ledger", reason: `transaction ${receipt.hash} opened nothing` });
	const account = (event.args["account"] as string).toLowerCase() as Hex;
	return { ...(await showCoOwner(client, account, { signal })), transaction: receipt.hash };
}

/**
 * Members, shares, and what is due to whom. Throws `account.notCommon`.
 *
 * @example
 * const { members } = await freehold.coOwners.show(common);
 */
export async function showCoOwner(client: Client, account: Hex, { signal }: Cancellable = {}): Promise<CoOwnerView> {
	await requireCoOwner(client, account, signal);
	const contract = coOwner(account);
	const [addresses, totalShares, threshold, royalties, credit] = await Promise.all([
		client.chain.read(contract, "members", [], { signal }),
		client.chain.read(contract, "totalShares", [], { signal }),
		client.chain.read(contract, "threshold", [], { signal }),
		client.chain.read(contracts.Royalties, "claimable", [account], { signal }),
		client.chain.read(contracts.UsageLedger, "credit", [account], { signal }),
	]);
	const members = await Promise.all(
		addresses.map(async (address) => {
			const [shares, due, paid] = await Promise.all([
				client.chain.read(contract, "sharesOf", [address], { signal }),
				client.chain.read(contract, "due", [address], { signal }),
				client.chain.read(contract, "paidTo", [address], { signal }),
			]);
			return { address: address.toLowerCase() as Hex, shares, due, paid };
		}),
	);
	return { account, members, totalShares, threshold, waiting: royalties + credit };
}

/**
 * Takes in what the contracts owe the account, and pays every member. Anyone may.
 *
 * @example
 * await freehold.coOwners.pay(common);
 */
export async function payCoOwner(
	client: Client,
	account: Hex,
	{ signal }: Cancellable = {},
): Promise<{ readonly paid: readonly { readonly member: Hex; readonly amount: bigint }[]; readonly transaction: Hex }> {
	await requireCoOwner(client, account, signal);
	const contract = coOwner(account);
	const data = encodeFunctionData({ abi: contract.abi, functionName: "pay" });
	const receipt = await client.transactor().send({ key: `pay ${account} ${keyPart(client)}`, to: account, data }, { signal });
	const paid = receipt.logs.flatMap((log) => {
		const event = decodeEvent(log, [contract]);
		return event?.name === "Paid" ? [{ member: (event.args["member"] as string).toLowerCase() as Hex, amount: event.args["amount"] as bigint }] : [];
	});
	return { paid, transaction: receipt.hash };
}

export interface Agreement {
	/** True when this agreement completed the threshold, and the act was carried out. */
	readonly done: boolean;
	readonly agreedShares: bigint;
	readonly threshold: bigint;
	readonly transaction: Hex;
}

/**
 * Agrees, as a member, to what the account is to do with a model of its own.
 *
 * @example
 * const { done } = await freehold.coOwners.act(common, { kind: "price", model: "ada/digits", price: { perCall: 10n ** 18n } });
 */
export async function actTogether(client: Client, account: Hex, act: ModelAct, { signal }: Cancellable = {}): Promise<Agreement> {
	await requireCoOwner(client, account, signal);
	const contract = coOwner(account);
	const call = await callOf(client, act, account, signal);
	const data = encodeFunctionData({ abi: contract.abi, functionName: "act", args: [call.to, call.data] });
	const receipt = await client.transactor().send({ key: `act ${account} ${keyPart(client)}`, to: account, data }, { signal });
	const events = receipt.logs.map((log) => decodeEvent(log, [contract]));
	const agreed = events.find((event) => event?.name === "Agreed");
	return {
		done: events.some((event) => event?.name === "Acted"),
		agreedShares: (agreed?.args["agreedShares"] as bigint | undefined) ?? 0n,
		threshold: await client.chain.read(contract, "threshold", [], { signal }),
		transaction: receipt.hash,
	};
}

async function requireCoOwner(client: Client, account: Hex, signal: AbortSignal | undefined): Promise<void> {
	if (!(await client.chain.read(contracts.CoOwners, "isCoOwner", [account], { signal }))) throw new FreeholdError("account.notCommon", { account });
}
