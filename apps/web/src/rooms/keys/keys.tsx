/** API keys for programs that hold no account: made here, shown once, limited, seen, ended. */
import type { KeyBody } from "@freehold/protocol";
import type { AcceptedLicence, MadeKey } from "@freehold/sdk";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactElement, useEffect, useState } from "react";
import { addressOf, useSession } from "../../account/session.js";
import { requireAccount } from "../../account/starting.js";
import { Button } from "../../design/button.js";
import { RoomHead, Section, Tag } from "../../design/parts.js";
import { Sheet } from "../../design/sheet.js";
import { Empty, Note, Skeleton, TroubleNote } from "../../design/states.js";
import { Amount, Count, Hash, Time } from "../../design/values.js";
import { agreedLicence } from "../../licences/agreed.js";
import { askJson } from "../../network/ask.js";
import { freeholdOf, warmUp } from "../../network/freehold.js";
import { networkQuery } from "../../network/queries.js";
import { troubleOf } from "../../network/trouble.js";
import { KeyForm, type KeyWish } from "./key-form.js";
import { KeyLicences } from "./key-licences.js";
import { Snippets } from "./snippets.js";

const SPENDING_MS = 5_000;

export function Keys(): ReactElement {
	const session = useSession();
	const address = addressOf(session);
	useEffect(warmUp, []);
	const ready = session.kind === "key" || session.kind === "wallet";
	return (
		<>
			<RoomHead title="API keys">Give a program a key, and it asks the models here with any OpenAI client, on your money and within your limits.</RoomHead>
			{session.kind === "starting" ? (
				<Skeleton lines={4} />
			) : ready && address !== undefined ? (
				<Own key={address} address={address} asksItself={session.kind === "wallet"} />
			) : (
				<Empty
					title={session.kind === "locked" ? "Your key is locked" : "A key of your own comes first"}
					action={
						<Button kind="solid" icon="key" onClick={() => void requireAccount().catch(() => undefined)}>
							{session.kind === "locked" ? "Open it" : "Make one"}
						</Button>
					}
				>
					API keys spend from a channel that your own key signs for.
				</Empty>
			)}
		</>
	);
}

/** `asksItself`: a wallet asks for every signature, so the list is not asked for before the person wants it. */
function Own({ address, asksItself }: { readonly address: string; readonly asksItself: boolean }): ReactElement {
	const client = useQueryClient();
	const [wanted, setWanted] = useState(!asksItself);
	const [made, setMade] = useState<MadeKey>();
	const freehold = async () => freeholdOf(await client.ensureQueryData(networkQuery));
	const list = useQuery({
		queryKey: ["keys", address],
		queryFn: async ({ signal }) => (await freehold()).keys.list({ signal }),
		enabled: wanted,
		staleTime: 60_000,
		refetchOnWindowFocus: false,
	});
	const refresh = (): void => {
		for (const told of ["keys", "balance", "channels"]) void client.invalidateQueries({ queryKey: [told] });
	};
	const make = useMutation({
		mutationFn: async (wish: KeyWish) => {
			const { keys } = await freehold();
			const licences: AcceptedLicence[] = [];
			// One text at a time, as people read.
			for (const model of wish.models ?? []) licences.push(await agreedLicence(client, await freehold(), model));
			return keys.create({ ...wish, licences });
		},
		onSuccess: (key) => {
			setMade(key);
			setWanted(true);
		},
		onSettled: refresh,
	});
	return (
		<>
			{made && <Shown made={made} onClose={() => setMade(undefined)} />}
			<Section title="Yours" className="mt-0">
				{!wanted ? (
					<Button onClick={() => setWanted(true)}>Show my keys</Button>
				) : list.isError && list.data === undefined ? (
					<TroubleNote trouble={troubleOf(list.error, "Reading your keys")} retry={() => void list.refetch()} />
				) : list.data === undefined ? (
					<Skeleton lines={3} label="Reading your keys" />
				) : list.data.length === 0 ? (
					<p className="text-small text-soft">None yet.</p>
				) : (
					<ul className="card divide-y divide-line px-4" aria-label="API keys">
						{[...list.data]
							.sort((a, b) => b.createdAt - a.createdAt)
							.map((key) => (
								<KeyRow key={key.id} listed={key} onEnded={refresh} />
							))}
					</ul>
				)}
			</Section>
			<Section title="Make one">
				<KeyForm busy={make.isPending} onMake={(wish) => make.mutate(wish)} />
				{make.isError && <TroubleNote className="mt-4 max-w-xl" trouble={troubleOf(make.error, "Making the key")} />}
			</Section>
			<Section title="Use it">
				<Snippets apiKey={undefined} />
			</Section>
		</>
	);
}

function KeyRow({ listed, onEnded }: { readonly listed: KeyBody; readonly onEnded: () => void }): ReactElement {
	const client = useQueryClient();
	const [asking, setAsking] = useState(false);
	// By its id, which needs no signature: what it spent is seen as it is spent.
	const live = useQuery({
		queryKey: ["key", listed.id],
		queryFn: ({ signal }) => askJson(`/v1/keys/${listed.id}`, { what: "The gateway", signal }) as Promise<KeyBody>,
		initialData: listed,
		refetchInterval: ({ state: { data } }) => (data?.state === "active" ? SPENDING_MS : false),
	});
	const key = live.data;
	const revoke = useMutation({
		mutationFn: async () => (await freeholdOf(await client.ensureQueryData(networkQuery))).keys.revoke(key.id),
		onSuccess: (ended) => client.setQueryData(["key", key.id], ended),
		onSettled: () => {
			setAsking(false);
			onEnded();
		},
	});
	const risk = BigInt(key.signed) - BigInt(key.charged);
	const used = key.budget === "0" ? 0 : Number((BigInt(key.spent) * 1_000n) / BigInt(key.budget)) / 1_000;
	const active = key.state === "active";
	return (
		<li data-key={key.id} data-state={key.state} className="flex flex-wrap items-start gap-x-6 gap-y-2 py-3.5 text-small">
			<div className="min-w-52 flex-1">
				<p className="flex flex-wrap items-center gap-2">
					<span className="font-semibold">{key.name === "" ? "Without a name" : key.name}</span>
					{!active && <Tag tone="warn">{key.state === "revoked" ? "ended" : "expired"}</Tag>}
					<Hash value={key.id} label="key id" />
				</p>
				<p className="mt-1">
					<Amount value={key.spent} className="font-semibold" /> of <Amount value={key.budget} /> spent in <Count value={key.calls} unit={["call", "calls"]} />
				</p>
				<div className="mt-1.5 h-1.5 max-w-xs overflow-hidden rounded-full bg-sunken" aria-hidden="true">
					<div className="h-full origin-left bg-field" style={{ transform: `scaleX(${Math.min(1, used)})` }} />
				</div>
				<p className="mt-1.5 text-fine text-soft">
					{key.daily !== undefined && (
						<>
							<Amount value={key.spentToday} /> of <Amount value={key.daily} /> today ·{" "}
						</>
					)}
					{key.models === undefined ? "every model" : key.models.join(", ")}
					{key.expiresAt !== undefined && (
						<>
							{" "}
							· {active ? "ends" : "ended"} <Time value={key.expiresAt} />
						</>
					)}
					{key.lastUsedAt !== undefined && (
						<>
							{" "}
							· last used <Time value={key.lastUsedAt} />
						</>
					)}
				</p>
				{active && (
					<p className="mt-1 text-fine text-soft">
						At risk if it is stolen: <Amount value={risk > 0n ? risk : 0n} />, what you signed for and it has not spent.
					</p>
				)}
			</div>
			{active && (
				<Button small kind="danger" busy={revoke.isPending && "Ending"} onClick={() => setAsking(true)}>
					Revoke
				</Button>
			)}
			{active && (
				<div className="order-last w-full">
					<KeyLicences keyBody={key} />
				</div>
			)}
			{!active && (
				<Link to="/account" className="text-fine font-medium underline">
					Get the rest back in your account
				</Link>
			)}
			{asking && (
				<Sheet open title={`Revoke ${key.name === "" ? "this key" : key.name}`} onClose={() => setAsking(false)}>
					<p className="text-small">Programs that hold it are refused at once. Calls under way end as they were begun. It cannot be undone.</p>
					<div className="mt-5 flex flex-wrap justify-end gap-2.5">
						<Button kind="quiet" onClick={() => setAsking(false)}>
							Keep it
						</Button>
						<Button kind="danger" busy={revoke.isPending && "Ending"} onClick={() => revoke.mutate()}>
							Revoke it
						</Button>
					</div>
				</Sheet>
			)}
			{revoke.isError && <TroubleNote className="w-full" trouble={troubleOf(revoke.error, "Revoking")} />}
		</li>
	);
}

/** The only time that the key is seen. */
function Shown({ made, onClose }: { readonly made: MadeKey; readonly onClose: () => void }): ReactElement {
	return (
		<Sheet open wide title="Your new key" onClose={onClose}>
			<Note tone="warn" className="mb-4">
				It is shown once. Neither this page nor the gateway keeps it, so put it where your program finds it.
			</Note>
			<p className="mb-1 text-small font-semibold">The key</p>
			<p className="rounded-lg bg-sunken px-3 py-2.5 font-mono text-fine break-all" data-testid="made-key">
				{made.key}
			</p>
			<div className="mt-5">
				<Snippets apiKey={made.key} />
			</div>
			<div className="mt-5 flex justify-end">
				<Button kind="solid" onClick={onClose}>
					I have it
				</Button>
			</div>
		</Sheet>
	);
}
