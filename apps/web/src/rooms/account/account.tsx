/** Who is at the page: the key, the money, the channels, and what was signed. */
import { networkOf } from "@freehold/protocol";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { useSession } from "../../account/session.js";
import { useSignedLog } from "../../account/signed-log.js";
import { requireAccount } from "../../account/starting.js";
import { askFaucet } from "../../account/test-money.js";
import { Button } from "../../design/button.js";
import { More, RoomHead, Section, Stat, Tag } from "../../design/parts.js";
import { Empty, Skeleton, TroubleNote } from "../../design/states.js";
import { Amount, Hash, Time } from "../../design/values.js";
import { balanceQuery, networkQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { Channels } from "./channels.js";
import { KeyPanel, RestorePanel } from "./key-panel.js";

export function AccountRoom(): ReactElement {
	const session = useSession();
	if (session.kind === "starting") return <Skeleton lines={4} />;
	if (session.kind === "none" || session.kind === "locked")
		return (
			<>
				<RoomHead title="Account">A key of your own: it asks, it owns, it is paid.</RoomHead>
				<Empty
					title={session.kind === "locked" ? "Your key is locked" : "No key in this browser yet"}
					action={
						<Button kind="solid" icon="key" onClick={() => void requireAccount().catch(() => undefined)}>
							{session.kind === "locked" ? "Open it" : "Make a key"}
						</Button>
					}
				>
					{session.kind === "locked" ? (
						<Hash value={session.address} label="address" />
					) : (
						"It is made here and stays here, encrypted. Nobody else ever has it, so keep a copy: export it once it holds something."
					)}
				</Empty>
				{session.kind === "none" && (
					<Section title="You have one already">
						<RestorePanel />
					</Section>
				)}
			</>
		);
	return (
		<>
			<RoomHead title="Account">
				<p className="flex flex-wrap items-center gap-2.5">
					<Hash value={session.address} label="address" lead={12} tail={10} />
					<Tag>
						{session.kind === "wallet"
							? session.wallet.name
							: session.protectedBy === "passphrase"
								? "key of this browser, behind a passphrase"
								: "key of this browser"}
					</Tag>
				</p>
			</RoomHead>
			<Money address={session.address} />
			<Section title="Payment channels" aside="What your calls are paid from">
				<Channels address={session.address} />
			</Section>
			<Section title="The key">
				<KeyPanel />
			</Section>
			<SignedLog />
		</>
	);
}

function Money({ address }: { readonly address: `0x${string}` }): ReactElement {
	const client = useQueryClient();
	const network = useQuery(networkQuery);
	const balance = useQuery(balanceQuery(address));
	const gives = network.data !== undefined && networkOf(network.data.chainId)?.development === true;
	const faucet = useMutation({ mutationFn: () => askFaucet(address), onSuccess: () => client.invalidateQueries({ queryKey: ["balance"] }) });
	return (
		<>
			<div className="flex flex-wrap items-center justify-between gap-6 border-y border-line py-5">
				<Stat label="Balance" note={gives ? "test money, worth nothing outside" : undefined}>
					{balance.data === undefined ? <span className="text-soft">…</span> : <Amount value={balance.data} />}
				</Stat>
				{gives && (
					<Button busy={faucet.isPending && "Getting it"} onClick={() => faucet.mutate()}>
						Get 100 OPG of test money
					</Button>
				)}
			</div>
			{faucet.isError && <TroubleNote className="mt-3" trouble={troubleOf(faucet.error, "Getting test money")} />}
		</>
	);
}

function SignedLog(): ReactElement {
	const entries = useSignedLog();
	return (
		<Section title="Signed since this page was opened" aside={entries.length > 0 && entries.length}>
			{entries.length === 0 ? (
				<p className="text-small text-soft">Nothing yet. Before anything is signed, this page says in words what it does, read from the data itself.</p>
			) : (
				<ul className="card divide-y divide-line px-4">
					{entries.map(({ explanation, silent, at }) => (
						<li key={`${at}${explanation.raw}`} className="py-2.5 text-small">
							<div className="flex flex-wrap items-baseline justify-between gap-x-4">
								<span className="font-medium">{explanation.title}</span>
								<span className="text-fine text-soft">
									{silent ? "within what you agreed to, " : "you said yes, "}
									<Time value={at} />
								</span>
							</div>
							<More summary="The data that was signed">
								<pre role="region" tabIndex={0} aria-label="Signed data" className="max-h-48 overflow-auto rounded-lg bg-sunken p-3 font-mono text-fine">
									{explanation.raw}
								</pre>
							</More>
						</li>
					))}
				</ul>
			)}
		</Section>
	);
}
