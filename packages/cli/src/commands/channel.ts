/** `freehold channel …`: the prepaid channel that calls are paid from. */
import { formatOpg } from "@freehold/protocol";
import { connectMember } from "../client/connect.js";
import { parseOpg } from "../input/amount.js";
import type { Action } from "../main.js";
import { table } from "../output/output.js";

export const open: Action = async (context, [amountText = ""]) => {
	const amount = parseOpg(amountText, "amount");
	const { freehold, lanes } = await connectMember(context);
	const opened = await lanes.alone(context.signal, () => freehold.channels.open({ amount, signal: context.signal }));
	context.output.result(opened, () => `${formatOpg(amount)} OPG put in; the channel holds ${formatOpg(opened.balance)} OPG`);
	return 0;
};

export const show: Action = async (context) => {
	const { freehold } = await connectMember(context);
	const channels = await freehold.channels.show({ signal: context.signal });
	context.output.result({ channels }, () =>
		channels.length === 0
			? "No channel. One opens by itself at your first call, or now with: freehold channel open OPG"
			: table([
					["channel", "put in", "spent", "left", ""],
					...channels.map(({ channelId, balance, charged, left, exit }) => [
						`${channelId.slice(0, 10)}…`,
						formatOpg(balance),
						formatOpg(charged),
						formatOpg(left),
						exit === undefined ? "" : `leaving; close again after ${new Date(exit.from).toISOString()}`,
					]),
				]),
	);
	return 0;
};

export const close: Action = async (context) => {
	const { freehold, lanes } = await connectMember(context);
	const channels = await lanes.alone(context.signal, () => freehold.channels.close({ signal: context.signal }));
	context.output.result({ channels }, () => {
		const lines = channels.flatMap((channel) => {
			if (channel.result === "returned") return [`${formatOpg(channel.amount)} OPG came back`];
			if (channel.result === "leaving")
				return [
					`The gateway did not give back by itself. ${formatOpg(channel.amount)} OPG come back when you close again after ${new Date(channel.from).toISOString()}`,
				];
			return [];
		});
		return lines.length === 0 ? "Nothing is left in any channel." : lines.join("\n");
	});
	return 0;
};
