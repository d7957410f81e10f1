/** `freehold earnings …`: what your models earned, and taking it out. */
import { formatOpg } from "@freehold/protocol";
import { accountName, addressOf } from "../accounts/accounts.js";
import { connectMember, connectVisitor } from "../client/connect.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

export const show: Action = async (context) => {
	const address = await addressOf(context, accountName(context));
	const { freehold } = await connectVisitor(context);
	const earnings = await freehold.earnings.show({ address, signal: context.signal });
	const opg = (amount: string): string => formatOpg(BigInt(amount));
	context.output.result(earnings, () => {
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

export const claim: Action = async (context) => {
	const { freehold } = await connectMember(context);
	const claimed = await freehold.earnings.claim({ signal: context.signal });
	const total = claimed.royalties + claimed.credit;
	context.output.result(claimed, () => (total === 0n ? "Nothing is claimable now." : `${formatOpg(total)} OPG claimed`));
	return 0;
};
