/** Channels: what is in them, filling one, and getting back what is left. */
import { type Hex, parseOpg } from "@freehold/protocol";
import type { ChannelView, Closed } from "@freehold/sdk";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactElement, useState } from "react";
import { Button } from "../../design/button.js";
import { TextField } from "../../design/field.js";
import { Note, Skeleton, TroubleNote } from "../../design/states.js";
import { Amount, Hash, Time, useClock } from "../../design/values.js";
import { freeholdOf } from "../../network/freehold.js";
import { networkQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";

export function Channels({ address }: { readonly address: Hex }): ReactElement {
	const client = useQueryClient();
	const [text, setText] = useState("10");
	const amount = parseOpg(text.trim());
	const freehold = async () => freeholdOf(await client.ensureQueryData(networkQuery));
	const refresh = (): void => {
		void client.invalidateQueries({ queryKey: ["channels"] });
		void client.invalidateQueries({ queryKey: ["balance"] });
	};
	const query = useQuery({
		queryKey: ["channels", address],
		queryFn: async ({ signal }) => (await freehold()).channels.show({ signal }),
		refetchInterval: 10_000,
	});
	const open = useMutation({ mutationFn: async (deposit: bigint) => (await freehold()).channels.open({ amount: deposit }), onSettled: refresh });
	const close = useMutation({ mutationFn: async (channelId: Hex) => (await freehold()).channels.close({ channelId }), onSettled: refresh });
	const channels = (query.data ?? []).filter(({ balance, left, exit }) => left > 0n || exit !== undefined || balance > 0n);
	return (
		<>
			{query.isError && query.data === undefined ? (
				<TroubleNote trouble={troubleOf(query.error, "Reading your channels")} retry={() => void query.refetch()} />
			) : query.data === undefined ? (
				<Skeleton lines={3} label="Reading your channels" />
			) : channels.length === 0 ? (
				<p className="text-small text-soft">None is open. The first call opens one by itself, or fill one here.</p>
			) : (
				<ul className="card divide-y divide-line px-4">
					{channels.map((channel) => (
						<ChannelRow
							key={channel.channelId}
							channel={channel}
							busy={close.isPending && close.variables === channel.channelId}
							close={() => close.mutate(channel.channelId)}
						/>
					))}
				</ul>
			)}
			{close.isSuccess && close.data.map((closed) => <ClosedNote key={closed.channelId} closed={closed} />)}
			{close.isError && <TroubleNote className="mt-3" trouble={troubleOf(close.error, "Closing the channel")} />}
			<form
				className="mt-4 flex flex-wrap items-end gap-3"
				onSubmit={(event: FormEvent) => {
					event.preventDefault();
					if (amount !== undefined) open.mutate(amount);
				}}
			>
				<div className="w-44">
					<TextField
						label="Put in"
						unit="OPG"
						inputMode="decimal"
						value={text}
						fault={amount === undefined ? "An amount, such as 10" : undefined}
						onChange={(event) => setText(event.target.value)}
					/>
				</div>
				<Button type="submit" disabled={amount === undefined || amount === 0n} busy={open.isPending && "Putting it in"}>
					{channels.length === 0 ? "Open a channel" : "Fill it up"}
				</Button>
			</form>
			{open.isError && <TroubleNote className="mt-3" trouble={troubleOf(open.error, "Opening the channel")} />}
		</>
	);
}

function ChannelRow({ channel, busy, close }: { readonly channel: ChannelView; readonly busy: boolean; readonly close: () => void }): ReactElement {
	const { channelId, left, charged, balance, exit } = channel;
	const now = useClock();
	const used = balance === 0n ? 0 : Number((charged * 1000n) / balance) / 1000;
	return (
		<li className="flex flex-wrap items-center gap-x-6 gap-y-2 py-3 text-small">
			<div className="min-w-40 flex-1">
				<div>
					<Amount value={left} className="font-semibold" /> left, <Amount value={charged} /> spent
				</div>
				<div className="mt-1.5 h-1.5 max-w-xs overflow-hidden rounded-full bg-sunken" aria-hidden="true">
					<div className="h-full origin-left bg-field" style={{ transform: `scaleX(${1 - Math.min(1, used)})` }} />
				</div>
				{exit && (
					<p className="mt-1 text-fine text-soft">
						Leaving: <Amount value={exit.amount} />{" "}
						{exit.from > now ? (
							<>
								is free <Time value={exit.from} />
							</>
						) : (
							"is free now"
						)}
					</p>
				)}
			</div>
			<Hash value={channelId} label="channel" />
			<Button small busy={busy && "Closing"} disabled={left === 0n && exit === undefined} onClick={close}>
				{exit ? "Finish leaving" : "Close and get the rest back"}
			</Button>
		</li>
	);
}

function ClosedNote({ closed }: { readonly closed: Closed }): ReactElement {
	return (
		<Note tone={closed.result === "returned" ? "good" : "plain"} icon={closed.result === "returned" ? "check" : "info"} className="mt-3">
			<span role="status">
				{closed.result === "returned" ? (
					<>
						<Amount value={closed.amount} /> is back in your balance.
					</>
				) : closed.result === "leaving" ? (
					<>
						The exit has begun: <Amount value={closed.amount} /> is yours <Time value={closed.from} />. Come back then and finish it.
					</>
				) : (
					"There was nothing left in it."
				)}
			</span>
		</Note>
	);
}
