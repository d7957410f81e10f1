/** `freehold coowners …`: a model that belongs to several people. */
import { FreeholdError, formatOpg } from "@freehold/protocol";
import type { CoOwnerView, Member } from "@freehold/sdk";
import { addressOf } from "../accounts/accounts.js";
import { connectMember, connectVisitor } from "../client/connect.js";
import type { CommandContext } from "../context.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

export const open: Action = async (context, _args, options) => {
	const given = Array.isArray(options["member"]) ? (options["member"] as readonly string[]) : [];
	const members = await Promise.all(given.map((text) => readMember(context, text)));
	const threshold = typeof options["threshold"] === "string" ? { threshold: wholeNumber(options["threshold"], "--threshold") } : {};
	const { freehold } = await connectMember(context);
	const opened = await freehold.coOwners.open({ members, ...threshold, signal: context.signal });
	context.output.result(opened, () => [describe(opened), `Give it a model with: freehold model transfer NAMESPACE/NAME ${opened.account}`].join("\n"));
	return 0;
};

export const show: Action = async (context, [account = ""]) => {
	const { freehold } = await connectVisitor(context);
	const view = await freehold.coOwners.show(await addressOf(context, account), { signal: context.signal });
	context.output.result(view, () => describe(view));
	return 0;
};

export const pay: Action = async (context, [account = ""]) => {
	const { freehold } = await connectMember(context);
	const { paid, transaction } = await freehold.coOwners.pay(await addressOf(context, account), { signal: context.signal });
	context.output.result({ paid, transaction }, () =>
		paid.length === 0 ? "Nothing has come in." : paid.map(({ member, amount }) => `${formatOpg(amount)} OPG to ${member}`).join("\n"),
	);
	return 0;
};

function describe({ account, members, totalShares, threshold, waiting }: CoOwnerView): string {
	return [
		`${account} acts when ${threshold} of ${totalShares} shares agree; ${formatOpg(waiting)} OPG wait to be taken in (freehold coowners pay)`,
		table([
			["member", "shares", "due", "paid"],
			...members.map(({ address, shares, due, paid }) => [address, String(shares), formatOpg(due), formatOpg(paid)]),
		]),
	].join("\n");
}

/** `ACCOUNT:SHARES`. */
async function readMember(context: CommandContext, text: string): Promise<Member> {
	const split = text.lastIndexOf(":");
	if (split < 1) throw new FreeholdError("config.invalid", { option: "--member", reason: `${text} must be ACCOUNT:SHARES, such as ana:60` });
	return { address: await addressOf(context, text.slice(0, split)), shares: wholeNumber(text.slice(split + 1), "--member") };
}

function wholeNumber(text: string, option: string): bigint {
	if (!/^[1-9]\d{0,17}$/.test(text)) throw new FreeholdError("config.invalid", { option, reason: `${text} must be a whole number above zero` });
	return BigInt(text);
}
