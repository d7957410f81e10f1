/** `freehold earnings …`: what your models earned, and taking it out. */
import { FreeholdError, formatOpg } from "@freehold/protocol";
import { breakDown, type EarningsColumn, earningsColumns } from "@freehold/sdk";
import { accountName, addressOf } from "../accounts/accounts.js";
import { connectMember, connectVisitor } from "../client/connect.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

export const show: Action = async (context, _args, options) => {
	const columns = readColumns(options["by"]);
	const address = await addressOf(context, accountName(context));
	const { freehold } = await connectVisitor(context);
	const earnings = await freehold.earnings.show({ address, signal: context.signal });
	const opg = (amount: string): string => formatOpg(BigInt(amount));
	const breakdown = columns.length === 0 ? undefined : breakDown(earnings, columns);
	context.output.result({ ...earnings, ...(breakdown === undefined ? {} : { by: breakdown }) }, () => {
		if (breakdown !== undefined)
			return table([[...columns, "OPG"], ...breakdown.map((row) => [...columns.map((column) => row[column] ?? "–"), opg(row.amount)])]);
		const rows = earnings.byModel.map(({ model, calls, gross, net }) => [model, String(calls), opg(gross), opg(net)]);
		return [
			`claimable   ${opg(earnings.claimable)} OPG`,
			...(earnings.upstream === "0" ? [] : [`on its way  ${opg(earnings.upstream)} OPG`]),
			...(earnings.credit === "0" ? [] : [`fees        ${opg(earnings.credit)} OPG`]),
			`claimed     ${opg(earnings.claimed)} OPG`,
			...(rows.length === 0 ? [] : ["", table([["model", "calls", "paid", "yours"], ...rows])]),
			...(earnings.reconciled ? [] : ["", "The hub's count and the chain differ: trust the claimable amount, which is the chain's own."]),
		].join("\n");
	});
	return 0;
};

export const claim: Action = async (context, _args, options) => {
	const to = typeof options["to"] === "string" ? { to: await addressOf(context, options["to"]) } : {};
	const { freehold } = await connectMember(context);
	const claimed = await freehold.earnings.claim({ ...to, signal: context.signal });
	const total = claimed.royalties + claimed.credit;
	context.output.result(claimed, () => (total === 0n ? "Nothing is claimable now." : `${formatOpg(total)} OPG claimed`));
	return 0;
};

function readColumns(value: unknown): readonly EarningsColumn[] {
	if (value === undefined) return [];
	const words = String(value).split(",");
	const columns = words.map((word) => earningsColumns.find((column) => column === word.trim()));
	if (columns.includes(undefined) || new Set(columns).size !== columns.length)
		throw new FreeholdError("config.invalid", { option: "--by", reason: `must be ${earningsColumns.join(", ")}, each at most once` });
	return columns as readonly EarningsColumn[];
}
